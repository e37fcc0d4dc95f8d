import Testing

@testable import Raft

/// RequestVote (§3.4) with the restriction of §3.6.1.
@Suite struct VoteTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var term: UInt64 = 5
        var last: (term: UInt64, index: UInt64) = (3, 3)
        var votedFor: UInt64?
        var granted = false
        /// The voter's term afterwards.
        var after: UInt64 = 5
        var testDescription: String { name }
    }

    /// The voter is at term 4 with a log of terms 1, 2, 3 and knows no leader.
    @Test(arguments: [
        Case(name: "§3.4: an old term is refused and learns the new one", term: 3, after: 4),
        Case(name: "§3.4: free vote in the own term", term: 4, granted: true, after: 4),
        Case(name: "§3.4: one vote for each term", term: 4, votedFor: 2, after: 4),
        Case(name: "§3.4: the same candidate asks again", term: 4, votedFor: 3, granted: true, after: 4),
        Case(name: "§3.3: a later term frees the vote", votedFor: 2, granted: true),
        Case(name: "§3.6.1: same log", granted: true),
        Case(name: "§3.6.1: longer log of the same term", last: (3, 9), granted: true),
        Case(name: "§3.6.1: later term wins over length", last: (4, 1), granted: true),
        Case(name: "§3.6.1: shorter log; the term counts all the same", last: (3, 2)),
        Case(name: "§3.6.1: longer log of an earlier term", last: (2, 9)),
    ])
    func requestVote(_ test: Case) {
        let voter = Subject(term: 4, votedFor: test.votedFor, log: [1, 2, 3])
        let before = voter.askVote(3, term: test.term, last: test.last)
        let effects = before + voter.persisted(ifAny: before)
        let reply = RequestVoteReply(term: Term(test.after), voteGranted: test.granted)
        #expect(effects.voteReplies == [reply])
        #expect(voter.term == test.after)
        #expect(voter.vote == (test.granted ? 3 : test.term > 4 ? nil : test.votedFor))
    }

    @Test("§3.8: a vote leaves only when it is durable") func votePersistsFirst() {
        let voter = Subject(term: 4)
        let effects = voter.askVote(3, term: 5, last: (0, 0))
        #expect(effects.voteReplies.isEmpty)
        #expect(
            effects.contains(
                .persist(Write(id: WriteID(1), hardState: HardState(currentTerm: Term(5), votedFor: NodeID(3))))))
        #expect(voter.persisted().voteReplies == [RequestVoteReply(term: Term(5), voteGranted: true)])
    }

    @Test("§3.8: the candidate's own vote is durable before it asks, and before it leads")
    func ownVotePersistsFirst() {
        let node = Subject()
        node.wake()
        let campaign = node.voteReply(2, term: 1, pre: true)
        #expect(node.role == .candidate && node.term == 1 && node.vote == 1)
        #expect(campaign.voteRequests.isEmpty)
        node.voteReply(2, term: 1)
        #expect(node.role == .candidate, "a majority of votes, but its own is not durable")
        #expect(node.persisted().voteRequests.count == 2)
        #expect(node.role == .leader)
    }

    @Test("§3.4: a candidate yields to the leader of its term, not to one of an earlier")
    func candidateYields() {
        let node = Subject(term: 4)
        node.wake()
        node.voteReply(2, term: 5, pre: true)
        node.persisted()
        let refused = node.append(3, term: 4)
        #expect(refused.appendReplies == [AppendEntriesReply(term: Term(5), success: false, matchIndex: .zero)])
        #expect(node.role == .candidate)
        node.append(3, term: 5)
        #expect(node.role == .follower && node.leader == 3 && node.vote == 1)
    }

    @Test("§3.4: votes of other terms and of the same voter twice do not count")
    func countsVotersOnce() {
        let node = Subject(voters: 5, term: 4)
        node.wake()
        node.voteReply(2, term: 5, pre: true)
        node.voteReply(2, term: 5, pre: true)
        #expect(node.role == .preCandidate)
        node.voteReply(3, term: 5, pre: true)
        node.persisted()
        node.voteReply(2, term: 5)
        node.voteReply(2, term: 5)
        node.voteReply(3, term: 4)
        node.voteReply(3, term: 5, pre: true)
        node.voteReply(9, term: 5)
        #expect(node.role == .candidate)
        node.voteReply(4, term: 5)
        #expect(node.role == .leader)
    }

    @Test("§3.4: a lost election is tried again soon, after a random pause", arguments: [2, 3, 4, 5, 7])
    func lostElection(voters: Int) {
        let node = Subject(voters: voters)
        node.wake()
        for voter in 2...UInt64(voters) { node.voteReply(voter, term: 1, pre: true) }
        node.persisted()
        // As many refusals as make a majority impossible.
        let majority = voters / 2 + 1
        for voter in 2...UInt64(2 + voters - majority) { node.voteReply(voter, term: 1, granted: false) }
        #expect(node.node.nextDeadline.since(node.now) <= .milliseconds(60))
        node.wake()
        #expect(node.role == .preCandidate)
    }

    @Test("a candidate whose own vote is still on its way to the disk does not start over")
    func slowDiskKeepsTheTerm() {
        let node = Subject()
        node.wake()
        node.voteReply(2, term: 1, pre: true)
        for _ in 0..<10 { node.wake() }
        #expect(node.role == .candidate && node.term == 1)
        #expect(node.persisted().voteRequests.count == 2)
        node.wake()
        #expect(node.role == .preCandidate, "now the voters are what it waits for")
    }

    @Test("a voter grants and the new leader dies at once: the voter asks again within a second")
    func leaderDiesAtOnce() {
        let voter = Subject(term: 4)
        voter.askVote(3, term: 5, last: (0, 0))
        voter.persisted()
        #expect(voter.node.nextDeadline.since(voter.now) <= .milliseconds(800))
        voter.wake()
        #expect(voter.role == .preCandidate)
    }

    @Test("§4.2.3: who hears a leader neither votes nor takes the term")
    func leaseRefusal() {
        let voter = Subject()
        voter.append(2, term: 4)
        voter.persisted()
        #expect(voter.askVote(3, term: 9, last: (8, 8)).voteReplies == [.init(term: Term(4), voteGranted: false)])
        #expect(voter.term == 4)
        // Not by a hair less than the minimum election timeout.
        voter.pass(.milliseconds(4999))
        voter.askVote(3, term: 9, last: (8, 8))
        #expect(voter.term == 4)
        voter.pass(.milliseconds(1))
        voter.askVote(3, term: 9, last: (8, 8))
        #expect(voter.term == 9 && voter.vote == 3)
    }

    @Test("§4.2.3: a leader neither votes nor takes the term")
    func leaderIgnoresCandidates() {
        let node = Subject().lead()
        #expect(node.askVote(3, term: 9, last: (8, 8)).voteReplies == [.init(term: Term(1), voteGranted: false)])
        #expect(node.role == .leader && node.term == 1)
    }

    @Test("§3.10: an election that the leader wants is not refused on its account")
    func transferElection() {
        let voter = Subject()
        voter.append(2, term: 4)
        voter.askVote(3, term: 5, last: (4, 8), transfer: true)
        #expect(voter.persisted().voteReplies.last == RequestVoteReply(term: Term(5), voteGranted: true))
    }

    @Test("a held vote that outlives its term is still true of that term")
    func heldVoteOutlivesTerm() {
        let voter = Subject(voters: 5)
        voter.askVote(2, term: 3, last: (0, 0))
        let first = voter.lastWrite
        voter.askVote(3, term: 4, last: (0, 0))
        #expect(voter.vote == 3)
        #expect(voter.step(.persisted(first)).voteReplies == [.init(term: Term(3), voteGranted: true)])
        #expect(voter.persisted().voteReplies == [.init(term: Term(4), voteGranted: true)])
    }
}

extension Subject {
    /// Completes what `effects` asked to be stored, if anything.
    func persisted(ifAny effects: [Effect]) -> [Effect] { effects.hasWrite ? persisted() : [] }
}
