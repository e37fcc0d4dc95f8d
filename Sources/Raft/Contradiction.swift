/// A leader's log and what a follower has committed differ at one index. State Machine Safety (§3.6.3) says that this can
/// not be: one of the two is not what it was, or never was a member of this cluster.
public struct Contradiction: Equatable, Sendable {
    public var leader: NodeID
    public var follower: NodeID
    /// The entry of the leader's log.
    public var wanted: LogPosition
    /// The entry that the follower committed at the same index.
    public var committed: LogPosition

    public init(leader: NodeID, follower: NodeID, wanted: LogPosition, committed: LogPosition) {
        self.leader = leader
        self.follower = follower
        self.wanted = wanted
        self.committed = committed
    }
}

/// What a majority of the voters holds, told by their leader to one that holds something else: it is the odd one out.
public struct Verdict: Equatable, Sendable {
    public enum Subject: Equatable, Sendable {
        /// The digest of the state at an index.
        case state(StateDigest)
        /// The committed entry at an index.
        case entry(LogPosition)
    }

    public var subject: Subject
    /// Who agrees, in ascending order.
    public var voters: [NodeID]

    public init(_ subject: Subject, voters: [NodeID]) {
        self.subject = subject
        self.voters = voters
    }
}

extension Contradiction: CustomStringConvertible {
    public var description: String {
        "leader \(leader) has entry \(wanted.index) of term \(wanted.term) where node \(follower) committed one of term "
            + "\(committed.term)"
    }
}
