import Metadata
import Raft
import Testing

@testable import Server

/// Writes that wait while leadership goes to another node.
@Suite struct LeadershipChangeTests {
    /// A leader of term 1 with its opening entry committed at 1 and a write waiting at 2.
    private func leaderWithWaitingWrite(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = NodeUnderTest { settings in
            settings.requestTimeout = .seconds(600)
            adjust(&settings)
        }.elected()
        test.put("/mine", "mine")
        test.persist()
        #expect(test.log.last == position(1, 2))
        return test
    }

    @Test func committedByTheNextLeaderIsSuccess() {
        let test = leaderWithWaitingWrite()
        test.append(from: 2, term: 2, behind: position(1, 2), [putEntry(3, term: 2)], commit: LogIndex(3))
        #expect(test.writes.all == [.success(.put(modRevision: 1, version: 1))])
    }

    @Test func overwrittenByTheNextLeaderWasNotExecuted() {
        let test = leaderWithWaitingWrite()
        test.append(from: 2, term: 2, behind: position(1, 1), [putEntry(2, term: 2)])
        #expect(test.writes.all.isEmpty, "another node may still have it and lead")
        test.append(from: 2, term: 2, behind: position(2, 2), commit: LogIndex(2))
        #expect(test.writes.all.map(\.failure) == [.notLeader(leader: NodeID(2))])
        #expect(test.node.metadata.value(Key(validated: Array("/mine".utf8))) == nil)
    }

    /// A node that held the entry may be elected later and commit it, whatever our own log says now.
    @Test func cutOffTheLogAndElectedAgainIsUnknown() {
        let test = leaderWithWaitingWrite()
        test.append(from: 2, term: 2, behind: position(1, 1), [putEntry(2, term: 2)])
        test.persist()
        test.advance(milliseconds: 8000)
        test.elect()
        #expect(test.node.raft.role == .leader)
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
    }

    @Test func electedAgainWithTheEntryStillWaits() {
        let test = leaderWithWaitingWrite()
        test.advance(milliseconds: 6000)
        #expect(test.node.raft.role != .leader)
        test.elect()
        #expect(test.writes.all.isEmpty)
        test.settle()
        #expect(test.writes.all.map(\.isSuccess) == [true])
    }

    @Test func replacedByASnapshotIsUnknown() throws {
        let test = leaderWithWaitingWrite()
        let state = MetadataStateMachine()
        test.install(try lastChunk(of: state, at: position(2, 5), term: 2))
        test.process(.snapshotStaged)
        test.process(.snapshotInstalled(position(2, 5), state))
        test.append(from: 2, term: 2, behind: position(2, 5), [putEntry(6, term: 2)], commit: LogIndex(6))
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
    }

    @Test func replacedByASnapshotAndElectedAgainIsUnknown() throws {
        let test = leaderWithWaitingWrite()
        let state = MetadataStateMachine()
        test.install(try lastChunk(of: state, at: position(2, 5), term: 2))
        test.process(.snapshotStaged)
        test.process(.snapshotInstalled(position(2, 5), state))
        test.advance(milliseconds: 8000)
        test.elect()
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
    }

    @Test func readsDoNotSurviveTheLeadership() {
        let test = leaderWithWaitingWrite()
        test.read()
        test.append(from: 2, term: 2, behind: position(1, 2))
        #expect(test.reads.all.map(\.failure) == [.notLeader(leader: NodeID(2))])
    }

    @Test func aBrokenConnectionOfTheLeaderIsNoticedAtOnce() {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero, connection: 9)
        test.process(.peerConnectionClosed(8))
        test.advance(milliseconds: 200)
        #expect(test.node.raft.leader == NodeID(2), "another connection says nothing")
        test.process(.peerConnectionClosed(9))
        test.advance(milliseconds: 200)
        #expect(test.node.raft.role == .preCandidate)
    }
}
