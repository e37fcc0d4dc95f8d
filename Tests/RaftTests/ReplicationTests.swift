import Testing

@testable import Raft

/// The leader's side of the log: pipeline, conflict hints (§3.5), and what a peer's answers mean.
@Suite struct ReplicationTests {
    @Test("§6.4: a new leader announces itself and its opening entry to everybody at once")
    func openingEntry() {
        let node = Subject(term: 2, log: [1, 2])
        node.wake()
        node.voteReply(2, term: 3, pre: true)
        node.persisted()
        let effects = node.voteReply(2, term: 3)
        #expect(node.role == .leader && node.terms == [1, 2, 3])
        for peer: UInt64 in [2, 3] {
            #expect(effects.appends(to: peer).first?.entries.isEmpty == true)
            #expect(effects.batches(to: peer).map(\.previous) == [position(2, 2)])
            #expect(effects.batches(to: peer).first?.entries.map(\.type) == [LogEntry.noop])
        }
        #expect(node.commit == 0)
    }

    @Test("a probe of which nothing is known is not repeated with each heartbeat: they would pile up")
    func oneProbeOnItsWay() {
        let leader = Self.leader()
        for _ in 0..<2 {
            let effects = leader.wake()
            #expect(!effects.appends(to: 2).isEmpty && effects.batches(to: 2).isEmpty)
            leader.acknowledge(3, match: 0)
        }
        leader.step(.unreachable(NodeID(2)))
        #expect(leader.wake().batches(to: 2).count == 1, "a probe that failed is")
        #expect(leader.wake().batches(to: 2).isEmpty)
    }

    /// The leader's log is 1, 1, 4, 4, 5 and then its opening entry of term 7, at 6.
    static func leader(_ terms: [UInt64] = [1, 1, 4, 4, 5]) -> Subject { Subject(term: 6, log: terms).lead() }

    struct Hint: CustomTestStringConvertible {
        var name: String
        var conflict: (term: UInt64?, index: UInt64)
        /// What the next probe stands behind.
        var previous: LogPosition
        var testDescription: String { name }
    }

    @Test(arguments: [
        Hint(name: "§3.5: behind the end of a shorter log", conflict: (nil, 3), previous: position(1, 2)),
        Hint(
            name: "§3.5: before the first entry of a term that the leader lacks", conflict: (3, 3),
            previous: position(1, 2)),
        Hint(
            name: "§3.5: the leader's last entry of a term that both have", conflict: (4, 2), previous: position(4, 4)),
        Hint(name: "an empty log", conflict: (nil, 1), previous: .zero),
        Hint(name: "never further ahead than what was refused", conflict: (nil, 99), previous: position(4, 4)),
    ])
    func conflictHint(_ hint: Hint) {
        let leader = Self.leader()
        let effects = leader.reject(2, previous: 5, conflict: hint.conflict)
        #expect(effects.batches(to: 2).map(\.previous) == [hint.previous])
        #expect(leader.progress(of: 2).state == .probe)
    }

    @Test("a long divergent log is found in a round trip for each term, not for each entry")
    func fewRoundTrips() {
        let shared = [UInt64](repeating: 1, count: 100)
        let leader = Self.leader(shared + [UInt64](repeating: 5, count: 200))
        let follower = Subject(
            2, term: 4, log: shared + [UInt64](repeating: 2, count: 150) + [UInt64](repeating: 4, count: 50))
        var request = leader.step(.unreachable(NodeID(2))).batches(to: 2).first
        leader.wake()
        request =
            leader.wake().batches(to: 2).first
            ?? AppendEntries(
                term: Term(7), leader: NodeID(1), previous: position(5, 300), entries: [], leaderCommit: .zero)
        var roundTrips = 0
        while follower.terms != leader.terms, let sent = request, roundTrips < 20 {
            roundTrips += 1
            let effects = follower.request(.appendEntries(sent))
            guard let reply = (effects + follower.persisted(ifAny: effects)).appendReplies.first else { break }
            request =
                leader.step(.appendEntriesReply(reply, from: NodeID(2), previous: sent.previous.index)).batches(to: 2)
                .first
        }
        #expect(follower.terms == leader.terms)
        #expect(roundTrips <= 4)
    }

    @Test("§10.2.1: appends are sent ahead of the answers, within the window")
    func pipeline() {
        var settings = Settings()
        settings.maximumInflightMessages = 3
        let leader = Subject(settings: settings).lead()
        leader.acknowledge(2, match: 1)
        func propose() -> [AppendEntries] {
            leader.step(.propose([Proposal(type: "PUT", data: [1])])).batches(to: 2)
        }
        #expect((0..<5).map { _ in propose().count } == [1, 1, 1, 0, 0])
        let freed = leader.acknowledge(2, match: 2).batches(to: 2)
        #expect(freed.map { $0.entries.map(\.index.number) } == [[5, 6]], "what gathered goes in one message")
        #expect(leader.progress(of: 3).nextIndex == LogIndex(1), "an unanswered probe stands still")
    }

    @Test("the window is also one of bytes") func pipelineBytes() {
        var settings = Settings()
        settings.maximumInflightBytes = 2000
        settings.maximumAppendBytes = 1000
        let leader = Subject(settings: settings).lead()
        leader.acknowledge(2, match: 1)
        let batch = (0..<10).map { _ in Proposal(type: "PUT", data: [UInt8](repeating: 0, count: 436)) }
        #expect(leader.step(.propose(batch)).batches(to: 2).map(\.entries.count) == [2, 2])
        #expect(leader.acknowledge(2, match: 3).batches(to: 2).map(\.entries.count) == [2])
    }

