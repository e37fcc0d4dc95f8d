import ArgumentParser
import Raft
import Storage

struct MembersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "members", abstract: "Change or show the list of members that a stopped node has stored.",
        subcommands: [SetList.self, Show.self])

    struct SetList: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "set", abstract: "Give a stopped node another list of members.",
            discussion: """
                Stop all nodes, run this on each of them with the same services file, give all of them that file, start \
                them in any order. Nothing else in the directory changes, and an empty one has nothing to change.

                Exit code 0 when the node has the list, 65 when its data are damaged, 74 when they can not be read or \
                written, 75 when a node uses them, 78 when the file is wrong or the list is not one for these data.
                """)

        @Argument(help: ArgumentHelp("The services file with the new list.", valueName: "file"))
        var servicesFile: String

        @Argument(help: ArgumentHelp("The node's data directory, such as data/node1.", valueName: "directory"))
        var directory: String

        func validate() throws {
            guard !servicesFile.isEmpty, !directory.isEmpty else {
                throw ValidationError("neither the services file nor the data directory can be empty")
            }
        }

        func run() throws {
            try StandardOutput.writeLine(try StoredMembers.change(directory: directory, servicesFile: servicesFile))
        }
    }

    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show the members that a stopped node knows, with directories and votes.",
            discussion: "Changes nothing. Exit codes are those of verify.")

        @Argument(help: ArgumentHelp("The node's data directory, such as data/node1.", valueName: "directory"))
        var directory: String

        func run() throws { try StandardOutput.writeLine(try StoredMembers.show(directory: directory)) }
    }
}
