import ArgumentParser
import Glibc
import Metadata
import Raft
import Server
import Storage
import Wire

struct RecoverCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "recover",
        abstract: "Make a cluster of the one node that is left, when a majority is gone for good.",
        discussion: """
            For a node that is not running. Its data become those of a new cluster; the others come with empty directories, and \
            with the first majority of them it takes writes again. What the lost ones acknowledged and this one had not received is lost. Says first how \
            far this one's data go, and asks. The files as they were stay in before-recovery-<time> in the directory.

            Exit code 0 when it is done, 1 when it was not confirmed, 65 when the data are damaged, 74 when a file can not \
            be read or written, 75 when a node runs on the directory.
            """)

    @Flag(help: "This is the last resort, and must be asked for.") var force = false
    @Flag(help: "Do not ask.") var yes = false

    @Argument(help: ArgumentHelp("The data directory, such as data/node1.", valueName: "directory"))
    var directory: String

    func validate() throws {
        guard force else {
            throw ValidationError(
                "recover makes a new cluster of one node's data and gives up what only the others have. While a majority of "
                    + "the nodes can be started, start them. Else give --force")
        }
        guard !directory.isEmpty else { throw ValidationError("the directory can not have an empty name") }
    }

    func run() throws {
        let found = try DataVerification.soundData(directory: directory)
        guard let node = found.node, !found.members.isEmpty else {
            throw CommandFailure(
                .configuration,
                "\(directory): the node has never been a member of a cluster; there is nothing to recover")
        }
        try StandardOutput.writeLine(Self.warning(found, node, directory))
        try confirm()
        let left = try LeftNode(directory: directory, node: node)
        try StandardOutput.writeLine(try left.begin(found.members.map(\.id)))
    }

    private func confirm() throws(CommandFailure) {
        guard !yes else { return }
        guard isatty(STDIN_FILENO) == 1 else {
            throw CommandFailure(.failure, "nobody is there to be asked; give --yes. Nothing was changed.")
        }
        try StandardOutput.write(Array("Type \"recover\" to go on: ".utf8))
        guard readLine() == "recover" else { throw CommandFailure(.failure, "not confirmed; nothing was changed") }
    }

    private static func warning(_ found: Verification, _ node: NodeID, _ directory: String) -> String {
        let others = found.members.map(\.id).filter { $0 != node }.map(\.description).joined(separator: ", ")
        let (last, applied) = (found.lastLog, found.applied)
        let uncertain =
            last.index > applied.index
            ? "entries \(applied.index.next) to \(last.index) may not have been acknowledged; they take effect now"
            : "nothing that was not committed before"
        return """
            \(directory): node \(node) of cluster \(found.clusterName)
            has       everything up to entry \(last.index) of term \(last.term)
            loses     whatever nodes \(others) acknowledged behind it; from here nobody can tell whether there was anything
            gains     \(uncertain)
            becomes   a new cluster with a new id: no disk of the others can join it, they come empty
            """
    }
}

/// The node that is left: all that it knows, applied or not.
struct LeftNode {
    private let directory: String
    private let node: NodeID
    private let state: RestoredState

    init(directory: String, node: NodeID) throws(CommandFailure) {
        self.directory = directory
        self.node = node
        let recovered = try asFailure { () throws(StorageError) in
            let store = try NodeStore(directory: directory, node: node, newDirectory: .random())
            let recovered = try store.recover { _ in }
            // Whatever else it may be, it is to be as it was: it goes aside.
            try store.close()
            return recovered
        }
        state = try Self.state(of: recovered)
    }

    private static func state(of recovered: RecoveredNode) throws(CommandFailure) -> RestoredState {
        var metadata = recovered.metadata
        var applied = recovered.applied
        for entry in recovered.entries where entry.index > applied.index {
            // Who the members were says nothing about the new cluster.
            if entry.type == LogEntry.configuration {
                applied = entry.position
                continue
            }
            do throws(WireError) {
                let command = try CommandCodec.decode(type: entry.type, data: entry.data)
                _ = metadata.apply(command, timestamp: entry.timestamp)
            } catch {
                throw CommandFailure(
                    .dataError, "log entry \(entry.index), \(entry.type): \(error). Use the program that wrote it.")
            }
            applied = entry.position
        }
        let whole = metadata
        return RestoredState(
            counters: whole.counters, applied: applied, term: recovered.hardState.currentTerm
        ) { (body: (Row) throws(RestoreError) -> Void) throws(StorageError) in
            var failure: RestoreError?
            whole.forEachRow { row in
                guard failure == nil else { return }
                do throws(RestoreError) { try body(row) } catch { failure = error }
            }
            if let failure { throw .failed(failure.description) }
        }
    }

    func begin(_ members: [NodeID]) throws(CommandFailure) -> String {
        let progress = RowProgress("📦 recovering")
        defer { progress.end() }
        var aside = directory
        do throws(StorageError) {
            aside = try DataSetAside.move(directory, to: DataSetAside.recovered + NodeDirectory.stamp) ?? directory
            let restored = try Restoration(state, for: node, of: members).write(
                to: EmptyDirectory(directory), bornAt: RunningNode.unixMilliseconds, name: DirectoryID.random,
                progress: progress.show)
            return """
                \(restored.directory): node \(node) of the new cluster \(restored.clusterID)
                state     \(restored.rows) rows as of entry \(state.applied.index), digest \(restored.digest)
                revision  \(state.counters.revision) → \(restored.counters.revision), metadata version \
                \(state.counters.version) → \(restored.counters.version), term \(state.term) → \(restored.term)
                before    \(aside); remove that when all is well
                \(NextSteps.text(node, members))
                """
        } catch {
            throw CommandFailure(CommandFailure(error).status, "\(error) The data as they were are in \(aside).")
        }
    }
}
