import Raft
import Wire

/// A snapshot on its way to one follower, one chunk at a time; a chunk without rows is the last.
struct SnapshotSender {
    let peer: NodeID
    let startedAt: Instant
    var description: SnapshotDescription?
    var nextSequence: UInt64 = 0
}

/// A snapshot on its way from the leader.
struct SnapshotReceiver {
    let lastIncluded: LogPosition
    let term: Term
    var header: SnapshotChunk.Header
    var nextSequence: UInt64 = 0
    /// The request that is answered when its rows are staged, or installed.
    var waiting: RequestToken?
    var isLast = false
}
