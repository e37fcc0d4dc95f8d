import ArgumentParser
import HTTP

struct PartitionCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "partition", abstract: "Show partitions, and who leads them.",
        subcommands: [List.self, Elect.self, Move.self, Moves.self])

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List partitions, all or those in a condition.",
            discussion: "With --json one line for each page of the listing.")

        /// As the server calls them.
        enum State: String, EnumerableFlag {
            case offline, underReplicated, underMinIsr, atMinIsr, notPreferred, reassigning

            static func help(for state: Self) -> ArgumentHelp? {
                switch state {
                case .offline: "Only those without a leader."
                case .underReplicated: "Only those of which not all replicas are in sync."
                case .underMinIsr: "Only those with fewer in-sync replicas than their minimum."
                case .atMinIsr: "Only those with just as many in-sync replicas as their minimum."
                case .reassigning: "Only those on their way to other brokers."
                case .notPreferred: "Only those led by another than the first of their replicas."
                }
            }
        }

        @OptionGroup var client: ClientOptions
        @Flag(exclusivity: .exclusive) var state: State?
        @Option(help: ArgumentHelp("Only those with a replica on this broker.", valueName: "id")) var broker: Int64?
        @Option(help: ArgumentHelp("Only those that this broker leads.", valueName: "id")) var leader: Int64?
        @Option(help: ArgumentHelp("Only those of this topic.", valueName: "name")) var topic: String?

        func run() throws {
            let cluster = client.makeClient()
            var table = Table("TOPIC", "PARTITION", "LEADER", "EPOCH", "REPLICAS", "IN SYNC", "STATE")
            var next: String?
            repeat {
                let response = try cluster.send(.get(path(after: next))).successful()
                let page = try response.decoded(PartitionsAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) }
                for row in page.partitions {
                    table.add(
                        row.topic, "\(row.partition)", row.leader.map(String.init) ?? "none", "\(row.leaderEpoch)",
                        row.assignment.map(String.init).joined(separator: ","),
                        row.isr.map(String.init).joined(separator: ","), row.states.joined(separator: " "))
                }
                // A server that repeated itself would keep us here for ever.
                guard page.next == nil || page.next != next else { break }
                next = page.next
            } while next != nil
            if !client.json { try StandardOutput.writeLine(table.text) }
        }

        func path(after next: String?) -> String {
            var query: [String] = []
            if let state { query.append("state=\(state.rawValue)") }
            if let broker { query.append("broker=\(broker)") }
            if let leader { query.append("leader=\(leader)") }
            if let topic { query.append("topic=" + PercentEncoding.encode(topic)) }
            if let next { query.append("after=" + PercentEncoding.encode(next)) }
            return "/api/v1/metadata/partitions" + (query.isEmpty ? "" : "?" + query.joined(separator: "&"))
        }
    }
}

/// Whether brokers can do their work.
struct HealthCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Say whether brokers can do their work, and if not, why.",
        discussion: "Exit code 0 when all is well, 1 when a copy or a leader is missing.")
    @OptionGroup var client: ClientOptions

    func run() throws {
        let response = try client.makeClient().send(.get("/api/v1/metadata/health/cluster")).successful()
        let health = try response.decoded(HealthAnswer.self)
        try StandardOutput.writeLine(
            client.json ? response.text : ([health.status] + health.reasons).joined(separator: "\n"))
        if health.status != "ok" { throw ExitCode(ExitStatus.failure.rawValue) }
    }
}
