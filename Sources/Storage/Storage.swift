// Skeleton: the signatures other targets build on.
import Metadata
import Raft

/// Why the store can not go on. Every case is final for the process; none is retried.
public enum StorageError: Error, Equatable, Sendable {
    /// Stored data is damaged, with the exact finding and what to do (exit 65).
    case damaged(String)
    /// The disk is full (exit 74).
    case full(String)
    /// The disk or file system failed (exit 74).
    case failed(String)
    /// Another process uses the data directory (exit 75).
    case inUse(String)
    /// The data directory belongs to another node or cluster (exit 78).
    case foreign(String)
}

/// The state tables' next stand: what changed since the last one, and how much of the log may go.
public struct Checkpoint: Sendable {
    /// The last applied entry.
    public var position: LogPosition
    public var changes: [RowChange]
    public var counters: Counters
    public var digest: Digest
    /// Every entry up to here is no longer needed. Never behind `position`.
    public var compactThrough: LogPosition?

    public init(
        position: LogPosition, changes: [RowChange], counters: Counters, digest: Digest, compactThrough: LogPosition?
    ) {
        self.position = position
        self.changes = changes
        self.counters = counters
        self.digest = digest
        self.compactThrough = compactThrough
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

    public init(
        hardState: HardState = HardState(), logBase: LogPosition = .zero, entries: [LogEntry] = [],
        applied: LogPosition = .zero, metadata: MetadataStateMachine = MetadataStateMachine()
    ) {
        self.hardState = hardState
        self.logBase = logBase
        self.entries = entries
        self.applied = applied
        self.metadata = metadata
    }
}

/// One node's SQLite file. Blocking, and confined to one queue.
public final class NodeStore {
    public struct Measurements: Sendable {
        public var databaseBytes: Int64 = 0
        public var walBytes: Int64 = 0
        public init() {}
    }

    /// Opens (or creates) `directory`/node.db, takes the lock against a second process, checks identity and schema.
    public init(directory: String, node: NodeID) throws(StorageError) {}

    /// Loads and checks everything: each entry's checksum, the log's continuity, the digest of the state tables.
    /// `progress` is called now and then with the rows read so far.
    public func recover(progress: (_ rows: Int) -> Void) throws(StorageError) -> RecoveredNode { RecoveredNode() }

    /// Applies the writes in order in one transaction; durable on return.
    public func commit(_ writes: [Write]) throws(StorageError) {}

    /// Brings the state tables to `checkpoint` and deletes the log behind, in one transaction.
    public func checkpoint(_ checkpoint: Checkpoint) throws(StorageError) {}

    /// Moves committed WAL frames into the database when there are enough of them. For moments without load.
    public func checkpointWAL(minimumFrames: Int) throws(StorageError) {}

    public func measure() -> Measurements { Measurements() }

    /// Forgets an earlier, unfinished staging.
    public func beginStaging() throws(StorageError) {}
    /// Adds rows of a snapshot that is being received; durable only with ``installStaged``.
    public func stage(_ rows: [Row]) throws(StorageError) {}
    /// Replaces the state by the staged rows and the whole log by nothing, in one transaction, if the rows' digest is
    /// `digest`; returns the new state machine.
    public func installStaged(
        position: LogPosition, counters: Counters, digest: Digest
    ) throws(StorageError) -> MetadataStateMachine { MetadataStateMachine() }

    public func close() throws(StorageError) {}
}

/// The state tables at one checkpoint, read in chunks through a read-only connection beside the writer.
public final class SnapshotReader {
    public let position: LogPosition = .zero
    public let counters = Counters()
    public let digest = Digest()

    public init(directory: String) throws(StorageError) {}
    /// Rows of about `maxBytes` altogether (at least one); empty at the end.
    public func next(maxBytes: Int) throws(StorageError) -> [Row] { [] }
    public func close() {}
}