    @Test("a refusal in the pipeline steps back once; those behind it say nothing new")
    func pipelineRefusal() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        for _ in 0..<3 { leader.step(.propose([Proposal(type: "PUT", data: [])])) }
        let first = leader.reject(2, previous: 2, conflict: (nil, 2))
        #expect(first.batches(to: 2).map { $0.entries.count } == [3])
        #expect(leader.reject(2, previous: 3, conflict: (nil, 2)).batches(to: 2).isEmpty)
        leader.acknowledge(2, match: 4)
        #expect(leader.progress(of: 2).state == .replicate && leader.progress(of: 2).nextIndex == LogIndex(5))
    }

    @Test("unreachable: back to what is known, nothing sent until it answers or the next heartbeat")
    func unreachable() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        for _ in 0..<3 { leader.step(.propose([Proposal(type: "PUT", data: [])])) }
        leader.step(.unreachable(NodeID(2)))
        #expect(leader.progress(of: 2).nextIndex == LogIndex(2))
        #expect(leader.step(.propose([Proposal(type: "PUT", data: [])])).appends(to: 2).isEmpty)
        let answered = leader.acknowledge(2, match: 1)
        #expect(answered.batches(to: 2).map { $0.entries.map(\.index.number) } == [[2, 3, 4, 5]])
    }

    @Test("unreachable before it ever answered: asked again at the end of the log, not at its beginning")
    func unreachableFromTheStart() {
        let leader = Self.leader()
        leader.step(.unreachable(NodeID(2)))
        #expect(leader.pass(.milliseconds(1500)).batches(to: 2).map(\.previous) == [position(5, 5)])
    }

    @Test("answers of two connections in the wrong order do not look like lost entries")
    func reorderedRefusal() {
        let leader = Self.leader()
        // Two probes are out: a heartbeat and an append behind 5. The append's refusal comes first.
        leader.reject(2, previous: 5, conflict: (nil, 3))
        leader.acknowledge(2, match: 6)
        let late = leader.reject(2, previous: 5, conflict: (nil, 3))
        #expect(!late.isViolation)
        #expect(leader.progress(of: 2).matchIndex == LogIndex(6))
        // It asks again, under a new number, and the answer settles it.
        let question = late.appends(to: 2)
        #expect(question.map(\.previous) == [position(7, 6)] && question.allSatisfy { $0.readRound == 1 })
        leader.acknowledge(2, match: 6, previous: 6, round: 1)
        #expect(leader.progress(of: 2).state == .replicate)
        #expect(!leader.reject(2, previous: 5, conflict: (nil, 3)).isViolation, "a new question each time")
    }

    @Test("what was refused because it overtook the entries before it is sent again") func overtaken() {
        let leader = Self.leader()
        leader.acknowledge(2, match: 6)
        for _ in 0..<2 { leader.step(.propose([Proposal(type: "PUT", data: [])])) }
        leader.acknowledge(2, match: 7)
        // Entry 8 came before entry 7, whose acknowledgement came before this refusal.
        let late = leader.reject(2, previous: 7, conflict: (nil, 7))
        #expect(late.batches(to: 2).map { $0.entries.map(\.index.number) } == [[8]])
    }

    @Test("nor do answers to a question that was asked before the acknowledgement") func reorderedQuestion() {
        let leader = Self.leader()
        leader.acknowledge(2, match: 6)
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        leader.reject(2, previous: 5, conflict: (nil, 3))
        leader.acknowledge(2, match: 7)
        // A refusal of a later probe, in the round of the question, yet older than the acknowledgement of 7.
        let late = leader.reject(2, previous: 7, conflict: (nil, 7), round: 1)
        #expect(!late.isViolation && late.appends(to: 2).map(\.readRound) == [2])
        #expect(leader.reject(2, previous: 7, conflict: (nil, 7), round: 2).isViolation)
    }

    @Test("a follower that lost its disk is seen, and gets everything again")
    func lostDisk() {
        let leader = Self.leader()
        leader.acknowledge(2, match: 6)
        #expect(leader.commit == 6)
        leader.reject(2, previous: 6, conflict: (nil, 1))
        let effects = leader.reject(2, previous: 6, conflict: (nil, 1), round: 1)
        #expect(effects.isViolation)
        #expect(effects.batches(to: 2).map { $0.entries.count } == [6])
        #expect(leader.commit == 6, "what is committed stays so")
    }

    @Test("a follower learns of a commit a moment later, though nothing else is sent to it")
    func commitNotice() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.acknowledge(3, match: 1)
        #expect(leader.commit == 1)
        let notices = leader.pass(.milliseconds(5))
        for peer: UInt64 in [2, 3] { #expect(notices.appends(to: peer).map(\.leaderCommit) == [LogIndex(1)]) }
        #expect(leader.pass(.milliseconds(5)).isEmpty, "once is enough")
    }

    @Test("what a follower was told on a broken connection it is told again") func commitNoticeAgain() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.pass(.milliseconds(5))
        leader.step(.unreachable(NodeID(2)))
        leader.acknowledge(2, match: 1)
        #expect(leader.pass(.milliseconds(5)).appends(to: 2).map(\.leaderCommit) == [LogIndex(1)])
    }

    @Test("§3.6.3: a leader only appends; one batch is one write and one event")
    func proposals() {
        let leader = Subject().lead()
        let batch = (1...3).map { Proposal(type: "PUT", data: [UInt8($0)]) }
        let effects = leader.step(.propose(batch))
        #expect(effects.contains(.proposed(first: LogIndex(2), count: 3, term: Term(1))))
        #expect(leader.writes.last?.entries.map(\.index.number) == [2, 3, 4])
        #expect(leader.writes.allSatisfy { $0.truncateFrom == nil })
        #expect(leader.step(.propose([])).isEmpty)
        #expect(Subject().step(.propose(batch)) == [.refused(count: 3)])
    }
}
