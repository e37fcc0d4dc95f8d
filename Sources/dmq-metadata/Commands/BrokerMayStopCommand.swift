import ArgumentParser

extension BrokerCommand {
    struct MayStop: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "may-stop", abstract: "Say what would happen if brokers stopped now, all together.",
            discussion: """
                Exit code 0 when no partition would lose its leader or go below its minimum of in-sync replicas because of \
                it, 1 when one would.
                """)

        @OptionGroup var client: ClientOptions
        @Option(help: "All brokers of a rack.") var rack: String?
        @Argument(help: "The brokers' ids.") var ids: [Int64] = []

        func validate() throws {
            guard ids.isEmpty == (rack != nil) else { throw ValidationError("give ids of brokers, or --rack") }
        }

        func run() throws {
            let response = try client.makeClient().send(.get(path)).successful()
            let check = try response.decoded(StopCheckAnswer.self)
            try StandardOutput.writeLine(client.json ? response.text : describe(check))
            if !check.safe { throw ExitCode(ExitStatus.failure.rawValue) }
        }

        private var path: String {
            let query = rack.map { "rack=" + PercentEncoding.encode($0) }
            return "/api/v1/metadata/stop-check?"
                + (query ?? "brokers=" + ids.map(String.init).joined(separator: ","))
        }

        private func describe(_ check: StopCheckAnswer) -> String {
            let counts = check.counts
            var lines = [
                "\(check.safe ? "safe" : "not safe"): \(counts.leaderless) leaderless, "
                    + "\(counts.belowMinIsr) below min ISR, \(counts.moves) led by another broker or none"
            ]
            guard !check.safe else { return lines[0] }
            var table = Table("TOPIC", "PARTITION", "WOULD BE")
            for place in check.leaderless { table.add(place.topic, "\(place.partition)", "leaderless") }
            for place in check.belowMinIsr { table.add(place.topic, "\(place.partition)", "below min ISR") }
            lines.append(table.text)
            let hidden = counts.leaderless + counts.belowMinIsr - check.leaderless.count - check.belowMinIsr.count
            if hidden > 0 { lines.append("and \(hidden) more") }
            return lines.joined(separator: "\n")
        }
    }
}
