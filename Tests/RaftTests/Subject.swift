@testable import Raft

/// One node under test. Time stands still unless told to pass; writes complete only when told to.
final class Subject {
    var node: RaftNode
    private var buffer = EffectBuffer()
    private(set) var now: Instant
    private(set) var lastToken: UInt64 = 0
    private(set) var lastWrite = WriteID(0)
    /// What the last steps asked to be stored, oldest first.
    private(set) var writes: [Write] = []

    /// - Parameter terms: The terms of the stored entries behind `base`.
    init(
        _ id: UInt64 = 1, voters: Int = 3, term: UInt64 = 0, votedFor: UInt64? = nil, base: LogPosition = .zero,
        log terms: [UInt64] = [], applied: UInt64? = nil, settings: Settings = Settings(), seed: UInt64 = 1
    ) {
        let entries = terms.enumerated().map { entry(base.index.number + UInt64($0.offset) + 1, $0.element) }
        now = Instant(nanoseconds: 1_000_000_000_000)
        node = RaftNode(
            id: NodeID(id), voters: (1...UInt64(voters)).map { NodeID($0) }, settings: settings,
            hardState: HardState(currentTerm: Term(term), votedFor: votedFor.map { NodeID($0) }),
            log: RaftLog(base: base, entries: entries), applied: applied.map { LogIndex($0) } ?? base.index,
            seed: seed, now: Moment(instant: now, unixMilliseconds: 0))
    }

    var role: Role { node.role }
    var term: UInt64 { node.currentTerm.number }
    var vote: UInt64? { node.hardState.votedFor?.number }
    var leader: UInt64? { node.leader?.number }
    var commit: UInt64 { node.commitIndex.number }
    /// The terms of the entries held.
    var terms: [UInt64] {
        var terms: [UInt64] = []
        var index = node.log.firstIndex
        while node.log.contains(index) {
            terms.append(node.log[index].term.number)
            index = index.next
        }
        return terms
    }

    @discardableResult
    func step(_ event: Event) -> [Effect] {
        node.step(event, at: Moment(instant: now, unixMilliseconds: 0), into: &buffer)
        let effects = buffer.take()
        for case .persist(let write) in effects {
            lastWrite = write.id
            writes.append(write)
        }
        let broken = node.brokenInvariants()
        precondition(broken.isEmpty, "\(broken)")
        return effects
    }

    /// Lets time pass and wakes the node once.
    @discardableResult
    func pass(_ duration: Duration) -> [Effect] {
        now = now.advanced(by: duration)
        return step(.clockAdvanced)
    }

    /// Goes to the node's next deadline.
    @discardableResult
    func wake() -> [Effect] {
        now = max(now, node.nextDeadline)
        return step(.clockAdvanced)
    }

    @discardableResult
    func request(_ request: Request) -> [Effect] {
        lastToken += 1
        return step(.request(request, token: RequestToken(lastToken)))
    }

    /// Everything that was asked to be stored is durable.
    @discardableResult
    func persisted() -> [Effect] { step(.persisted(lastWrite)) }

    // MARK: Shorthands

    @discardableResult
    func append(
        _ leader: UInt64 = 2, term: UInt64, after previous: (term: UInt64, index: UInt64) = (0, 0),
        _ terms: [UInt64] = [],
        commit: UInt64 = 0, round: UInt64 = 0, verdict: Verdict? = nil
    ) -> [Effect] {
        let entries = terms.enumerated().map { entry(previous.index + UInt64($0.offset) + 1, $0.element) }
        return request(
            .appendEntries(
                AppendEntries(
                    term: Term(term), leader: NodeID(leader), previous: position(previous.term, previous.index),
                    entries: entries, leaderCommit: LogIndex(commit), readRound: round, verdict: verdict)))
    }

    @discardableResult
    func askVote(
        _ candidate: UInt64, term: UInt64, last: (term: UInt64, index: UInt64), pre: Bool = false,
        transfer: Bool = false
    ) -> [Effect] {
        request(
            .requestVote(
                RequestVote(
                    term: Term(term), candidate: NodeID(candidate), lastLog: position(last.term, last.index),
                    isPreVote: pre, isLeadershipTransfer: transfer)))
    }

    @discardableResult
    func voteReply(_ voter: UInt64, term: UInt64, granted: Bool = true, pre: Bool = false) -> [Effect] {
        step(
            .requestVoteReply(
                RequestVoteReply(term: Term(term), voteGranted: granted, isPreVote: pre), from: NodeID(voter)))
    }

