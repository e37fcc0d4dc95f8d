import Defects

/// What a leader knows of one follower (dissertation §10.2.1 for the pipeline).
struct Progress: Sendable {
    enum State: Equatable, Sendable {
        /// Where the logs agree is not known: one append at a time.
        case probe
        /// The logs agree: appends are sent ahead of the answers.
        case replicate
        /// The follower needs what was compacted; a snapshot is on its way.
        case snapshot
    }

    /// The rounds of §4.2.1: each ends at what the log's end was when it began. A round that took less than an election
    /// timeout shows that the rest would not hold up commitment for longer.
    struct CatchUp: Sendable {
        private(set) var target: LogIndex
        private var since: Instant
        private(set) var isDone = false

        init(target: LogIndex, since: Instant) {
            self.target = target
            self.since = since
        }

        mutating func matched(_ index: LogIndex, of last: LogIndex, at now: Instant, _ settings: Settings) {
            guard index >= target else { return }
            isDone = now.since(since) < settings.electionTimeout
            target = last
            since = now
        }
    }

    struct Doubt: Sendable {
        /// The round that asked; only answers to it or to later ones count.
        let round: UInt64
        /// What was acknowledged by then; of more they say nothing.
        let matchIndex: LogIndex
    }

    let id: NodeID
    /// In which sets of voters its acknowledgements count; in none of them it is only fed.
    var halves: Halves
    /// It is no member any more, and is fed until it knows that.
    var isDeparting = false
    /// How far it has come on its way to the log's end (§4.2.1).
    private(set) var catchUp: CatchUp
    var state: State = .probe
    /// The last index known to be on the follower's disk and equal to the leader's. Counts for commitment.
    var matchIndex: LogIndex = .zero
    var nextIndex: LogIndex
    /// A probe is on its way, or failed: nothing is sent until an answer or the next heartbeat.
    var isPaused = false
    /// When the probe that is on its way was sent.
    private var probeSentAt: Instant?
    /// When the follower last answered in this term.
    var lastContact: Instant?
    /// Whether it has answered since a request to it was last lost.
    var isReachable = false
    /// The latest ReadIndex round that the follower confirmed.
    var confirmedRound: UInt64 = 0
    /// The question whether the follower lost entries that it had acknowledged.
    var doubt: Doubt?
    /// What the follower has committed where our log has something else.
    var contradiction: LogPosition?
    /// Snapshots that failed one after the other, and when the next one may be tried.
    private var snapshotFailures = 0
    private(set) var snapshotNotBefore: Instant?
    /// The commit index that the follower was last told.
    var sentCommit: LogIndex = .zero
    private var inflight: [(last: LogIndex, bytes: Int, sentAt: Instant)] = []
    private var inflightBytes = 0
    /// The bytes that may be on their way: what the link, and the follower's disk, acknowledge in a moment. `nil` at first.
    private var window: Int?
    /// The window was made smaller for what was sent up to here; once for all of it.
    private var narrowedThrough = LogIndex.zero

    init(id: NodeID, halves: Halves = [.incoming, .outgoing], nextIndex: LogIndex, at now: Instant) {
        self.id = id
        self.halves = halves
        self.nextIndex = nextIndex
        catchUp = CatchUp(target: nextIndex.previous, since: now)
    }

    /// Who leaves is no successor.
    var canLead: Bool { halves.contains(.incoming) }

    /// Whether it has heard of everything up to `index`, or does not listen any more.
    func mayBeForgotten(knowing index: LogIndex, silentFor timeout: Duration, at now: Instant) -> Bool {
        let isSilent = lastContact.map { now.since($0) >= timeout } ?? true
        return isSilent || matchIndex >= index && sentCommit >= index
    }

    func hasRoom(_ settings: Settings) -> Bool {
        switch state {
        case .probe: !isPaused
        case .replicate:
            inflight.isEmpty
                || inflight.count < settings.maximumInflightMessages && inflightBytes < windowBytes(settings)
                || Defect.windowIgnored.isOn
        case .snapshot: false
        }
    }

    private func windowBytes(_ settings: Settings) -> Int {
        min(window ?? settings.initialInflightBytes, settings.maximumInflightBytes)
    }

