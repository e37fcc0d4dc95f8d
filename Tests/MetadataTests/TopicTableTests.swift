import Testing

@testable import Metadata

@Suite struct TopicTableTests {
    private func rows(_ name: String, partitions: Int = 1) -> TopicRows {
        let topic = Topic(
            name: name, partitionCount: partitions, replicationFactor: 2, createdAt: 0,
            configuration: TopicConfiguration(minInsyncReplicas: 2))
        let partitions = (0..<partitions).map {
            Partition(id: $0, leader: 1, replicas: [1, 2], inSyncReplicas: [1, 2], leaderEpoch: 0)
        }
        return TopicRows(topic: topic, partitions: partitions, number: 0, at: 0)
    }

    @Test("topics that come and go in any order stay in order, and are found", arguments: 0..<4 as Range<UInt64>)
    func order(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var (table, names) = (TopicTable(), Set<String>())
        for step in 0..<4000 {
            let name = "t\(Int.random(in: 0..<2000, using: &random))"
            // It grows, and then it shrinks.
            let isInsertion = Int.random(in: 0..<4, using: &random) < (step < 2500 ? 3 : 1)
            if isInsertion, names.insert(name).inserted { table.insert(rows(name)) }
            if !isInsertion, names.remove(name) != nil {
                #expect(table.remove(at: table.index(of: name)!).topic.name == name)
            }
        }
        #expect(table.map(\.topic.name) == names.sorted() && table.count == names.count)
        #expect(table.reversed().map(\.topic.name) == names.sorted().reversed())
        #expect(table.flaw == nil && table.counts.all == names.count)
        for number in 0..<2000 { #expect((table.index(of: "t\(number)") != nil) == names.contains("t\(number)")) }
    }

    @Test func namesThatComeInOrderFillTheirChunks() {
        var table = TopicTable()
        for number in 0..<1000 { table.insert(rows("t\(1000 + number)")) }
        // Three topics to look at, and four chunks.
        #expect(table.first(with: .offline, from: table.startIndex) == (table.endIndex, 5))
    }

    @Test func whatIsInAConditionIsFoundWithoutALookAtTheRest() {
        var table = TopicTable()
        for number in 0..<5000 { table.insert(rows("t\(10_000 + number)", partitions: 3)) }
        let index = table.index(of: "t14321")!
        table.replace(
            Partition(id: 1, leader: nil, replicas: [1, 2], inSyncReplicas: [2], leaderEpoch: 1), at: index, version: 1)
        let (found, looks) = table.first(with: .offline, from: table.startIndex)
        #expect(found == index && looks < 20 + 256)
        #expect(table.counts[.offline] == 1 && table[index].counts[.underMinISR] == 1)
        #expect(table.first(with: .offline, from: table.index(after: index)).index == table.endIndex)
        #expect(table.remove(at: index).counts[.underReplicated] == 1 && table.counts[.offline] == 0)
    }

    @Test(
        "the conditions",
        arguments: [
            ([1, 2, 3], 1, [1, 2, 3], 2, [], 2), ([1, 2, 3], 1, [1, 2], 2, [.underReplicated, .atMinISR], 2),
            ([1, 2, 3], 1, [1], 2, [.underReplicated, .underMinISR], 2),
            ([1, 2, 3], 2, [2, 1, 3], 1, [.notPreferred], 1),
            ([1, 2, 3], nil, [3], 1, [.offline, .underReplicated, .atMinISR, .notPreferred], 1),
            ([1], 1, [1], 3, [.atMinISR], 1),
        ] as [([BrokerID], BrokerID?, [BrokerID], Int, Set<PartitionCondition>, Int)])
    func conditions(
        replicas: [BrokerID], leader: BrokerID?, inSync: [BrokerID], minimum: Int, right: Set<PartitionCondition>,
        effective: Int
    ) {
        let topic = Topic(
            name: "t", partitionCount: 1, replicationFactor: replicas.count, createdAt: 0,
            configuration: TopicConfiguration(minInsyncReplicas: minimum))
        let partition = Partition(id: 0, leader: leader, replicas: replicas, inSyncReplicas: inSync, leaderEpoch: 0)
        #expect(Set(PartitionCondition.allCases.filter { $0.holds(for: partition, in: topic) }) == right)
        #expect(PartitionCondition.effectiveMinISR(of: partition, in: topic) == effective)
    }
}
