/// What only a leader has (figure 3.1, "Volatile state on leaders").
struct Leadership: Sendable {
    /// When this leadership began.
    let since: Instant
    /// The index of the entry that opened the term. Until it is committed nothing is read (§6.4).
    let openingIndex: LogIndex
    /// All that are fed: the other members, and those that leave, in ascending order.
    var peers: [Progress]
    /// Of the latest configuration.
    private(set) var quorum: Quorum
    /// Since when silence of those who count is counted against this leadership.
    private var countedSince: Instant
    /// The latest moment up to which a majority was heard, this node included.
    private(set) var quorumContact: Instant
    var heartbeatDeadline: Instant
    /// When a follower last took something, entries or a part of a snapshot; or when this was last acted on.
    var lastProgress: Instant
    /// When followers that do not know the commit index yet are told.
    var commitNoticeDeadline: Instant?

    /// Reads that wait for the next round, and the round on its way (§6.4).
    var waitingReads: [ReadID] = []
    var round: ReadRound?
    var lastRound: UInt64 = 0

    var transfer: Transfer?

    struct ReadRound: Sendable {
        let number: UInt64
        /// The commit index when the round began: the state the reads must see.
        let index: LogIndex
        let reads: [ReadID]
    }

    struct Transfer: Sendable {
        let target: NodeID
        let deadline: Instant
        var isTimeoutNowSent = false
    }

    init(since: Instant, openingIndex: LogIndex, peers: [Progress], quorum: Quorum, heartbeatDeadline: Instant) {
        self.since = since
        self.openingIndex = openingIndex
        self.peers = peers
        self.quorum = quorum
        countedSince = since
        self.heartbeatDeadline = heartbeatDeadline
        quorumContact = since
        lastProgress = since
    }

    /// The follower answered in this term.
    mutating func heard(from position: Int, at now: Instant) {
        peers[position].lastContact = now
        peers[position].isReachable = true
        hearQuorum(at: now)
    }

    private mutating func hearQuorum(at now: Instant) {
        let since = countedSince
        quorumContact = quorum.reached(own: now, peers, least: since) { max($0.lastContact ?? since, since) }
    }

    /// Others count from now on. They have an election timeout to be heard.
    mutating func count(by quorum: Quorum, at now: Instant) {
        guard quorum != self.quorum else { return }
        self.quorum = quorum
        countedSince = now
        hearQuorum(at: now)
    }

    /// Whether that follower answered in this term, less than `span` ago.
    func hasHeard(_ position: Int, within span: Duration, at now: Instant) -> Bool {
        peers[position].lastContact.map { now.since($0) < span } ?? false
    }

    func position(of peer: NodeID) -> Int? { peers.firstIndex { $0.id == peer } }

    mutating func refuseReads(_ effects: inout EffectBuffer) {
        let reads = (round?.reads ?? []) + waitingReads
        if !reads.isEmpty { effects.emit(.readsRefused(reads)) }
        round = nil
        waitingReads = []
    }
}