    /// The bound of one append.
    func maximumAppendBytes(_ settings: Settings) -> Int { min(settings.maximumAppendBytes, windowBytes(settings)) }

    /// Whether the follower has entries that it does not know to be committed.
    func needsCommitNotice(_ commitIndex: LogIndex) -> Bool { sentCommit < min(commitIndex, matchIndex) }

    mutating func sent(through last: LogIndex, bytes: Int, at now: Instant) {
        switch state {
        case .probe:
            isPaused = true
            probeSentAt = now
        case .replicate:
            nextIndex = last.next
            inflight.append((last, bytes, now))
            inflightBytes += bytes
        case .snapshot: preconditionFailure("append to a follower that waits for a snapshot")
        }
    }

    /// Returns whether the match advanced. `last`: where the log ends.
    mutating func matched(_ index: LogIndex, of last: LogIndex, at now: Instant, _ settings: Settings) -> Bool {
        let freed = inflight.prefix { $0.last <= index }
        for message in freed {
            inflightBytes -= message.bytes
            adjustWindow(message.last, message.bytes, after: now.since(message.sentAt), settings)
        }
        inflight.removeFirst(freed.count)
        let advanced = index > matchIndex
        matchIndex = max(matchIndex, index)
        catchUp.matched(matchIndex, of: last, at: now, settings)
        nextIndex = max(nextIndex, matchIndex.next)
        return advanced
    }

    /// Additive increase would need minutes at a fast link: the window grows by what was acknowledged, as in slow start.
    private mutating func adjustWindow(_ last: LogIndex, _ bytes: Int, after pause: Duration, _ settings: Settings) {
        let present = windowBytes(settings)
        if pause <= settings.electionTimeout / settings.quickAcknowledgement {
            window = min(present + bytes, settings.maximumInflightBytes)
        } else if pause > settings.electionTimeout / settings.slowAcknowledgement, last > narrowedThrough {
            window = max(present / 2, settings.minimumInflightBytes)
            narrowedThrough = inflight.last?.last ?? last
        }
    }

    /// Requests were lost: the link begins anew.
    mutating func narrowWindow(_ settings: Settings) {
        window = min(windowBytes(settings), settings.minimumInflightBytes)
    }

    /// The next heartbeat may repeat a probe that failed. One of which nothing is known is on its way yet: at a follower that is
    /// cut off, one after the other would pile up.
    mutating func resumeProbe(at now: Instant, _ settings: Settings) -> Bool {
        guard state == .probe else { return false }
        if let probeSentAt, now.since(probeSentAt) < settings.electionTimeout { return false }
        isPaused = false
        return true
    }

    /// The follower took nothing, and did not say why: it may next time.
    mutating func probeRefused() { probeSentAt = nil }

    mutating func becomeReplicate() {
        state = .replicate
        isPaused = false
        nextIndex = max(nextIndex, matchIndex.next)
    }

    mutating func becomeProbe(nextIndex: LogIndex, isPaused: Bool) {
        state = .probe
        self.nextIndex = max(nextIndex, matchIndex.next)
        self.isPaused = isPaused
        probeSentAt = nil
        // What was on its way may be lost, and with it the news of a commit.
        sentCommit = .zero
        inflight.removeAll(keepingCapacity: true)
        inflightBytes = 0
    }

    /// The next heartbeat may try again, then each failure makes the pause longer: a snapshot is a read of everything.
    mutating func snapshotFailed(at now: Instant, pause: Duration) {
        snapshotNotBefore = now.advanced(by: pause * ((1 << min(snapshotFailures, 3)) - 1))
        snapshotFailures += 1
        becomeProbe(nextIndex: matchIndex.next, isPaused: true)
    }

    mutating func snapshotInstalled(through index: LogIndex) {
        snapshotNotBefore = nil
        snapshotFailures = 0
        matchIndex = max(matchIndex, index)
        becomeProbe(nextIndex: index.next, isPaused: false)
    }

    mutating func becomeSnapshot() {
        becomeProbe(nextIndex: nextIndex, isPaused: true)
        state = .snapshot
    }
}
