import Testing

@testable import Raft

/// A leader's log against what a follower committed (§3.6.3): the majority decides who ends, one message never does.
@Suite struct ContradictionTests {
    /// The follower of `ForgedMessageTests`: entries 3...5 of terms 2, 3, 3 behind 1/2, committed to 4, in term 4 of node 2.
    private static func contradicted() -> (Subject, [Effect]) {
        let node = ForgedMessageTests.follower()
        return (node, node.append(2, term: 4, after: (2, 3), [4, 4]))
    }

    private static func verdict(_ term: UInt64, _ index: UInt64, _ voters: [UInt64]) -> Verdict {
        Verdict(.entry(position(term, index)), voters: voters.map { NodeID($0) })
    }

    @Test("a follower keeps what it committed and says what that is") func follower() {
        let (node, effects) = Self.contradicted()
        #expect(effects.appendReplies.map(\.contradiction) == [position(3, 4)])
        #expect(effects.appendReplies.map(\.conflict) == [.init(term: nil, index: LogIndex(5))])
        #expect(effects.contradictions.map(\.odd) == [nil])
        #expect(node.node.contradiction?.wanted == position(4, 4) && node.terms == [2, 3, 3])
    }

    struct Settlement: CustomTestStringConvertible {
        var name: String
        var isSettled: Bool
        var act: @Sendable (Subject) -> Void
        var testDescription: String { name }
    }

    @Test(arguments: [
        Settlement(name: "the leader's log agrees after all", isSettled: true) {
            $0.append(2, term: 4, after: (3, 5))
        },
        Settlement(name: "another leader", isSettled: true) { $0.append(3, term: 5, after: (3, 5)) },
        Settlement(name: "the logs agree before it", isSettled: false) { $0.append(2, term: 4, after: (2, 3)) },
        Settlement(name: "a stranger's word", isSettled: false) { $0.append(3, term: 4, after: (3, 5)) },
    ])
    func doubtEnds(_ test: Settlement) {
        let (node, _) = Self.contradicted()
        test.act(node)
        #expect((node.node.contradiction == nil) == test.isSettled)
    }

    struct Sentence: CustomTestStringConvertible {
        var name: String
        var verdict: Verdict
        var isOdd = false
        var hasContradicted = true
        var testDescription: String { name }
    }

    @Test(arguments: [
        Sentence(name: "a majority holds the other entry", verdict: verdict(4, 4, [2, 3]), isOdd: true),
        Sentence(name: "of another entry", verdict: verdict(4, 5, [2, 3])),
        Sentence(name: "less than a majority", verdict: verdict(4, 4, [2])),
        Sentence(name: "one voter twice", verdict: verdict(4, 4, [2, 2])),
        Sentence(name: "a stranger among the voters", verdict: verdict(4, 4, [2, 9])),
        Sentence(name: "this node among the voters", verdict: verdict(4, 4, [1, 2])),
        Sentence(name: "nobody asked for it", verdict: verdict(4, 4, [2, 3]), hasContradicted: false),
    ])
    func verdicts(_ test: Sentence) {
        let node = test.hasContradicted ? Self.contradicted().0 : ForgedMessageTests.follower()
        let effects = node.append(2, term: 4, after: (2, 3), verdict: test.verdict)
        #expect(effects.contradictions.map(\.odd) == (test.isOdd ? [NodeID(1)] : []))
        #expect(effects.appendReplies.map(\.success) == [!test.isOdd])
    }

    /// Leads term 6 with entries of terms 1, 5 and its own at 3; the followers have something else at 2.
    private static func leader(committed: Bool) -> Subject {
        let leader = Subject(term: 5, log: [1, 5]).lead()
        if committed { leader.acknowledge(2, match: 3) }
        return leader
    }

