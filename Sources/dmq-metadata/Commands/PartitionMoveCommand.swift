import ArgumentParser
import HTTP

extension PartitionCommand {
    private static let path = "/api/v1/metadata/reassignments"

    struct Move: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Move a partition to other brokers, or take that back.",
            discussion: """
                New replicas come first, and old ones go when all that stay and come are in sync. Exit code 1 when it was \
                refused.
                """)

        @OptionGroup var client: ClientOptions
        @OptionGroup var dryRun: DryRunOption
        @Argument(help: "Whose partition.") var topic: String
        @Argument(help: "Which of them.") var partition: Int
        @Option(help: ArgumentHelp("The brokers, the first leader first.", valueName: "ids"), transform: brokerIDs)
        var to: [Int64]?
        @Flag(help: "Go back to where it began.") var cancel = false
        @Flag(help: "Refuse another number of replicas.") var keepReplicationFactor = false

        func validate() throws {
            guard cancel == (to == nil) else { throw ValidationError("give either --to or --cancel") }
        }

        func run() throws {
            let response = try client.makeClient().send(.json("POST", PartitionCommand.path + dryRun.query, body))
                .successful()
            let answer = try response.decoded(ReassignmentAnswer.self)
            if client.json {
                try StandardOutput.writeLine(response.text)
            } else {
                var table = Table("TOPIC", "PARTITION", "REPLICAS", "ADDING", "REMOVING", "LEADER", "")
                for row in answer.results { table.add(row.columns + [row.state]) }
                try StandardOutput.writeLine(table.text)
            }
            if answer.results.contains(where: { $0.code != nil }) { throw ExitCode(ExitStatus.failure.rawValue) }
        }

        var body: String {
            let replicas = to.map { "[\($0.map(String.init).joined(separator: ","))]" } ?? "null"
            let keeps = keepReplicationFactor ? #","allowReplicationFactorChange":false"# : ""
            return
                #"{"partitions":[{"topic":\#(jsonString(topic)),"partition":\#(partition),"replicas":\#(replicas)}]\#(keeps)}"#
        }
    }

    struct Moves: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List the partitions that are on their way to other brokers, and how far they are.",
            discussion: "With --json one line for each page of the listing. How far they are the leader knows.")

        @OptionGroup var client: ClientOptions
        @Flag(help: "Take all of them back. Exit code 1 if some could not be.") var cancelAll = false

        func run() throws {
            cancelAll ? try cancel() : try list()
        }

        private func list() throws {
            let cluster = client.makeClient()
            var table = Table("TOPIC", "PARTITION", "REPLICAS", "ADDING", "REMOVING", "LEADER", "BEHIND", "STUCK")
            var next: String?
            repeat {
                let query = "?consistency=linearizable" + (next.map { "&after=" + PercentEncoding.encode($0) } ?? "")
                let response = try cluster.send(.get(PartitionCommand.path + query)).successful()
                let page = try response.decoded(ReassignmentsAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) }
                for row in page.reassignments { table.add(row.columns + [row.behind, row.stuck ?? ""]) }
                // A server that repeated itself would keep us here for ever.
                guard page.next == nil || page.next != next else { break }
                next = page.next
            } while next != nil
            if !client.json { try StandardOutput.writeLine(table.text) }
        }

        private func cancel() throws {
            let cluster = client.makeClient()
            var (cancelled, refused, isMore) = (0, 0, true)
            while isMore {
                let request = ClientRequest(method: "DELETE", path: PartitionCommand.path)
                let response = try cluster.send(request).successful()
                let answer = try response.decoded(CancellationAnswer.self)
                if client.json { try StandardOutput.writeLine(response.text) }
                cancelled += answer.cancelled
                refused = answer.refused
                isMore = answer.more && answer.cancelled > 0
            }
            if !client.json { try StandardOutput.writeLine("cancelled: \(cancelled), refused: \(refused)") }
            if refused > 0 { throw ExitCode(ExitStatus.failure.rawValue) }
        }
    }
}

/// `101,102,103`.
func brokerIDs(_ text: String) throws -> [Int64] {
    let ids = text.split(separator: ",", omittingEmptySubsequences: false).map { Int64($0) }
    guard !ids.contains(nil) else { throw ValidationError("“\(text)” is no list of brokers, such as 101,102") }
    return ids.compactMap { $0 }
}
