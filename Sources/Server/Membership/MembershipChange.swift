import Raft
import Wire

/// What an operator wants of the members.
public enum MembershipChange: Equatable, Sendable {
    /// A node that is none becomes a learner, and a voter as soon as it follows, unless it is to stay a learner.
    case add(Member, asLearner: Bool)
    /// A learner becomes a voter as soon as it follows.
    case promote(NodeID)
    /// A member is none any more, wherever it is.
    case remove(NodeID)
    /// Another node takes the place of a member, which may be gone for good, in one step when it follows.
    case replace(NodeID, by: Member)
    /// A member is reached somewhere else.
    case move(Member)
    /// These members are the voters; the other voters are members no more.
    case setVoters([NodeID])
    case transferLeadership(to: NodeID?)
    /// All members use this level of a feature from now on.
    case setFeature(String, level: Int)
}

public struct MembershipRequest: Sendable {
    public var change: MembershipChange
    /// Without looking whether those who are needed answer and follow.
    public var isForced: Bool
    /// Only say whether it could be done.
    public var isDryRun: Bool
    /// Answer when it is done, not when it is begun.
    public var waits: Bool

    public init(_ change: MembershipChange, isForced: Bool = false, isDryRun: Bool = false, waits: Bool = true) {
        self.change = change
        self.isForced = isForced
        self.isDryRun = isDryRun
        self.waits = waits
    }
}

/// Why the members are not changed.
public enum MembershipFailure: Error, Equatable, Sendable {
    case notLeader(leader: NodeID?)
    /// Accepted, and this node leads no more: whoever does may finish it, or know nothing of it.
    case outcomeUnknown
    case unavailable(String)
    case refused(Reason, String)

    public enum Reason: Equatable, Sendable {
        case changeInProgress
        case wouldLoseQuorum
        case notCaughtUp
        case idInUse
        case unknownMember
        case unreachable
        case foreignCluster
        /// The members are still those of services.json (`kraft.version` 0).
        case featureNotEnabled
        case unsupportedLevel
        case unknownFeature
        case invalid
    }
}

public enum MembershipProgress: Equatable, Sendable {
    case begun
    case done
}

/// A change that this leader is carrying out, step by step.
struct MembershipOperation {
    enum Phase {
        /// The newcomer is asked who it is.
        case contacting(Member, until: Instant)
        /// An entry is to be committed, and joint configurations left, before the next step.
        case changing(from: LogIndex)
        /// It gets entries until it follows.
        case catchingUp(NodeID)
    }

    let request: MembershipRequest
    var phase: Phase
    /// Called once.
    var completion: ((Result<MembershipProgress, MembershipFailure>) -> Void)?
}

/// The members as people see them, at one moment.
public struct MembershipView: Sendable {
    public struct Row: Sendable {
        public var member: Configuration.Member
        public var matchIndex: LogIndex?
        /// Milliseconds since its last answer to the leader; `nil` where that is not known.
        public var lastContactMs: Int64?
        public var features: [SupportedFeature]
        public var build: String?
    }

    public var clusterID: String?
    /// Zero while the members are those of services.json.
    public var configurationIndex: LogIndex
    public var isCommitted: Bool
    public var isJoint: Bool
    public var features: [Configuration.Feature]
    public var leader: NodeID?
    public var lastIndex: LogIndex
    /// What this leader is doing, in words.
    public var operation: String?
    public var rows: [Row]
}
