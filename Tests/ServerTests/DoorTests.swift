import Raft
import Storage
import Testing
import Wire

@testable import Server

/// What is compared before a message reaches anything else.
@Suite struct DoorTests {
    private let vote = Raft.Request.requestVote(
        RequestVote(term: Term(9), candidate: NodeID(2), lastLog: .zero, isPreVote: true))

    private static let misfits: [(Misfit, @Sendable (inout Envelope) -> Void)] = [
        (.otherNode, { $0.receiver = NodeID(3) }),
        (.sameNode, { $0.sender.node = NodeID(1) }),
        (.otherCluster, { $0.cluster = String(repeating: "f", count: 32) }),
        (.otherCluster, { $0.cluster = nil }),
        (.otherList, { $0.listVersion += 1 }),
        (.otherList, { $0.sender.node = NodeID(4) }),
        (.otherDirectory, { $0.sender.directory.low += 1 }),
        (.movedDirectory, { $0.receiverDirectory?.low += 1 }),
        (.olderRun, { $0.sender.run.number -= 1 }),
        (.olderRun, { $0.sender.run.nonce += 1 }),
    ]

    @Test(arguments: misfits.indices) func whatDoesNotFitIsRefusedByName(_ position: Int) throws {
        let (misfit, change) = Self.misfits[position]
        let test = NodeUnderTest()
        var envelope = Envelope.from(NodeID(2))
        change(&envelope)
        test.process(test.peerInput(vote, in: envelope))
        #expect(test.introductions.all.map(\.refusal) == [misfit])
        #expect(test.replies.all.isEmpty && test.disk.identities.isEmpty)
        #expect(test.node.measure().refusals == [misfit: 1])
    }

    @Test func whatFitsIsAnswered() {
        let test = NodeUnderTest()
        test.process(test.peerInput(vote, in: .from(NodeID(2))))
        #expect(test.replies.all.count == 1 && test.introductions.all.isEmpty)
    }

    /// Two parts of the nodes may begin a cluster each; the other has put its members into its log meanwhile.
    @Test(arguments: [true, false])
    func aClusterThatNothingWasWrittenInGivesWayToOneWithMembersInItsLog(isWritten: Bool) {
        var recovered = RecoveredNode()
        if isWritten {
            recovered.entries = [
                LogEntry(index: LogIndex(1), term: Term(1), type: LogEntry.noop, data: [], timestamp: 0)
            ]
        }
        let test = NodeUnderTest(recovered: recovered)
        var other = Introduction.of(NodeID(2), of: 3)
        other.cluster = String(repeating: "f", count: 32)
        other.reach = LogPosition(term: Term(3), index: LogIndex(30))
        other.abilities = Introduction.Abilities(configuration: LogIndex(20), features: [], build: "1.0")
        test.process(
            .introduced(
                to: NodeID(2), .answered(IntroductionReply(introduction: other, refusal: .otherCluster))))
        #expect(test.node.identity.clusterID == (isWritten ? NodeIdentity.sampleCluster : other.cluster))
        #expect(test.node.identity.isAdmitted == isWritten, "who goes over has the vote that the other's log gives it")
        #expect(test.node.raft.suffrage.mayVote == isWritten)
    }

    @Test func aRestartIsWrittenDownBeforeItIsAnswered() {
        let test = NodeUnderTest()
        var envelope = Envelope.from(NodeID(2))
        envelope.sender.run = .of(NodeID(2), number: 6)
        // The connection of the process before has broken.
        test.process(.peerConnectionClosed(1), .peerReply(.unreachable(NodeID(2)), from: nil))
        test.process(test.peerInput(vote, in: envelope, connection: 2))
        #expect(test.disk.identities.last?[NodeID(2)]?.run == envelope.sender.run)
        #expect(test.replies.all.isEmpty, "nothing is promised to a start that could be forgotten")
        test.storeIdentity()
        #expect(test.replies.all.count == 1)
    }

    @Test func aSecondProcessIsNoRestartWhileTheFirstIsAlive() {
        let test = NodeUnderTest()
        test.process(test.peerInput(vote, in: .from(NodeID(2))))
        var envelope = Envelope.from(NodeID(2))
        envelope.sender.run = .of(NodeID(2), number: 6)
        test.process(test.peerInput(vote, in: envelope, connection: 2))
        #expect(test.introductions.all.map(\.refusal) == [.rivalRun])
        test.clock.advance(milliseconds: 5_000)
        test.process(test.peerInput(vote, in: envelope, connection: 2))
        test.storeIdentity()
        #expect(test.replies.all.count == 2, "silent for an election timeout, the first has ended")
    }

    @Test func answersOfAnotherDirectoryCountForNothing() {
        let test = NodeUnderTest()
        test.elect()
        let last = test.log.last.index
        var stranger = Speaker.member(2)
        stranger.directory.low += 1
        let reply = AppendEntriesReply(term: test.node.raft.currentTerm, success: true, matchIndex: last)
        test.process(.peerReply(.appendEntriesReply(reply, from: NodeID(2), previous: last), from: stranger))
        #expect(test.node.raft.commitIndex == .zero)
        test.acknowledge()
        #expect(test.node.raft.commitIndex == last)
    }

    @Test(arguments: [
        Raft.Request.requestVote(RequestVote(term: Term(9), candidate: NodeID(2), lastLog: .zero)),
        .appendEntries(
            AppendEntries(term: Term(9), leader: NodeID(2), previous: .zero, entries: [], leaderCommit: .zero)),
        .timeoutNow(TimeoutNow(term: Term(9), leader: NodeID(2))),
    ])
    func whoSaysNotWhoItIsIsAnsweredAndNotBelieved(_ request: Raft.Request) {
        let test = NodeUnderTest()
        test.process(
            .peerRequest(request, from: .anybody, connection: 1) { [replies = test.replies] answer in
                if case .success(.reply(let reply, nil)) = answer { replies.add(.success(reply)) }
            })
        #expect(test.replies.all.count == 1)
        #expect(test.node.raft.currentTerm == .zero && test.node.raft.hardState.votedFor == nil)
        #expect(test.node.measure().strangersAnswered == 1)
    }

    @Test func aNodeOfTheFirstReleaseIsBelievedUntilItsDirectoryIsKnown() {
        let test = NodeUnderTest()
        test.process(
            .peerRequest(vote, from: .legacy(sender: NodeID(2), cluster: NodeIdentity.sampleCluster), connection: 1) {
                [replies = test.replies] answer in
                if case .success(.reply(let reply, nil)) = answer { replies.add(.success(reply)) }
            })
        guard case .success(.requestVote(let refused))? = test.replies.all.first else {
            Issue.record("no answer")
            return
        }
        #expect(!refused.voteGranted)
    }
}
