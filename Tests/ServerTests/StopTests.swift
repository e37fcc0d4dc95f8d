import Metadata
import Raft
import Storage
import Testing

@testable import Server

@Suite struct DiskFailureTests {
    @Test func nothingIsAcknowledgedAnyMore() {
        let test = NodeUnderTest().elected()
        test.put("/a")
        test.read()
        test.process(.diskFailed(.failed("no such device")))
        #expect(test.failed == [.failed("no such device")])
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
        #expect(test.reads.all.map(\.failure) == [.notLeader(leader: nil)])
        let sent = test.network.sent.count
        test.settle()
        test.put("/b")
        test.read()
        test.heartbeat(101)
        test.append(from: 2, term: 9, behind: .zero)
        test.advance(milliseconds: 60_000)
        #expect(test.network.sent.count == sent)
        for failure in [test.writes.all.last?.failure, test.reads.all.last?.failure, test.replies.all.last?.failure] {
            #expect(failure == .unavailable("storage failed"))
        }
        #expect(test.failed.count == 1)
    }

    @Test func whatThePeersWaitForIsRefused() {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)])
        #expect(test.replies.all.isEmpty, "nothing is promised before the disk has it")
        test.process(.diskFailed(.full("no space left")))
        #expect(test.replies.all.map(\.failure) == [.unavailable("storage failed")])
    }

    /// The failure comes in one batch with requests: each gets an answer, none a success.
    @Test func aFailureInTheMiddleOfABatch() {
        let test = NodeUnderTest(members: 1)
        test.clock.advanceToAlarm()
        test.process(.timer)
        test.settle()
        let writes = test.disk.writes.count
        test.node.process([
            test.submission(.put(Put(key: Key(validated: Array("/a".utf8)), value: []))),
            .read(.linearizable) { [reads = test.reads] in reads.add($0.map { $0.metadata.counters.revision }) },
            .diskFailed(.failed("input/output error")),
            test.submission(.put(Put(key: Key(validated: Array("/b".utf8)), value: []))),
        ])
        #expect(test.writes.all.count == 2)
        #expect(test.reads.all.count == 1)
        #expect(!test.writes.all.contains { $0.isSuccess })
        #expect(!test.reads.all.contains { $0.isSuccess })
        #expect(test.disk.writes.count == writes)
    }
}

@Suite struct StopTests {
    private func stop(_ test: NodeUnderTest) -> Answers<Bool> {
        let stopped = Answers<Bool>()
        test.process(.stop { stopped.add(true) })
        return stopped
    }

    @Test func aFollowerStopsAtOnce() {
        let test = NodeUnderTest()
        #expect(stop(test).all == [true])
    }

    @Test func aLeaderHandsOver() {
        let test = NodeUnderTest().elected()
        let stopped = stop(test)
        #expect(stopped.all.isEmpty)
        guard case .timeoutNow(let request)? = test.network.sent.last?.request else {
            Issue.record("no hand-over was asked for")
            return
        }
        #expect(request.term == test.node.raft.currentTerm)
        test.put("/a")
        #expect(test.writes.all.map(\.failure) == [.notLeader(leader: nil)], "nothing new is taken")
        test.append(from: 2, term: 2, behind: test.log.last)
        #expect(stopped.all == [true])
    }

    @Test func aLeaderWithoutFollowersDoesNotWaitForEver() {
        let test = NodeUnderTest { $0.transferTimeout = .milliseconds(500) }.elected()
        test.put("/a")
        let stopped = stop(test)
        test.advance(milliseconds: 499)
        #expect(stopped.all.isEmpty)
        test.advance(milliseconds: 1)
        #expect(stopped.all == [true])
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
    }

    /// Whoever should lead is gone. A client that goes on writing must not keep it, to be told in the end that nothing is known.
    @Test func aLeaderThatNobodyRelievesTakesNothingNew() {
        let test = NodeUnderTest { $0.transferTimeout = .seconds(60) }.elected()
        test.put("/a")
        let stopped = stop(test)
        test.process(.peerReply(.unreachable(NodeID(2)), from: nil))
        #expect(!test.node.raft.isTransferringLeadership && stopped.all.isEmpty)
        test.put("/b")
        #expect(test.writes.all.map(\.failure) == [.notLeader(leader: nil)], "not executed")
        test.settle()
        #expect(test.writes.all.map(\.isSuccess) == [false, true])
        #expect(stopped.all == [true])
    }

    @Test func aSingleNodeSettlesWhatClientsWaitFor() {
        let test = NodeUnderTest(members: 1)
        test.clock.advanceToAlarm()
        test.process(.timer)
        test.settle()
        test.put("/a")
        let stopped = stop(test)
        #expect(stopped.all.isEmpty)
        test.persist()
        #expect(test.writes.all.map(\.isSuccess) == [true])
        #expect(stopped.all == [true])
    }
}
