import ArgumentParser
import HTTP

extension PartitionCommand {
    struct Elect: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give partitions back to the first of their replicas.",
            discussion: "Only where that is in sync. Exit code 1 when one that was named could not be given back.")

        @OptionGroup var client: ClientOptions
        @OptionGroup var dryRun: DryRunOption
        @Flag(help: "All partitions that another broker leads.") var all = false
        @Argument(help: "Whose partitions.") var topic: String?
        @Argument(help: ArgumentHelp("Which of them.", valueName: "partition")) var partitions: [Int] = []

        func validate() throws {
            guard all == (topic == nil), all == partitions.isEmpty else {
                throw ValidationError("give a topic and its partitions, or --all")
            }
        }

        func run() throws {
            let cluster = client.makeClient()
            var table = Table("TOPIC", "PARTITION", "LEADER", "EPOCH", "")
            var (isMore, hasFailed) = (true, false)
            while isMore {
                let request = ClientRequest.json("POST", "/api/v1/metadata/elections" + dryRun.query, body)
                let response = try cluster.send(request).successful()
                let answer = try response.decoded(ElectionAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) }
                for row in answer.results {
                    // That it leads already is no failure.
                    if row.leader == nil, row.code != "election_not_needed" { hasFailed = true }
                    table.add(
                        row.topic, "\(row.partition)", row.leader.map(String.init) ?? "-",
                        row.leaderEpoch.map(String.init) ?? "-", row.detail ?? "")
                }
                // What was given back is not in the next answer.
                isMore = answer.more && answer.changed > 0 && !dryRun.isOn
            }
            if !client.json { try StandardOutput.writeLine(table.text) }
            if hasFailed { throw ExitCode(ExitStatus.failure.rawValue) }
        }

        private var body: String {
            guard let topic else { return #"{"type":"preferred"}"# }
            let numbers = partitions.map(String.init).joined(separator: ",")
            return #"{"type":"preferred","topics":[{"topic":\#(jsonString(topic)),"partitions":[\#(numbers)]}]}"#
        }
    }
}
