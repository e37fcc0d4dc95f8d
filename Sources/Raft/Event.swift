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
    /// The follower's snapshot is durable and in force, with the configuration that was in force at its end; `nil` from a
    /// leader that knows none but the list that the cluster was started with.
    case snapshotInstalled(LogPosition, PlacedConfiguration? = nil)
    /// The snapshot that this node was receiving can not be used.
    case snapshotAbandoned
    /// The snapshot to that peer could not be sent to its end.
    case snapshotFailed(to: NodeID)
    /// The log up to here is covered by the state tables and not wanted any more.
    case compact(through: LogIndex)
    /// Hand leadership to that follower, or to the most advanced one (§3.10).
    case transferLeadership(to: NodeID? = nil)
    /// Make these the members (§4.3): joint first if voters change.
    case reconfigure(Configuration, isForced: Bool)
    /// What this node may do in elections from now on.
    case suffrage(Suffrage)
    /// Whose votes and acknowledgements count for nothing, on which directory each of the others answers, and whose log is
    /// another's than before.
    case electorate(nonVoting: [NodeID], directories: [NodeID: DirectoryID], replaced: [NodeID])
    /// This node must not lead any more, whoever comes next.
    case abdicate
}
