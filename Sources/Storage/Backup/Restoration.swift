import Glibc
import Metadata
import Raft

/// A state to begin a new cluster with, and where it was.
public struct RestoredState {
    public var counters: Counters
    public var applied: LogPosition
    public var term: Term
    /// Hands on all rows, in the order in which a state machine restores them.
    public var forEachRow: ((Row) throws(RestoreError) -> Void) throws(StorageError) -> Void

    public init(
        counters: Counters, applied: LogPosition, term: Term,
        forEachRow: @escaping ((Row) throws(RestoreError) -> Void) throws(StorageError) -> Void
    ) {
        (self.counters, self.applied, self.term, self.forEachRow) = (counters, applied, term, forEachRow)
    }

    public init(_ backup: BackupFile) {
        let record = backup.record
        self.init(counters: record.counters, applied: record.applied, term: record.term) {
            (body: (Row) throws(RestoreError) -> Void) throws(StorageError) in try backup.forEachRow(body)
        }
    }
}

/// How far the numbers go on that clients compare: what was acknowledged after the state that is restored is gone, and no
/// number that was given away then may be given away again for something else. All stay below 2⁵³.
public struct Jump: Sendable {
    public var revision: UInt64 = 1_000_000
    public var version: UInt64 = 1_000_000
    /// Of leaders, and of partitions.
    public var leaderEpoch = 1_000
    public var term: UInt64 = 1_000
    public var producerIDs: UInt64 = 1_000_000_000

    public init() {}

    /// Who reads at a revision must not find there what was there in the cluster before.
    func apply(to counters: inout Counters) {
        counters.revision += revision
        counters.version += version
        if counters.level > 1 { counters.horizon = counters.revision }
        if counters.level >= MetadataStateMachine.operationsLevel {
            counters.nextProducerID = min(counters.nextProducerID + producerIDs, AllocateProducerIDs.end)
        }
    }

    /// `nil` for what lies before the horizon then.
    func apply(to row: Row, at level: Int) -> Row? {
        switch row {
        case .partition(let topic, var partition):
            partition.leaderEpoch += leaderEpoch
            if level >= MetadataStateMachine.topicIDLevel { partition.partitionEpoch += leaderEpoch }
            return .partition(topic: topic, partition)
        case .pastVersion: return nil
        default: return row
        }
    }
}

/// Writes a directory for the one node that a new cluster begins with.
///
/// The cluster has another name than the one before, so a disk of that one can not meet it, whatever an operator does. The
/// node alone decides who else is a member: the others come with empty directories.
public struct Restoration {
    public struct Result: Sendable {
        public var directory: String
        public var clusterID: String
        public var counters: Counters
        public var term: Term
        public var digest: Digest
        public var rows: Int
    }

    let state: RestoredState
    let node: NodeID
    let members: [NodeID]
    let jump: Jump

    /// - Parameter members: All of the cluster, this node among them.
    public init(_ state: RestoredState, for node: NodeID, of members: [NodeID], jump: Jump = Jump()) {
        precondition(members.contains(node), "a node that is no member")
        (self.state, self.node, self.members, self.jump) = (state, node, members.sorted(), jump)
    }

    /// Puts it into an empty directory, whole or not at all.
    ///
    /// - Parameters:
    ///   - bornAt: Unix milliseconds.
    ///   - name: Draws 128 random bits.
    public func write(
        to target: EmptyDirectory, bornAt: Int64, name: () -> DirectoryID, progress: (_ rows: Int) -> Void
    ) throws(StorageError) -> Result {
        let clusterID = name().description
        let workshop = try target.makeWorkshop()
        let result = try fill(workshop, clusterID, bornAt, name(), progress)
        try target.takeOver(from: workshop)
        return Result(
            directory: target.path, clusterID: clusterID, counters: result.counters,
            term: Term(state.term.number + jump.term), digest: result.digest, rows: result.rows)
    }

    private func fill(
        _ directory: String, _ clusterID: String, _ bornAt: Int64, _ name: DirectoryID, _ progress: (Int) -> Void
    ) throws(StorageError) -> (counters: Counters, digest: Digest, rows: Int) {
        let store = try NodeStore(directory: directory, node: node, newDirectory: name)
        _ = try store.recover { _ in }
        // Behind the state there is at least the entry that a cluster begins with.
        let position = LogPosition(
            term: max(state.applied.term, Term(1)), index: max(state.applied.index, LogIndex(1)))
        try store.store(identity(clusterID, bornAt, name, position))
        try store.commit([
            Write(id: WriteID(1), hardState: HardState(currentTerm: Term(state.term.number + jump.term)))
        ])
        var counters = state.counters
        counters.clusterID = clusterID
        // The new cluster's are those of its services file, until they go into its log.
        counters.members = nil
        jump.apply(to: &counters)
        let (digest, rows) = try stage(counters, in: store, progress)
        switch try store.installStaged(position: position, counters: counters, digest: digest) {
        case .installed: break
        case .rejected(let reason): throw .failed("\(directory): what was written is not what is there: \(reason)")
        }
        try store.close()
        return (counters, digest, rows)
    }

    /// The founder of a cluster of these members.
    private func identity(
        _ clusterID: String, _ bornAt: Int64, _ directory: DirectoryID, _ position: LogPosition
    ) -> NodeIdentity {
        var identity = NodeIdentity(node: node, directory: directory)
        identity.clusterID = clusterID
        identity.bornAt = bornAt
        identity.members = members.map { id in
            id == node ? KnownMember(id: id, directory: directory, isAdmitted: true) : KnownMember(id: id)
        }
        identity.electors = [node]
        identity.floor = position
        return identity
    }

    /// In transactions of some thousand rows; their digest is made here, for the state is another one now.
    private func stage(
        _ counters: Counters, in store: NodeStore, _ progress: (Int) -> Void
    ) throws(StorageError) -> (Digest, rows: Int) {
        try store.beginStaging()
        var metadata = MetadataStateMachine(counters: counters)
        var (rows, bytes, batch): (Int, Int, [Row]) = (0, 0, [])
        var failure: StorageError?
        try state.forEachRow { row throws(RestoreError) in
            guard failure == nil, let row = jump.apply(to: row, at: counters.level) else { return }
            try metadata.restore(row)
            batch.append(row)
            rows += 1
            bytes += 512 + row.size
            if bytes >= 4 * 1024 * 1024 {
                do throws(StorageError) { try store.stage(batch) } catch { failure = error }
                (bytes, batch) = (0, [])
                progress(rows)
            }
        }
        if let failure { throw failure }
        try store.stage(batch)
        return (metadata.digest, rows)
    }
}
