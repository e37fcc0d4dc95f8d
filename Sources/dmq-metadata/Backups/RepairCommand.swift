import ArgumentParser
import Storage

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair", abstract: "Let a node with damaged data come back with an empty directory.",
        discussion: """
            For a node that ended with 65, and is not running. Says what is damaged and moves the data into a directory \
            of their own, damaged-<time> in the node's. Started again, the node is filled by the leader. Do this only \
            where a majority of the others is well: "dmq-metadata status".

            Exit code 0 when the directory is empty, 1 when the data are sound, 74 when a file can not be moved, 75 when \
            a node runs on it.
            """)

    @Argument(help: ArgumentHelp("The data directory, such as data/node1.", valueName: "directory"))
    var directory: String

    @Flag(
        help: """
            Even if the data are sound in themselves: those of a node that the others contradict are.
            """)
    var force = false

    func validate() throws {
        guard !directory.isEmpty else { throw ValidationError("the directory can not have an empty name") }
    }

    func run() throws {
        let progress = RowProgress("🔍 checking")
        defer { progress.end() }
        let found = try asFailure { () throws(StorageError) in try findings(progress) }
        progress.end()
        for finding in found { try StandardOutput.writeLine(finding) }
        guard !found.isEmpty || force else {
            throw CommandFailure(
                .failure,
                "\(directory): sound, nothing was changed. If the node ended because the others contradict it, give --force."
            )
        }
        let place = try asFailure { () throws(StorageError) in
            try DataSetAside.move(directory, to: DataSetAside.damaged + NodeDirectory.stamp)
        }
        try StandardOutput.writeLine(
            place.map { "the data are in \($0) now; remove that when the node is well again" } ?? "there were no data")
        try StandardOutput.writeLine("next      start the node: it follows, and is filled by the leader")
    }

    private func findings(_ progress: RowProgress) throws(StorageError) -> [String] {
        do throws(StorageError) {
            return try Verification.verify(directory: directory, progress: progress.show).findings
        } catch .damaged(let text) {
            return [text]
        }
    }
}
