import Testing

@testable import Raft

/// Pre-vote (§9.6), the early pre-vote of a node that knows no leader, and the connection-loss hint.
@Suite struct PreVoteTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var term: UInt64
        var last: (term: UInt64, index: UInt64)
        var hearsLeader = false
        var reply: RequestVoteReply
        var testDescription: String { name }
    }

    /// The voter is at term 4 with a log of terms 1, 2, 3.
    @Test(arguments: [
        Case(
            name: "granted, in the term asked about", term: 5, last: (3, 3),
            reply: .init(term: Term(5), voteGranted: true, isPreVote: true)),
        Case(
            name: "a log that is behind", term: 5, last: (3, 2),
            reply: .init(term: Term(4), voteGranted: false, isPreVote: true)),
        Case(
            name: "a term that is not ahead", term: 4, last: (3, 3),
            reply: .init(term: Term(4), voteGranted: false, isPreVote: true)),
        Case(
            name: "the leader is heard", term: 9, last: (8, 9), hearsLeader: true,
            reply: .init(term: Term(4), voteGranted: false, isPreVote: true)),
    ])
    func preVote(_ test: Case) {
        let voter = Subject(term: 4, log: [1, 2, 3])
        if test.hearsLeader { voter.append(2, term: 4, after: (3, 3)) }
        let effects = voter.askVote(3, term: test.term, last: test.last, pre: true)
        #expect(effects.voteReplies == [test.reply])
        #expect(voter.term == 4 && voter.vote == nil && !effects.hasWrite, "nobody's state changes")
    }

    @Test("a pre-vote is granted to several candidates; no term moves until a majority agreed")
    func preVoteIsNoPromise() {
        let voter = Subject()
        for candidate: UInt64 in [2, 3] {
            #expect(voter.askVote(candidate, term: 1, last: (0, 0), pre: true).voteReplies.map(\.voteGranted) == [true])
        }
        voter.wake()
        #expect(voter.role == .preCandidate && voter.term == 0 && voter.writes.isEmpty)
        voter.voteReply(2, term: 0, granted: false, pre: true)
        #expect(voter.term == 0)
    }

    @Test("a refusal from a later term is taken over, or pre-votes at the old term would fail for ever")
    func lowerTermCatchesUp() {
        let node = Subject(term: 2)
        node.wake()
        node.voteReply(2, term: 7, granted: false, pre: true)
        #expect(node.role == .follower && node.term == 7)
        #expect(node.wake().voteRequests.first?.term == Term(8))
    }

    @Test("a grant of another term's pre-vote does not count, nor does it move the term")
    func staleGrant() {
        let node = Subject(term: 2)
        node.wake()
        node.voteReply(2, term: 9, pre: true)
        node.voteReply(2, term: 2, pre: true)
        #expect(node.role == .preCandidate && node.term == 2)
    }

    @Test("cold start: the first pre-vote comes within 250 ms, whatever the election timeout is", arguments: 1...20)
    func coldStart(seed: Int) {
        let node = Subject(seed: UInt64(seed))
        let pause = node.node.nextDeadline.since(node.now)
        #expect(pause >= .milliseconds(50) && pause <= .milliseconds(250))
        #expect(node.wake().voteRequests.allSatisfy { $0.isPreVote && $0.term == Term(1) })
    }

    @Test("pauses grow to a bound and stay random there")
    func pausesStayRandom() {
        let node = Subject(term: 3)
        var pauses: [Duration] = []
        for _ in 0..<30 {
            node.wake()
            pauses.append(node.node.nextDeadline.since(node.now))
        }
        #expect(pauses.allSatisfy { $0 <= .milliseconds(1000) })
        #expect(Set(pauses.suffix(20)).count > 15, "two nodes with the same pause collide again and again")
        #expect(pauses.suffix(20).allSatisfy { $0 >= .milliseconds(500) })
    }

    @Test("a follower that times out forgets the leader, so that pre-vote and check-quorum do not wait for each other")
    func timeoutForgetsLeader() {
        let node = Subject()
        node.append(2, term: 4)
        node.persisted()
        let timeout = node.node.nextDeadline.since(node.now)
        #expect(timeout >= .milliseconds(5000) && timeout <= .milliseconds(7000))
        node.wake()
        #expect(node.role == .preCandidate && node.leader == nil && node.term == 4)
        #expect(node.askVote(3, term: 5, last: (0, 0), pre: true).voteReplies.map(\.voteGranted) == [true])
    }

    @Test("a leader answers a pre-vote with a heartbeat: the candidate is up and knows no leader")
    func leaderGreetsCandidate() {
        let node = Subject().lead()
        let effects = node.askVote(3, term: 2, last: (0, 0), pre: true)
        #expect(effects.appends(to: 3).count >= 1)
        #expect(effects.appends(to: 2).isEmpty)
    }

    @Test("who refuses a pre-vote for its shorter log asks soon itself")
    func betterLogAsksSoon() {
        let node = Subject(term: 3, log: [3])
        for _ in 0..<8 { node.wake() }
        node.askVote(2, term: 4, last: (0, 0), pre: true)
        #expect(node.node.nextDeadline.since(node.now) <= .milliseconds(250))
    }

    @Test("but a candidate that waits for votes is not hurried by it")
    func candidateIsNotHurried() {
        let node = Subject(term: 3, log: [3])
        node.wake()
        node.voteReply(2, term: 4, pre: true)
        node.persisted()
        let deadline = node.node.nextDeadline
        for _ in 0..<10 { node.askVote(3, term: 5, last: (0, 0), pre: true) }
        #expect(node.node.nextDeadline == deadline)
    }

    @Test("connection loss: a pre-vote after 5 to 60 ms, and the voter's lease is over", arguments: 1...20)
    func connectionLoss(seed: Int) {
        let node = Subject(seed: UInt64(seed))
        node.append(2, term: 4)
        node.persisted()
        node.step(.disconnected(NodeID(2)))
        let pause = node.node.nextDeadline.since(node.now)
        #expect(pause >= .milliseconds(5) && pause <= .milliseconds(60))
        #expect(node.leader == nil && node.term == 4)
        #expect(node.askVote(3, term: 5, last: (4, 0), pre: true).voteReplies.map(\.voteGranted) == [true])
    }

    @Test("connection loss is a hint: of another peer it means nothing, and the leader's next word undoes it")
    func connectionLossIsAHint() {
        let node = Subject()
        node.append(2, term: 4)
        node.persisted()
        let deadline = node.node.nextDeadline
        node.step(.disconnected(NodeID(3)))
        #expect(node.node.nextDeadline == deadline && node.leader == 2)
        node.step(.disconnected(NodeID(2)))
        node.append(2, term: 4)
        #expect(node.leader == 2 && node.node.nextDeadline.since(node.now) >= .milliseconds(5000))
        #expect(node.askVote(3, term: 5, last: (9, 9), pre: true).voteReplies.map(\.voteGranted) == [false])
    }

    @Test("a single voter elects itself, behind its own disk")
    func singleVoter() {
        let node = Subject(voters: 1)
        node.wake()
        #expect(node.role == .candidate && node.term == 1)
        node.persisted()
        #expect(node.role == .leader && node.commit == 0)
        node.persisted()
        #expect(node.commit == 1)
    }
}
