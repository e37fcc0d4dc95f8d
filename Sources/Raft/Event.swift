/// Names a request that waits for its reply.
public struct RequestToken: Hashable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
}

/// Names a read, or all reads of one moment, that wait for confirmation.
public struct ReadID: Hashable, Sendable {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }
}

/// A command on its way into the log.
public struct Proposal: Equatable, Sendable {
    public var type: String
    public var data: [UInt8]

    public init(type: String, data: [UInt8]) {
        self.type = type
        self.data = data
    }
}

/// Everything that can happen to a node.
public enum Event: Sendable {
    case clockAdvanced
    /// A peer asks; one effect ``Effect/reply(_:to:)`` answers, when what it promises is durable.
    case request(Request, token: RequestToken)
    case requestVoteReply(RequestVoteReply, from: NodeID)
    /// `previous`: the index that the answered request put its entries behind.
    case appendEntriesReply(AppendEntriesReply, from: NodeID, previous: LogIndex)
    case installSnapshotReply(InstallSnapshotReply, from: NodeID, lastIncluded: LogPosition)
    case timeoutNowReply(TimeoutNowReply, from: NodeID)
    /// Requests to that peer may be lost.
    case unreachable(NodeID)
    /// The connection on which that peer's requests came broke. A hint, nothing more.
    case disconnected(NodeID)
    case propose([Proposal])
    case read(ReadID)
    /// This write and all before it are durable.
    case persisted(WriteID)
    /// The follower's snapshot is durable and in force.
    case snapshotInstalled(LogPosition)
    /// The snapshot that this node was receiving can not be used.
    case snapshotAbandoned
    /// The snapshot to that peer could not be sent to its end.
    case snapshotFailed(to: NodeID)
    /// The log up to here is covered by the state tables and not wanted any more.
    case compact(through: LogIndex)
    /// Hand leadership to the most advanced follower (§3.10).
    case transferLeadership
    /// What this node may do in elections from now on.
    case suffrage(Suffrage)
    /// Whose votes and acknowledgements count for nothing, and whose log is another's than before.
    case electorate(nonVoting: [NodeID], replaced: [NodeID])
    /// This node must not lead any more, whoever comes next.
    case abdicate
}
