public enum Role: String, Equatable, Sendable {
    case follower = "FOLLOWER"
    case preCandidate = "PRE_CANDIDATE"
    case candidate = "CANDIDATE"
    case leader = "LEADER"
}

/// What a node wants done, in this order.
public enum Effect: Equatable, Sendable {
    /// Make durable, in order, then answer with ``Event/persisted(_:)``.
    case persist(Write)
    case send(Request, to: NodeID)
    case reply(Reply, to: RequestToken)
    /// Entries up to here are committed: apply them.
    case commit(through: LogIndex)
    /// The proposals of the event became entries from `first` on, in `term`.
    case proposed(first: LogIndex, count: Int, term: Term)
    /// The proposals of the event were not taken: this node does not lead, or is handing over.
    case refused(count: Int)
    /// These reads may be answered from the state at `index` or later.
    case readsConfirmed([ReadID], index: LogIndex)
    /// These reads can not be confirmed: leadership ended, or never was.
    case readsRefused([ReadID])
    case roleChanged(Role, term: Term, leader: NodeID?)
    /// The members are these from now on; and once more when that is committed.
    case configurationChanged(PlacedConfiguration, isCommitted: Bool)
    /// The wanted change is in the log, from this index on.
    case reconfiguring(from: LogIndex)
    /// The wanted change is not possible.
    case reconfigurationRefused(ReconfigurationRefusal)
    /// Send that peer a snapshot of the state tables, chunk by chunk.
    case sendSnapshot(to: NodeID)
    /// Take this chunk; the answer is given by the runtime.
    case receiveSnapshot(InstallSnapshot, token: RequestToken)
    /// An election started (pre-vote or vote), for logs and metrics.
    case campaigning(term: Term, isPreVote: Bool)
    /// The vote of `from` counted, for logs.
    case voteReceived(from: NodeID, term: Term, isPreVote: Bool)
    /// A message was refused because no honest peer sends it.
    case protocolViolation(String)
    /// Leader and follower hold different entries at an index that one of them has committed. `odd`: who of them is
    /// wrong, where a majority, `against`, says so. A node that is itself the odd one out must end.
    case contradiction(Contradiction, odd: NodeID?, against: [NodeID])
    /// Followers answer and take no entries. `asking`: who is asked to lead instead, if anybody.
    case replicationStalled(asking: NodeID?)
    /// Leadership was not taken over in time.
    case transferFailed
}

/// A buffer of effects that is used again for every step.
public struct EffectBuffer: ~Copyable {
    public private(set) var effects: [Effect]

    /// - Parameter memory: Of an earlier buffer; what is in it is dropped.
    public init(reusing memory: consuming [Effect] = []) {
        effects = memory
        if !effects.isEmpty { effects.removeAll(keepingCapacity: true) }
    }

    mutating func emit(_ effect: Effect) { effects.append(effect) }

    /// Hands the effects over and empties the buffer.
    public mutating func take() -> [Effect] {
        var taken: [Effect] = []
        swap(&taken, &effects)
        return taken
    }
}
