import Metadata
import Raft

/// The state tables' next stand: what changed since the last one, and how much of the log may go.
public struct Checkpoint: Sendable {
    /// The last applied entry.
    public var position: LogPosition
    public var changes: RowChanges
    public var counters: Counters
    public var digest: Digest
    /// Every entry up to here is no longer needed. Never behind `position`.
    public var compactThrough: LogPosition?
    /// Where the deletion of these entries may pause, in ascending order.
    public var compactionSteps: [LogPosition] = []

    public init(
        position: LogPosition, changes: RowChanges, counters: Counters, digest: Digest, compactThrough: LogPosition?
    ) {
        self.position = position
        self.changes = changes
        self.counters = counters
        self.digest = digest
        self.compactThrough = compactThrough
    }

    public init(
        position: LogPosition, changes: [RowChange], counters: Counters, digest: Digest, compactThrough: LogPosition?
    ) {
        self.init(
            position: position, changes: RowChanges(changes), counters: counters, digest: digest,
            compactThrough: compactThrough)
    }
}

/// All that a node remembers.
public struct RecoveredNode: Sendable {
    public var hardState: HardState
    /// The position just before the first entry; zero when the log begins at 1.
    public var logBase: LogPosition
    /// Without a gap from `logBase.index + 1` on.
    public var entries: [LogEntry]
    /// The position that `metadata` stands at: at least `logBase`, at most the last entry.
    public var applied: LogPosition
    public var metadata: MetadataStateMachine
    public var identity: NodeIdentity
    /// Why the files are taken for a copy or a restored backup, in words; `nil` if they are not. They may have forgotten
    /// votes and entries.
    public var copy: String?

    public init(
        hardState: HardState = HardState(), logBase: LogPosition = .zero, entries: [LogEntry] = [],
        applied: LogPosition = .zero, metadata: MetadataStateMachine = MetadataStateMachine(),
        identity: NodeIdentity = NodeIdentity(node: NodeID(1), directory: DirectoryID(high: 0, low: 0)),
        copy: String? = nil
    ) {
        self.hardState = hardState
        self.logBase = logBase
        self.entries = entries
        self.applied = applied
        self.metadata = metadata
        self.identity = identity
        self.copy = copy
    }
}

extension RecoveredNode {
    /// Whether the members are in the log, or were at the checkpoint.
    public var hasMembersInLog: Bool {
        metadata.counters.members != nil || entries.contains { $0.type == LogEntry.configuration }
    }
}
