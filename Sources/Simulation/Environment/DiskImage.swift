import Metadata
import Raft
import Storage

/// What is on a node's platter: all of it survives a crash. Keeps the same things as the real store, and is as strict:
/// what the real store would refuse is a defect here.
struct DiskImage {
    /// `nil` until the directory was first started on.
    var identity: NodeIdentity?
    /// The files were copied, or restored from a backup: the real store sees that by itself.
    var isCopy = false
    var hardState = HardState()
    var logBase = LogPosition.zero
    var entries: [LogEntry] = []
    /// What the rows stand at.
    var applied = LogPosition.zero
    var rows = SortedRows()
    var counters = Counters()
    var digest = Digest()
    private var staged: [Row] = []
    /// What the undamaged data had; `nil` while all of it is undamaged.
    var checksums: Checksums?

    /// The caller of the disk broke its contract.
    struct Defect: Error { let text: String }

    /// What is stored is not what was written.
    struct Damage: Error { let finding: String }

    var lastIndex: LogIndex { logBase.index + entries.count }

    init() { digest = MetadataStateMachine().digest }

    /// The term of the entry at `index`, also of one that was compacted into the rows just there; `nil` when unknown.
    func term(at index: LogIndex) -> Term? {
        if index == logBase.index { return logBase.term }
        guard index > logBase.index, index <= lastIndex else { return nil }
        return entries[Int(index.number - logBase.index.number) - 1].term
    }

    /// Whether the entry is here: in the log, or in the rows that replaced it.
    func holds(_ position: LogPosition) -> Bool {
        position.index < logBase.index || term(at: position.index) == position.term
    }

    mutating func commit(_ write: Write) throws(Defect) {
        if let state = write.hardState {
            guard state.mayFollow(hardState) else {
                throw Defect(text: "stored term or vote goes back from \(hardState) to \(state)")
            }
            hardState = state
        }
        if let index = write.truncateFrom {
            guard index > logBase.index, index > applied.index else {
                throw Defect(text: "truncation from \(index) reaches applied \(applied) or base \(logBase)")
            }
            if index <= lastIndex {
                entries.removeSubrange(Int(index.number - logBase.index.number) - 1..<entries.count)
            }
        }
        for entry in write.entries {
            guard entry.index == lastIndex.next else {
                throw Defect(text: "entry \(entry.position) stored behind \(lastIndex)")
            }
            entries.append(entry)
        }
    }

    mutating func apply(_ checkpoint: Checkpoint) throws(Defect) {
        guard checkpoint.position.index > applied.index, holds(checkpoint.position) else {
            throw Defect(text: "checkpoint at \(checkpoint.position) behind \(applied), log up to \(lastIndex)")
        }
        for change in checkpoint.changes { rows[change.key] = change.row }
        rows.forgetPast(through: checkpoint.counters.horizon)
        applied = checkpoint.position
        counters = checkpoint.counters
        digest = checkpoint.digest
        guard let base = checkpoint.compactThrough else { return }
        guard base.index <= applied.index, holds(base) else {
            throw Defect(text: "compaction through \(base) beyond checkpoint \(applied)")
        }
        guard base.index > logBase.index else { return }
        entries.removeSubrange(..<Int(base.index.number - logBase.index.number))
        logBase = base
    }

    mutating func stage(_ more: [Row], isFirst: Bool) {
        if isFirst { staged = [] }
        staged += more
    }

    /// Replaces everything but term and vote by the staged rows, if they add up to `expected`.
    mutating func installStaged(
        position: LogPosition, counters: Counters, digest expected: Digest
    ) throws -> MetadataStateMachine {
        let machine = try Self.machine(counters, staged)
        guard machine.digest == expected else {
            throw RestoreError(description: "digest \(machine.digest) of staged rows, announced was \(expected)")
        }
        rows = SortedRows(staged)
        staged = []
        logBase = position
        entries = []
        applied = position
        self.counters = counters
        digest = expected
        return machine
    }

    /// What a process finds when it starts, all of it checked.
    func recover(node id: NodeID, newDirectory: DirectoryID) throws(Damage) -> RecoveredNode {
        if let finding = checksums?.finding(in: self, node: id) { throw Damage(finding: finding) }
        let machine: MetadataStateMachine
        do { machine = try Self.machine(counters, rows.inOrder) } catch {
            throw Damage(finding: "stored rows: \(error)")
        }
        guard machine.digest == digest else {
            throw Damage(
                finding: "stored rows have digest \(machine.digest), checkpoint \(applied) says \(digest)")
        }
        return RecoveredNode(
            hardState: hardState, logBase: logBase, entries: entries, applied: applied, metadata: machine,
            identity: identity ?? NodeIdentity(node: id, directory: newDirectory),
            copy: isCopy ? "simulated: the files are a copy" : nil)
    }

    private static func machine(_ counters: Counters, _ rows: [Row]) throws(RestoreError) -> MetadataStateMachine {
        var machine = MetadataStateMachine(counters: counters)
        for row in rows { try machine.restore(row) }
        try machine.finishRestoration()
        return machine
    }
}
