import Metadata
import Raft
import Testing

@testable import Server

@Suite struct RequestTests {
    @Test func whoDoesNotLeadNamesTheLeader() {
        let test = NodeUnderTest()
        test.put("/a")
        test.read()
        test.heartbeat(101)
        #expect(test.writes.all.map(\.failure) == [.notLeader(leader: nil)])
        #expect(test.reads.all.map(\.failure) == [.notLeader(leader: nil)])
        #expect(test.heartbeats.all.map(\.failure) == [.notLeader(leader: nil)])
        test.append(from: 3, term: 1, behind: .zero)
        test.put("/a")
        #expect(test.writes.all.last?.failure == .notLeader(leader: NodeID(3)))
        #expect(test.log.last == .zero)
    }

    @Test func anyNodeAnswersStaleReads() {
        let test = NodeUnderTest()
        test.read(.stale)
        #expect(test.reads.all.map(\.isSuccess) == [true])
    }

    @Test func aWriteIsAnsweredWhenAMajorityHasIt() {
        let test = NodeUnderTest().elected()
        test.put("/a")
        #expect(test.writes.all.isEmpty)
        test.acknowledge()
        #expect(test.writes.all.isEmpty, "the own disk and one peer are the majority, not the peer alone")
        test.persist()
        #expect(test.writes.all == [.success(.put(modRevision: 1, version: 1))])
    }

    @Test func aSingleNodeAnswersBehindItsOwnDisk() {
        let test = NodeUnderTest(members: 1)
        test.clock.advanceToAlarm()
        test.process(.timer)
        test.settle()
        test.put("/a")
        #expect(test.writes.all.isEmpty)
        test.persist()
        #expect(test.writes.all.map(\.isSuccess) == [true])
    }

    @Test func oneBatchIsOneWrite() {
        let test = NodeUnderTest().elected()
        let before = test.disk.writes.count
        test.node.process(
            (0..<50).map { test.submission(.put(Put(key: Key(validated: Array("/k\($0)".utf8)), value: []))) })
        #expect(test.disk.writes.count == before + 1)
        test.settle()
        #expect(test.writes.all.count == 50)
    }

    @Test func tooManyWaitingWritesAreRefused() {
        let test = NodeUnderTest { $0.maximumPendingWrites = 3 }.elected()
        for number in 0..<5 { test.put("/k\(number)") }
        #expect(test.writes.all.map(\.failure) == [.overloaded, .overloaded])
        test.settle()
        #expect(test.writes.all.count { $0.isSuccess } == 3)
        test.put("/again")
        test.settle()
        #expect(test.writes.all.count { $0.isSuccess } == 4)
    }

    @Test func tooManyWaitingBytesAreRefused() {
        let test = NodeUnderTest { $0.maximumPendingBytes = 100 }.elected()
        test.put("/a", String(repeating: "x", count: 120))
        test.put("/b")
        #expect(test.writes.all.map(\.failure) == [.overloaded])
    }

    @Test func aWriteThatTakesTooLongIsUnknownNotRefused() {
        let test = NodeUnderTest { $0.requestTimeout = .milliseconds(1000) }.elected()
        test.put("/a")
        test.advance(milliseconds: 999)
        #expect(test.writes.all.isEmpty)
        test.advance(milliseconds: 1)
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
        test.settle()
        #expect(test.writes.all.count == 1, "answered once")
        #expect(test.node.metadata.keyCount == 1, "it still happened")
    }

    @Test func aReadThatIsNotConfirmedIsRefused() {
        let test = NodeUnderTest { $0.requestTimeout = .milliseconds(1000) }.elected()
        test.read()
        #expect(test.reads.all.isEmpty)
        test.advance(milliseconds: 1000)
        #expect(test.reads.all.map(\.failure) == [.notLeader(leader: nil)])
    }

    @Test func aReadIsConfirmedByARoundThatBeganBehindIt() {
        let test = NodeUnderTest().elected()
        let round = test.network.appends.map(\.readRound).max() ?? 0
        test.read()
        let late = AppendEntriesReply(
            term: test.node.raft.currentTerm, success: true, matchIndex: test.log.last.index, readRound: round)
        test.process(
            .peerReply(.appendEntriesReply(late, from: NodeID(2), previous: test.log.last.index), from: .member(2)))
        #expect(test.reads.all.isEmpty, "an answer to an earlier round proves nothing")
        test.acknowledge()
        #expect(test.reads.all.map(\.isSuccess) == [true])
    }

    @Test func readsWaitForTheOpeningEntry() {
        let test = NodeUnderTest()
        test.elect()
        test.read()
        #expect(test.reads.all.isEmpty)
        test.settle()
        #expect(test.reads.all.map(\.isSuccess) == [true])
    }

    @Test func aLeaderWithoutAQuorumStepsDownAndRefuses() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(60) }.elected()
        test.put("/a")
        test.read()
        test.advance(milliseconds: 6000)
        #expect(test.node.raft.role != .leader)
        #expect(test.reads.all.map(\.failure) == [.notLeader(leader: nil)])
        #expect(test.writes.all.isEmpty, "it may still be committed")
        test.put("/b")
        #expect(test.writes.all.map(\.failure) == [.notLeader(leader: nil)])
    }
}
