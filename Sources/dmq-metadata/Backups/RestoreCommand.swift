import ArgumentParser
import Metadata
import Raft
import Server
import Storage

struct RestoreCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "restore", abstract: "Begin a new cluster with the state of a backup.",
        discussion: """
            Writes the directory of one node, which must be empty; start that node first, then the others, with empty \
            directories: they join it and are filled. The cluster has a new id, so nothing of the one before can meet it. \
            Revisions, metadata versions, leader epochs and the term go on from far beyond those in the backup, so that no \
            client sees one twice.

            Exit code 0 when it is done, 65 when the backup is damaged or none, 74 when a file can not be read or written, \
            75 when a node runs on the directory, 78 when there are data in it, or the node is none of the list.
            """)

    @Argument(help: ArgumentHelp("A file that backup has written, by whichever node.", valueName: "file"))
    var file: String

    @Option(help: ArgumentHelp("The node to begin with.", valueName: "id"))
    var node: UInt64

    @Option(
        name: .customLong("data-dir"),
        help: ArgumentHelp(
            "Its directory; that of the systemd unit if there is one, else data/node<id>.", valueName: "directory"))
    var dataDirectory: String?

    @Option(
        help: ArgumentHelp(
            "The file that lists the nodes; etc/services.json, then /etc/dmq-metadata/services.json.", valueName: "file"
        ))
    var services: String?

    @Option(
        name: .customLong("bump-revision"),
        help: ArgumentHelp("How far revisions and metadata versions jump.", valueName: "count"))
    var bump: UInt64 = Jump().revision

    func validate() throws {
        guard (1...1_000_000_000_000).contains(bump) else {
            throw ValidationError("--bump-revision takes a number from 1 to 1000000000000")
        }
        guard node > 0, !file.isEmpty, dataDirectory != "" else {
            throw ValidationError("give a file, a node's id and, if any, a directory with a name")
        }
    }

    func run() throws {
        let node = NodeID(node)
        let members = try ServicesFile.members(of: services).map(\.id)
        guard members.contains(node) else {
            let ids = members.map(\.description).joined(separator: ", ")
            throw CommandFailure(.configuration, "node \(node) is none of those in the services file: \(ids)")
        }
        let saved = try SavedBackup.verified(file)
        var jump = Jump()
        (jump.revision, jump.version) = (bump, bump)
        let progress = RowProgress("📦 restoring")
        defer { progress.end() }
        let restored = try asFailure { () throws(StorageError) in
            let target = try EmptyDirectory(NodeDirectory.path(of: node.number, given: dataDirectory))
            return try Restoration(RestoredState(BackupFile(path: file)), for: node, of: members, jump: jump).write(
                to: target, bornAt: RunningNode.unixMilliseconds, name: DirectoryID.random, progress: progress.show)
        }
        progress.end()
        try StandardOutput.writeLine(Self.report(restored, of: node, members, from: saved))
    }

    private static func report(
        _ restored: Restoration.Result, of node: NodeID, _ members: [NodeID], from saved: SavedBackup
    ) -> String {
        let before = saved.record
        return """
            \(restored.directory): node \(node) of the new cluster \(restored.clusterID)
            state     \(restored.rows) rows, digest \(restored.digest)
            revision  \(before.counters.revision) → \(restored.counters.revision), metadata version \
            \(before.counters.version) → \(restored.counters.version), term \(before.term) → \(restored.term)
            \(NextSteps.text(node, members))
            """
    }
}

/// What to do with a directory that begins a cluster.
enum NextSteps {
    static func text(_ node: NodeID, _ members: [NodeID]) -> String {
        let others = members.filter { $0 != node }.map(\.description).joined(separator: ", ")
        guard !others.isEmpty else { return "next      start node \(node)" }
        return
            "next      start node \(node), then node \(others) with empty directories: they join it, and a majority leads"
    }
}