    @Test("a leader that committed the entry with a majority tells the follower that it is the odd one out")
    func oddFollower() {
        let leader = Self.leader(committed: true)
        let effects = leader.reject(3, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
        #expect(effects.contradictions.map(\.odd) == [NodeID(3)])
        #expect(effects.contradictions.first?.against == [NodeID(1), NodeID(2)])
        let next = leader.pass(.milliseconds(1500))
        #expect(next.appends(to: 3).compactMap(\.verdict) == [Self.verdict(5, 2, [1, 2])])
        #expect(next.appends(to: 2).allSatisfy { $0.verdict == nil })
        #expect(leader.role == .leader)
    }

    @Test("a leader that a majority contradicts steps down, and is the odd one out") func oddLeader() {
        let leader = Self.leader(committed: false)
        let first = leader.reject(2, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
        #expect(first.contradictions.map(\.odd) == [nil] && leader.role == .leader)
        let second = leader.reject(3, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
        #expect(second.contradictions.map(\.odd) == [NodeID(1)] && leader.role == .follower)
        #expect(second.contradictions.first?.against == [NodeID(2), NodeID(3)])
        #expect(second.contains { if case .send(.timeoutNow, _) = $0 { true } else { false } })
    }

    @Test("followers that contradict each other too decide nothing") func nobodyAgrees() {
        let leader = Self.leader(committed: false)
        leader.reject(2, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
        let effects = leader.reject(3, previous: 1, conflict: (nil, 5), contradiction: position(3, 2))
        #expect(effects.contradictions.map(\.odd) == [nil] && leader.role == .leader)
    }

    /// 8,000 lines a second, for ever, once.
    @Test("who contradicts is asked again with the next heartbeat, not before") func pace() {
        let leader = Self.leader(committed: false)
        for _ in 0..<3 {
            let refusal = leader.reject(2, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
            #expect(refusal.appends(to: 2).isEmpty)
            // The logs agree before it: that is no reason to send what is behind it.
            #expect(leader.acknowledge(2, match: 1, previous: 1).appends(to: 2).isEmpty)
            #expect(leader.wake().appends(to: 2).count == 2)
        }
    }

    @Test("a follower that was repaired is filled again") func repaired() {
        let leader = Self.leader(committed: true)
        leader.reject(3, previous: 1, conflict: (nil, 5), contradiction: position(2, 2))
        leader.wake()
        let effects = leader.reject(3, previous: 1, conflict: (nil, 1))
        #expect(effects.batches(to: 3).map(\.previous) == [position(0, 0)])
        #expect(leader.acknowledge(3, match: 3).isEmpty && leader.progress(of: 3).state == .replicate)
    }

    @Test("a probe that can not go further back waits for the next heartbeat") func refusedAtTheStart() {
        let leader = Self.leader(committed: false)
        #expect(leader.reject(2, previous: 2, conflict: (nil, 1)).batches(to: 2).map(\.previous) == [.zero])
        for _ in 0..<3 { #expect(leader.reject(2, previous: 0, conflict: (nil, 1)).appends(to: 2).isEmpty) }
        #expect(leader.wake().batches(to: 2).map(\.previous) == [.zero])
    }

    @Test("each snapshot that fails makes the pause to the next one longer") func snapshotPauses() {
        let leader = Subject(term: 5, base: position(4, 9), log: [5]).lead()
        leader.reject(2, previous: 10, conflict: (nil, 1))
        var heartbeats: [Int] = []
        for _ in 0..<5 {
            leader.step(.snapshotFailed(to: NodeID(2)))
            var count = 0
            var isTried = false
            while !isTried, count < 20 {
                leader.acknowledge(3, match: 11)
                count += 1
                isTried = leader.pass(.milliseconds(1500)).contains { $0 == .sendSnapshot(to: NodeID(2)) }
            }
            heartbeats.append(count)
        }
        #expect(heartbeats == [1, 1, 3, 7, 7])
    }

    @Test("what waits without a commit is known to wait") func stall() {
        let leader = Self.leader(committed: true)
        #expect(leader.node.uncommittedSince == nil)
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        let since = leader.node.uncommittedSince
        #expect(since != nil)
        leader.pass(.milliseconds(100))
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        #expect(leader.node.uncommittedSince == since, "since the first that waits")
        leader.persisted()
        leader.acknowledge(2, match: 5)
        #expect(leader.node.uncommittedSince == nil)
    }
}
