import Metadata
import Storage
import Synchronization
import Testing

@testable import Server

/// What is new of brokers and topics, for those who watch.
@Suite struct MetadataWatchTests {
    /// A node alone, with brokers 101 and 102 at version 2.
    private func alone(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = NodeUnderTest(members: 1, adjust).elected()
        for broker in [101, 102] as [BrokerID] { test.register(broker) }
        return test
    }

    private func news(_ test: NodeUnderTest, after version: UInt64?) throws -> MetadataNews {
        let answers = Answers<Result<MetadataNews, RequestFailure>>()
        test.process(.metadataNews(after: version) { answers.add($0) })
        return try #require(answers.all.first).get()
    }

    private func kinds(_ news: MetadataNews) -> [PushKind] { news.updates.map(\.kind) }

    @Test func whoHasNothingGetsAllOfItAndThenWhatChanged() throws {
        let test = alone()
        let all = try news(test, after: nil)
        #expect(all.version == 2 && kinds(all) == [.fullSnapshot])
        #expect(try news(test, after: 2).updates.isEmpty)
        test.submit(.createTopic(CreateTopic(name: "orders", partitionCount: 3, replicationFactor: 1)))
        test.settle()
        let change = try news(test, after: 2)
        #expect(change.version == 3 && kinds(change) == [.topicCreated])
        test.submit(.deleteTopic(DeleteTopic("orders")))
        test.settle()
        #expect(try kinds(news(test, after: 3)) == [.topicDeleted])
    }

    @Test func aSnapshotOfAMomentAgoDoesIfTheChangesLeadOnFromIt() throws {
        let test = alone()
        _ = try news(test, after: nil)
        test.register(103)
        #expect(try news(test, after: nil).version == 2)
        test.advance(milliseconds: 1000)
        #expect(try news(test, after: nil).version == 3)
    }

    /// From an older version the changes may lead on, and not from a newer one: commands that change little make up for
    /// those that change much.
    @Test func aSnapshotIsNeverOfWhatItsRecipientHasAlready() throws {
        let test = NodeUnderTest(members: 1).elected()
        test.register(101)
        test.submit(.createTopic(CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 1)))
        for broker in [102, 103] as [BrokerID] { test.register(broker) }
        let before = try news(test, after: nil).version
        for broker in [102, 103] as [BrokerID] { test.submit(.unregisterBroker(broker)) }
        test.settle()
        let known = test.node.metadata.counters.version
        for status in [.offline, .online, .offline] as [BrokerStatus] {
            test.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: status, timestamp: 0)))
            test.settle()
        }
        #expect(known == before + 2)
        #expect(try news(test, after: known).version == known + 3)
    }

    @Test func whoIsFarBehindBeginsAgain() throws {
        let test = alone()
        for broker in 103..<(103 + UInt64(Node.maximumVersionsBehind)) { test.register(BrokerID(broker)) }
        #expect(try kinds(news(test, after: 2)) == [.brokerUpdate])
        #expect(try kinds(news(test, after: 1)) == [.fullSnapshot])
    }

    @Test func whoComesFromANodeThatHasMoreWaits() throws {
        let test = alone()
        let nothingYet = try news(test, after: 3)
        #expect(nothingYet.version == 3 && nothingYet.updates.isEmpty)
        for broker in [103, 104] as [BrokerID] { test.register(broker) }
        #expect(try news(test, after: 3).version == 4)
    }

    @Test func aNodeSetsABoundWakesWhoWatchesAndSaysWhenItEnds() {
        let test = alone { $0.maximumMetadataWatches = 2 }
        let answers = Answers<Result<UInt64, RequestFailure>>()
        let rings = Mutex([0, 0, 0])
        func watch(_ number: Int) {
            test.process(
                .watchMetadata(wake: { rings.withLock { $0[number] += 1 } }) { answers.add($0) })
        }
        for number in 0..<3 { watch(number) }
        #expect(answers.all == [.success(1), .success(2), .failure(.overloaded)])
        test.process(.unwatchMetadata(1))
        watch(2)
        #expect(answers.all.last == .success(3))
        rings.withLock { $0 = [0, 0, 0] }
        test.put("/a")
        test.settle()
        #expect(rings.withLock { $0 } == [0, 0, 0], "keys are none of its business")
        test.register(103)
        #expect(rings.withLock { $0 } == [0, 1, 1])
        test.process(.diskFailed(.failed("broken")))
        #expect(rings.withLock { $0 } == [0, 2, 2])
        #expect(throws: RequestFailure.self) { try news(test, after: 1) }
    }
}
