import ArgumentParser

struct TopicCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "topic", abstract: "Look at topics, create and delete them.",
        subcommands: [List.self, Show.self, Create.self, AddPartitions.self, Delete.self])

    static let path = "/api/v1/metadata/topics"

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the names of all topics.")
        @OptionGroup var client: ClientOptions

        func run() throws {
            let response = try client.makeClient().send(.get(TopicCommand.path)).successful()
            if client.json { return try StandardOutput.writeLine(response.text) }
            for name in try response.decoded([String].self) { try StandardOutput.writeLine(name) }
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show a topic with its partitions.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The topic's name.") var name: String

        func run() throws {
            try client.run(.get(TopicCommand.path(of: name)), TopicAnswer.self, describe: TopicCommand.describe)
        }
    }

    struct Create: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Create a topic.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The topic's name.") var name: String
        @Option(help: "How many partitions it has; 1, or as many as are assigned.") var partitions: Int?
        @Option(help: "On how many brokers each partition is kept; 1, or as many as are assigned.")
        var replicationFactor: Int?
        @Option(
            help: ArgumentHelp(
                "The brokers of a partition, the first leader first; once for each. Tells how many there are, too.",
                valueName: "ids"), transform: brokerIDs)
        var assign: [[Int64]] = []
        @Option(help: ArgumentHelp("How long messages are kept; -1 for ever.", valueName: "ms"))
        var retentionMs: Int64?
        @Option(help: ArgumentHelp("How much of a partition is kept; -1 for all.", valueName: "bytes"))
        var retentionBytes: Int64?
        @Option(help: ArgumentHelp("The size of a segment file.", valueName: "bytes")) var segmentBytes: Int64?
        @Option(help: ArgumentHelp("How brokers compress messages.", valueName: "type")) var compressionType: String?
        @Option(help: ArgumentHelp("In-sync replicas that a write needs.", valueName: "n"))
        var minInsyncReplicas: Int?
        @OptionGroup var dryRun: DryRunOption

        func run() throws {
            try client.run(
                .json("POST", TopicCommand.path + dryRun.query, body), TopicAnswer.self,
                describe: TopicCommand.describe)
        }

        var body: String {
            var settings: [String] = []
            if let retentionMs { settings.append("\"retentionMs\":\(retentionMs)") }
            if let retentionBytes { settings.append("\"retentionBytes\":\(retentionBytes)") }
            if let segmentBytes { settings.append("\"segmentBytes\":\(segmentBytes)") }
            if let compressionType { settings.append("\"compressionType\":\(jsonString(compressionType))") }
            if let minInsyncReplicas { settings.append("\"minInsyncReplicas\":\(minInsyncReplicas)") }
            let config = settings.isEmpty ? "" : ",\"config\":{\(settings.joined(separator: ","))}"
            var counts: [String] = []
            // What is said beside assignments must agree with them.
            if let partitions = partitions ?? (assign.isEmpty ? 1 : nil) {
                counts.append("\"numPartitions\":\(partitions)")
            }
            if let factor = replicationFactor ?? (assign.isEmpty ? 1 : nil) {
                counts.append("\"replicationFactor\":\(factor)")
            }
            if !assign.isEmpty { counts.append("\"assignments\":\(assign)") }
            return "{\"topicName\":\(jsonString(name)),\(counts.joined(separator: ","))\(config)}"
        }
    }

    struct AddPartitions: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Give a topic more partitions.", discussion: "What is in the others stays where it is.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var dryRun: DryRunOption
        @Argument(help: "The topic's name.") var name: String
        @Argument(help: "How many it is to have.") var partitions: Int
        @Option(
            help: ArgumentHelp(
                "The brokers of a new partition, the first leader first; once for each.", valueName: "ids"),
            transform: brokerIDs)
        var assign: [[Int64]] = []

        func run() throws {
            let assignments = assign.isEmpty ? "" : ",\"assignments\":\(assign)"
            try client.run(
                .json(
                    "POST", TopicCommand.path(of: name) + "/partitions" + dryRun.query,
                    "{\"numPartitions\":\(partitions)\(assignments)}"), TopicAnswer.self,
                describe: TopicCommand.describe)
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Delete a topic.")
        @OptionGroup var client: ClientOptions
        @OptionGroup var dryRun: DryRunOption
        @Argument(help: "The topic's name.") var name: String

        func run() throws {
            try client.run(
                ClientRequest(method: "DELETE", path: TopicCommand.path(of: name) + dryRun.query),
                done: "topic \(name) \(dryRun.isOn ? "can be" : "is") deleted")
        }
    }

    private static func path(of name: String) -> String { "\(path)/\(PercentEncoding.encode(name))" }

    private static func describe(_ topic: TopicAnswer) -> String {
        var table = Table("PARTITION", "LEADER", "EPOCH", "FOLLOWERS", "IN SYNC")
        for partition in topic.partitions {
            table.add(
                "\(partition.id)", partition.leader.map(String.init) ?? "none",
                partition.leaderEpoch.map(String.init) ?? "-",
                partition.replicas.map(String.init).joined(separator: ","),
                partition.isr.map(String.init).joined(separator: ","))
        }
        let created = topic.createdAt.map { Timestamp.format(.milliseconds(max(0, $0))) } ?? "-"
        return """
            topic: \(topic.topicName)   partitions: \(topic.numPartitions)   \
            replication factor: \(topic.replicationFactor)   created: \(created)
            \(table.text)
            """
    }
}