    @discardableResult
    func acknowledge(_ peer: UInt64, match: UInt64, previous: UInt64 = 0, round: UInt64 = 0) -> [Effect] {
        let reply = AppendEntriesReply(
            term: node.currentTerm, success: true, matchIndex: LogIndex(match), readRound: round)
        return step(.appendEntriesReply(reply, from: NodeID(peer), previous: LogIndex(previous)))
    }

    @discardableResult
    func reject(
        _ peer: UInt64, previous: UInt64, conflict: (term: UInt64?, index: UInt64)?, term: UInt64? = nil,
        round: UInt64 = 0, contradiction: LogPosition? = nil
    ) -> [Effect] {
        let reply = AppendEntriesReply(
            term: term.map { Term($0) } ?? node.currentTerm, success: false, matchIndex: .zero,
            conflict: conflict.map { .init(term: $0.term.map { Term($0) }, index: LogIndex($0.index)) },
            readRound: round, contradiction: contradiction)
        return step(.appendEntriesReply(reply, from: NodeID(peer), previous: LogIndex(previous)))
    }

    /// Brings the node to the head of the next term, its opening entry durable here and nowhere else.
    @discardableResult
    func lead() -> Subject {
        while role != .preCandidate && role != .candidate { wake() }
        let needed = node.voters.count / 2
        for voter in node.voters.filter({ $0 != node.id }).prefix(needed) {
            voteReply(voter.number, term: term + 1, pre: true)
        }
        precondition(role == .candidate, "\(role)")
        persisted()
        for voter in node.voters.filter({ $0 != node.id }).prefix(needed) { voteReply(voter.number, term: term) }
        precondition(role == .leader, "\(role)")
        persisted()
        return self
    }

    func progress(of peer: UInt64) -> Progress {
        guard let leadership = node.leadership, let at = leadership.position(of: NodeID(peer)) else {
            preconditionFailure("no progress of node \(peer)")
        }
        return leadership.peers[at]
    }
}

func entry(_ index: UInt64, _ term: UInt64, _ data: [UInt8] = []) -> LogEntry {
    LogEntry(index: LogIndex(index), term: Term(term), type: "PUT", data: data, timestamp: 0)
}

func position(_ term: UInt64, _ index: UInt64) -> LogPosition { LogPosition(term: Term(term), index: LogIndex(index)) }

extension [Effect] {
    var replies: [Reply] {
        compactMap { if case .reply(let reply, _) = $0 { reply } else { nil } }
    }

    var appendReplies: [AppendEntriesReply] {
        replies.compactMap { if case .appendEntries(let reply) = $0 { reply } else { nil } }
    }

    var voteReplies: [RequestVoteReply] {
        replies.compactMap { if case .requestVote(let reply) = $0 { reply } else { nil } }
    }

    var snapshotReplies: [InstallSnapshotReply] {
        replies.compactMap { if case .installSnapshot(let reply) = $0 { reply } else { nil } }
    }

    func appends(to peer: UInt64) -> [AppendEntries] {
        compactMap {
            if case .send(.appendEntries(let request), let to) = $0, to.number == peer { request } else { nil }
        }
    }

    /// The appends to `peer` that carry entries.
    func batches(to peer: UInt64) -> [AppendEntries] { appends(to: peer).filter { !$0.entries.isEmpty } }

    var voteRequests: [RequestVote] {
        compactMap { if case .send(.requestVote(let request), _) = $0 { request } else { nil } }
    }

    var hasWrite: Bool { contains { if case .persist = $0 { true } else { false } } }
    /// Whether something was refused that no honest peer sends.
    var isViolation: Bool {
        contains { if case .protocolViolation = $0 { true } else { false } } || !contradictions.isEmpty
    }

    var contradictions: [(Contradiction, odd: NodeID?, against: [NodeID])] {
        compactMap { effect in
            if case .contradiction(let found, let odd, let against) = effect { (found, odd, against) } else { nil }
        }
    }
    var confirmedReads: [ReadID] {
        flatMap { effect -> [ReadID] in if case .readsConfirmed(let reads, _) = effect { reads } else { [] } }
    }
    var refusedReads: [ReadID] {
        flatMap { effect -> [ReadID] in if case .readsRefused(let reads) = effect { reads } else { [] } }
    }
}
