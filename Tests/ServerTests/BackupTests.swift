import Metadata
import Raft
import Storage
import Testing

@testable import Server

/// When a node lets its disk make a backup: not before the state tables have what was asked for.
@Suite struct BackupTests {
    private func node(members: Int = 3) -> NodeUnderTest {
        NodeUnderTest(members: members) {
            $0.checkpointPause = .seconds(100)
            $0.checkpointInterval = .seconds(100)
        }.elected()
    }

    private func ask(_ test: NodeUnderTest, _ consistency: Consistency) -> Answers<BackupRefusal?> {
        let answers = Answers<BackupRefusal?>()
        test.process(
            .backUp(consistency) { result in
                if case .failure(let refusal) = result { answers.add(refusal) } else { answers.add(nil) }
            })
        return answers
    }

    @Test func itWaitsForACheckpointThatIsMadeForIt() {
        let test = node()
        test.put("/a")
        test.settle()
        #expect(test.disk.checkpoints.isEmpty)
        _ = ask(test, .stale)
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 2)])
        #expect(test.disk.backups.isEmpty)
        test.process(.checkpointed(LogIndex(2)))
        #expect(test.disk.backups.count == 1)
        // With nothing to write it is made at once.
        _ = ask(test, .stale)
        #expect(test.disk.backups.count == 2)
        #expect(test.disk.checkpoints.count == 1)
    }

    @Test func aCheckpointOnItsWayIsNotEnoughForWhatCameLater() {
        let test = node()
        _ = ask(test, .stale)
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 1)])
        test.process(.checkpointed(LogIndex(1)))
        test.put("/a")
        test.settle()
        let first = ask(test, .stale)
        test.put("/b")
        test.settle()
        #expect(ask(test, .stale).all == [.backup(.inProgress)])
        test.process(.checkpointed(LogIndex(2)))
        #expect(test.disk.backups.count == 2)
        #expect(first.all.isEmpty)
        _ = ask(test, .stale)
        #expect(test.disk.checkpoints.last?.position == position(1, 3))
        #expect(test.disk.backups.count == 2)
        test.process(.checkpointed(LogIndex(3)))
        #expect(test.disk.backups.count == 3)
    }

    @Test func theLeaderAsksTheOthersFirst() {
        let test = node()
        test.put("/a")
        test.settle()
        let answers = ask(test, .linearizable)
        #expect(test.disk.checkpoints.isEmpty, "before a majority has confirmed that it leads")
        test.acknowledge()
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 2)])
        test.process(.checkpointed(LogIndex(2)))
        #expect(test.disk.backups.count == 1)
        #expect(answers.all.isEmpty)
    }

    @Test func whoDoesNotLeadNamesTheLeader() {
        let test = NodeUnderTest()
        test.append(from: 3, term: 1, behind: .zero)
        #expect(ask(test, .linearizable).all == [.request(.notLeader(leader: NodeID(3)))])
        #expect(test.disk.backups.isEmpty)
        _ = ask(test, .stale)
        #expect(test.disk.backups.count == 1)
    }

    @Test func aNodeThatFailsSaysSo() {
        let test = node()
        test.put("/a")
        test.settle()
        let answers = ask(test, .stale)
        test.process(.diskFailed(.failed("broken")))
        #expect(answers.all == [.request(.unavailable("storage failed"))])
        #expect(ask(test, .stale).all == [.request(.unavailable("storage failed"))])
    }
}
