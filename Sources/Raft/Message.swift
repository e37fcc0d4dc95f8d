/// RequestVote RPC (dissertation figure 3.1), also as pre-vote (§9.6).
public struct RequestVote: Equatable, Sendable {
    public var term: Term
    public var candidate: NodeID
    public var lastLog: LogPosition
    /// Ask only whether the vote would be granted at `term`; nobody's state changes.
    public var isPreVote: Bool
    /// The leader itself asked for this election (§3.10): voters answer although they hear the leader.
    public var isLeadershipTransfer: Bool

    public init(
        term: Term, candidate: NodeID, lastLog: LogPosition, isPreVote: Bool = false, isLeadershipTransfer: Bool = false
    ) {
        self.term = term
        self.candidate = candidate
        self.lastLog = lastLog
        self.isPreVote = isPreVote
        self.isLeadershipTransfer = isLeadershipTransfer
    }
}

public struct RequestVoteReply: Equatable, Sendable {
    /// The voter's term; for a granted pre-vote the term that was asked about.
    public var term: Term
    public var voteGranted: Bool
    public var isPreVote: Bool

    public init(term: Term, voteGranted: Bool, isPreVote: Bool = false) {
        self.term = term
        self.voteGranted = voteGranted
        self.isPreVote = isPreVote
    }
}

/// AppendEntries RPC (figure 3.1). Without entries it is a heartbeat.
public struct AppendEntries: Equatable, Sendable {
    public var term: Term
    public var leader: NodeID
    public var previous: LogPosition
    public var entries: [LogEntry]
    public var leaderCommit: LogIndex
    /// The ReadIndex round that the reply confirms (§6.4); 0 for none.
    public var readRound: UInt64
    /// The leader's state digest at one applied index, for comparison; opaque to Raft.
    public var digest: StateDigest?
    /// The follower is the odd one out.
    public var verdict: Verdict?

    public init(
        term: Term, leader: NodeID, previous: LogPosition, entries: [LogEntry], leaderCommit: LogIndex,
        readRound: UInt64 = 0, digest: StateDigest? = nil, verdict: Verdict? = nil
    ) {
        self.term = term
        self.leader = leader
        self.previous = previous
        self.entries = entries
        self.leaderCommit = leaderCommit
        self.readRound = readRound
        self.digest = digest
        self.verdict = verdict
    }
}

/// A digest of the replicated state after the entry at `index` was applied.
public struct StateDigest: Equatable, Sendable {
    public var index: LogIndex
    public var high: UInt64
    public var low: UInt64

    public init(index: LogIndex, high: UInt64, low: UInt64) {
        self.index = index
        self.high = high
        self.low = low
    }
}

public struct AppendEntriesReply: Equatable, Sendable {
    public var term: Term
    public var success: Bool
    /// On success, the last index that is known to match the leader's log and is durable here.
    public var matchIndex: LogIndex
    /// On a mismatch: the term of the conflicting entry, if there is one, and the first index of that term, or the
    /// index behind the end of the log (§3.5, the optimisation of its last paragraphs).
    public var conflict: Conflict?
    public var readRound: UInt64
    /// The follower's own state digest at an index that the leader asked about; opaque to Raft.
    public var digest: StateDigest?
    /// What the leader wanted replaced, and the follower has committed.
    public var contradiction: LogPosition?

    public struct Conflict: Equatable, Sendable {
        public var term: Term?
        public var index: LogIndex

        public init(term: Term?, index: LogIndex) {
            self.term = term
            self.index = index
        }
    }

    public init(
        term: Term, success: Bool, matchIndex: LogIndex, conflict: Conflict? = nil, readRound: UInt64 = 0,
        digest: StateDigest? = nil, contradiction: LogPosition? = nil
    ) {
        self.term = term
        self.success = success
        self.matchIndex = matchIndex
        self.conflict = conflict
        self.readRound = readRound
        self.digest = digest
        self.contradiction = contradiction
    }
}

/// InstallSnapshot RPC (figure 5.3): one chunk of the state at `lastIncluded`.
public struct InstallSnapshot: Equatable, Sendable {
    public var term: Term
    public var leader: NodeID
    public var lastIncluded: LogPosition
    /// The chunk's number, from 0; chunks are taken in order.
    public var sequence: UInt64
    /// Opaque to Raft.
    public var data: [UInt8]
    public var isLast: Bool

    public init(
        term: Term, leader: NodeID, lastIncluded: LogPosition, sequence: UInt64, data: [UInt8], isLast: Bool
    ) {
        self.term = term
        self.leader = leader
        self.lastIncluded = lastIncluded
        self.sequence = sequence
        self.data = data
        self.isLast = isLast
    }
}

public struct InstallSnapshotReply: Equatable, Sendable {
    public var term: Term
    /// The number of the chunk that is wanted next; 0 asks for the snapshot from its beginning.
    public var nextSequence: UInt64
    /// The snapshot is durable and in force.
    public var isInstalled: Bool

    public init(term: Term, nextSequence: UInt64, isInstalled: Bool) {
        self.term = term
        self.nextSequence = nextSequence
        self.isInstalled = isInstalled
    }
}

/// TimeoutNow RPC of leadership transfer (§3.10).
public struct TimeoutNow: Equatable, Sendable {
    public var term: Term
    public var leader: NodeID

    public init(term: Term, leader: NodeID) {
        self.term = term
        self.leader = leader
    }
}

public struct TimeoutNowReply: Equatable, Sendable {
    public var term: Term

    public init(term: Term) { self.term = term }
}

/// What one node asks of another. Every request gets one reply, or the connection breaks.
public enum Request: Equatable, Sendable {
    case requestVote(RequestVote)
    case appendEntries(AppendEntries)
    case installSnapshot(InstallSnapshot)
    case timeoutNow(TimeoutNow)
}

public enum Reply: Equatable, Sendable {
    case requestVote(RequestVoteReply)
    case appendEntries(AppendEntriesReply)
    case installSnapshot(InstallSnapshotReply)
    case timeoutNow(TimeoutNowReply)
}
