import Metadata
import Raft
import Testing
import Wire

@testable import Server

/// What one command, and what waits to be committed, may be at most.
@Suite struct BoundsTests {
    private func delete(_ test: NodeUnderTest, _ key: String, isRecursive: Bool = true) {
        let command = Command.delete(Delete(key: Key(validated: Array(key.utf8)), isRecursive: isRecursive))
        let (type, data) = CommandCodec.encode(command)
        test.process(.submit(Proposal(type: type, data: data)) { test.writes.add($0) })
    }

    /// At the limit it is done, beyond it is refused before it is in the log; other commands are not looked at.
    @Test func aRecursiveDeleteOfTooManyKeysIsRefused() {
        let test = NodeUnderTest { $0.maximumRowsPerCommand = 3 }.elected()
        for key in ["/a/1", "/a/2", "/a/3", "/b/1"] { test.put(key) }
        test.settle()
        let (last, answers) = (test.log.last, test.writes.all.count)
        delete(test, "/")
        #expect(test.writes.all.count == answers + 1 && test.writes.all.last == .failure(.tooManyRows(limit: 3)))
        #expect(test.log.last == last)
        delete(test, "/b/1", isRecursive: false)
        delete(test, "/a")
        test.settle()
        #expect(test.writes.all.count == answers + 3 && test.node.metadata.keyCount == 0)
    }

    /// Replicas as they are, and as they are to be.
    @Test func aMoveOfTooManyReplicasIsRefused() {
        let test = NodeUnderTest(members: 1) { $0.maximumMovedReplicas = 6 }.elected()
        for id in BrokerID(1)...4 {
            test.submit(.registerBroker(RegisterBroker(id: id, host: "h", port: 1)))
        }
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 2, replicationFactor: 2)))
        test.settle()
        func move(_ targets: [BrokerID]...) -> Result<CommandResult, RequestFailure>? {
            let moves = targets.enumerated().map {
                AlterReassignments.Move(topic: .name("t"), partition: $0, replicas: $1)
            }
            test.process(.change(.alterReassignments(AlterReassignments(moves))) { test.writes.add($0) })
            test.settle()
            return test.writes.all.last
        }
        let last = test.log.last
        #expect(move([4], [3, 4]) == .failure(.tooManyReplicas(limit: 6)))
        #expect(test.log.last == last)
        guard case .success(.partitions(let results, _))? = move([4], [3]) else {
            Issue.record("what is at the bound is refused")
            return
        }
        #expect(results.count == 2 && test.log.last > last)
    }

    /// Who was told that the outcome is unknown waits no more; the entry does, and what comes behind it would be late.
    @Test func nothingIsTakenBehindAnEntryThatIsNotCommitted() {
        let test = NodeUnderTest { $0.requestTimeout = .milliseconds(200) }.elected()
        test.put("/a")
        test.persist()
        test.advance(milliseconds: 100)
        test.put("/b")
        test.persist()
        #expect(test.writes.all.isEmpty)
        test.advance(milliseconds: 1)
        test.put("/c")
        #expect(test.writes.all == [.failure(.overloaded)])
        test.advance(milliseconds: 1000)
        test.put("/d")
        #expect(test.writes.all.count == 4 && test.writes.all.last == .failure(.overloaded))
        #expect(test.node.raft.uncommittedBytes > 0)
        test.settle()
        #expect(test.node.raft.uncommittedBytes == 0)
        test.put("/e")
        test.settle()
        #expect((try? test.writes.all.last?.get()) != nil)
    }
}
