import Metadata
import Raft
import Wire

/// A snapshot on its way to one follower, one chunk at a time; a chunk without rows is the last.
///
/// Of the state in memory, as it was when the transfer began: no reader keeps the database's write-ahead log from shrinking,
/// however slow the link is.
struct SnapshotSender {
    let peer: NodeID
    /// The last entry that the rows contain.
    let position: LogPosition
    let header: SnapshotChunk.Header
    var rows: RowStream
    var nextSequence: UInt64 = 0
    /// When the transfer began, or a chunk was last answered.
    var progressedAt: Instant
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
