import ArgumentParser

struct ConsumerGroupCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "group", abstract: "Look at consumer groups, and delete them.",
        subcommands: [List.self, Show.self, Delete.self])

    private static let path = "/api/v1/metadata/consumer-groups"

    struct List: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List all groups.")
        @OptionGroup var client: ClientOptions

        func run() throws {
            try client.run(.get(ConsumerGroupCommand.path), [GroupAnswer].self, describe: ConsumerGroupCommand.table)
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one group.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The group's id, G_TOPIC_APPLICATION.") var id: String

        func run() throws {
            try client.run(.get(ConsumerGroupCommand.path(of: id)), GroupAnswer.self) {
                ConsumerGroupCommand.table([$0])
            }
        }
    }

    struct Delete: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a group.", discussion: "In the name of the broker that leads it at present.")
        @OptionGroup var client: ClientOptions
        @Argument(help: "The group's id, G_TOPIC_APPLICATION.") var id: String

        func run() throws {
            let path = ConsumerGroupCommand.path(of: id)
            let group = try client.makeClient().send(.get(path)).successful().decoded(GroupAnswer.self)
            try client.run(
                ClientRequest(method: "DELETE", path: path + "?brokerId=\(group.groupLeaderBrokerId)"),
                done: "group \(id) is deleted")
        }
    }

    private static func path(of id: String) -> String { "\(path)/\(PercentEncoding.encode(id))" }

    private static func table(_ groups: [GroupAnswer]) -> String {
        var table = Table("GROUP", "TOPIC", "APPLICATION", "BROKER", "URL", "MODIFIED")
        for group in groups {
            table.add(
                group.groupId, group.topic, group.appId, "\(group.groupLeaderBrokerId)", group.groupLeaderUrl ?? "-",
                Timestamp.format(.milliseconds(max(0, group.lastModifiedAt))))
        }
        return table.text
    }
}
