import Testing

@testable import Raft

/// How leadership ends: check-quorum (§6.2), a stalled disk, and transfer (§3.10).
@Suite struct LeadershipTests {
    @Test(
        "§6.2: a leader that a majority does not answer steps down after an election timeout", arguments: [2, 3, 5, 7])
    func checkQuorum(voters: Int) {
        let leader = Subject(voters: voters).lead()
        let needed = UInt64(voters / 2)
        for _ in 0..<10 {
            for peer in 2..<2 + needed { leader.acknowledge(peer, match: 1) }
            leader.pass(.milliseconds(1000))
        }
        #expect(leader.role == .leader)
        for _ in 0..<10 {
            for peer in 3..<2 + needed { leader.acknowledge(peer, match: 1) }
            leader.pass(.milliseconds(450))
        }
        #expect(leader.role != .leader && leader.leader == nil && leader.term == 1)
    }

    @Test("§6.2: a single voter has its majority always") func singleVoter() {
        let leader = Subject(voters: 1).lead()
        leader.pass(.seconds(100))
        #expect(leader.role == .leader)
    }

    @Test("a refusal is an answer, too") func refusalIsContact() {
        let leader = Subject().lead()
        for _ in 0..<10 {
            leader.reject(2, previous: 0, conflict: nil)
            leader.pass(.milliseconds(1000))
        }
        #expect(leader.role == .leader)
    }

    @Test("§3.3: an answer of a later term deposes") func laterTerm() {
        let leader = Subject().lead()
        leader.reject(2, previous: 0, conflict: nil, term: 3)
        #expect(leader.role == .follower && leader.term == 3 && leader.vote == nil)
    }

    @Test("heartbeats go out at their interval") func heartbeats() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.pass(.milliseconds(5))
        #expect(leader.node.nextDeadline.since(leader.now) == .milliseconds(1495))
        #expect(leader.wake().appends(to: 2).map(\.previous) == [position(1, 1)])
    }

    @Test("a leader that everybody answers and nobody takes entries from asks another to lead, and leads on meanwhile")
    func stalledReplication() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.acknowledge(3, match: 1)
        var asked: [Effect] = []
        func wait(seconds: Int, match: UInt64) {
            for _ in 0..<seconds {
                leader.acknowledge(2, match: match)
                leader.acknowledge(3, match: 1)
                let effects = leader.pass(.seconds(1))
                asked += effects.filter { if case .replicationStalled = $0 { true } else { false } }
            }
        }
        wait(seconds: 30, match: 1)
        #expect(asked == [], "nothing waits")
        leader.step(.propose([Proposal](repeating: Proposal(type: "PUT", data: []), count: 9)))
        leader.persisted()
        // Whatever is taken is progress, though it is not enough to commit more.
        for match in 2...5 as ClosedRange<UInt64> { wait(seconds: 12, match: match) }
        #expect(asked == [])
        wait(seconds: 20, match: 5)
        #expect(asked == [.replicationStalled(asking: NodeID(2)), .replicationStalled(asking: NodeID(2))])
        #expect(leader.role == .leader && leader.term == 1)
    }

    @Test("a leader whose disk stalls for an election timeout steps down and hands over, though everybody answers")
    func stalledDisk() {
        let leader = Subject().lead()
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        var effects: [Effect] = []
        for _ in 0..<12 {
            leader.acknowledge(2, match: 1)
            leader.acknowledge(3, match: 2)
            effects += leader.pass(.milliseconds(500))
        }
        #expect(leader.role != .leader && leader.term == 1)
        let told = effects.filter { if case .send(.timeoutNow, _) = $0 { true } else { false } }
        #expect(told == [.send(.timeoutNow(TimeoutNow(term: Term(1), leader: NodeID(1))), to: NodeID(3))])
    }

    @Test("a follower with a stalled disk still answers heartbeats, but promises nothing new")
    func stalledFollower() {
        let node = Subject(term: 4)
        node.append(2, term: 4, [4])
        #expect(node.append(2, term: 4, after: (4, 1)).appendReplies.map(\.matchIndex) == [.zero])
    }

    // MARK: Transfer (§3.10)

    @Test("the target is the one that needs the least, among those that answer") func target() {
        let leader = Subject(voters: 5).lead()
        leader.acknowledge(3, match: 1)
        leader.acknowledge(4, match: 1)
        let effects = leader.step(.transferLeadership())
        #expect(effects == [.send(.timeoutNow(TimeoutNow(term: Term(1), leader: NodeID(1))), to: NodeID(3))])
    }

    @Test("one that was reached last is preferred to one that was not, and a lost target ends the transfer at once")
    func lostTarget() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.acknowledge(3, match: 1)
        leader.step(.unreachable(NodeID(2)))
        let effects = leader.step(.transferLeadership())
        #expect(effects == [.send(.timeoutNow(TimeoutNow(term: Term(1), leader: NodeID(1))), to: NodeID(3))])
        #expect(leader.step(.unreachable(NodeID(2))).isEmpty)
        #expect(leader.step(.unreachable(NodeID(3))).contains(.transferFailed))
        #expect(leader.step(.propose([Proposal(type: "PUT", data: [])])).hasWrite)
    }

    @Test("proposals are refused meanwhile, the target catches up, then it is told, once") func catchesUp() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        #expect(leader.step(.transferLeadership()).isEmpty)
        #expect(leader.step(.propose([Proposal(type: "PUT", data: [])])) == [.refused(count: 1)])
        func isTold(_ effects: [Effect]) -> Bool {
            effects.contains(.send(.timeoutNow(TimeoutNow(term: Term(1), leader: NodeID(1))), to: NodeID(2)))
        }
        #expect(isTold(leader.acknowledge(2, match: 2)))
        #expect(!isTold(leader.acknowledge(2, match: 2)))
    }

    @Test("the target campaigns at once, without pre-vote, and says that the leader wants it") func campaign() {
        let target = Subject()
        target.append(2, term: 4, [4])
        target.persisted()
        target.request(.timeoutNow(TimeoutNow(term: Term(4), leader: NodeID(2))))
        #expect(target.role == .candidate && target.term == 5)
        let requests = target.persisted().voteRequests
        #expect(requests.count == 2 && requests.allSatisfy { $0.isLeadershipTransfer && !$0.isPreVote })
    }

    @Test("the old leader votes for its target") func oldLeaderVotes() {
        let leader = Subject().lead()
        leader.askVote(2, term: 2, last: (1, 1), transfer: true)
        #expect(leader.role == .follower && leader.vote == 2)
    }

    @Test("a transfer that does not happen ends after an election timeout, and proposals are taken again")
    func transferFails() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.step(.transferLeadership())
        leader.pass(.milliseconds(4000))
        leader.acknowledge(2, match: 1)
        #expect(leader.pass(.milliseconds(1000)).contains(.transferFailed))
        #expect(leader.step(.propose([Proposal(type: "PUT", data: [])])).hasWrite)
    }

    @Test("without a living follower it fails at once") func nobodyThere() {
        #expect(Subject().lead().step(.transferLeadership()) == [.transferFailed])
        #expect(Subject(voters: 1).lead().step(.transferLeadership()) == [.transferFailed])
        #expect(Subject().step(.transferLeadership()).isEmpty)
    }
}
