import Metadata
import Testing

@Suite struct TopicTests {
    func replicas(_ machine: Machine, _ topic: String) -> [[BrokerID]] {
        machine.state.topic(topic)!.1.map(\.replicas)
    }

    @Test func theContractsExample() {
        var machine = Machine()
        machine.register(102)
        machine.register(101)
        machine.time = 1_731_345_678_000
        let outcome = machine.create("orders", partitions: 3, replicas: 2)
        let topic = Topic(
            name: "orders", partitionCount: 3, replicationFactor: 2, createdAt: 1_731_345_678_000,
            configuration: TopicConfiguration())
        let partitions: [Partition] = [
            Partition(id: 0, leader: 101, replicas: [101, 102], inSyncReplicas: [101, 102], leaderEpoch: 0),
            Partition(id: 1, leader: 102, replicas: [102, 101], inSyncReplicas: [102, 101], leaderEpoch: 0),
            Partition(id: 2, leader: 101, replicas: [101, 102], inSyncReplicas: [101, 102], leaderEpoch: 0),
        ]
        #expect(outcome.result == .topic(topic, partitions, isNew: true))
        #expect(outcome.changes == [.topicCreated("orders")])
        #expect(machine.state.counters.version == 3)
        #expect(machine.state.counters.partitionsCreated == 3)
        #expect(machine.state.topic("orders")!.0 == topic)
        #expect(machine.state.topic("orders")!.1 == partitions)
        #expect(machine.state.partitionCount == 3)
    }

    @Test func theNextTopicStartsWhereTheLastEnded() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.create("a", partitions: 2, replicas: 2)
        machine.create("b", partitions: 2, replicas: 3)
        machine.create("c", partitions: 1, replicas: 1)
        #expect(replicas(machine, "a") == [[1, 2], [2, 3]])
        #expect(replicas(machine, "b") == [[3, 1, 2], [1, 2, 3]])
        #expect(replicas(machine, "c") == [[2]])
        machine.apply(.deleteTopic(DeleteTopic("c")))
        machine.create("d", partitions: 1, replicas: 1)
        #expect(replicas(machine, "d") == [[3]], "deleting does not turn the start back")
    }

    @Test func offlineBrokersGetNoReplicas() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.setStatus(2, .offline)
        let version = machine.state.counters.version
        #expect(machine.create("t", replicas: 3).refusal == .notEnoughBrokers(online: 2, wanted: 3))
        #expect(machine.create("t", replicas: .max).refusal == .notEnoughBrokers(online: 2, wanted: .max))
        #expect(machine.state.counters.version == version)
        machine.create("t", partitions: 2, replicas: 2)
        #expect(replicas(machine, "t") == [[1, 3], [3, 1]])
    }

    @Test func noBrokersAtAll() {
        var machine = Machine()
        #expect(machine.create("t").refusal == .notEnoughBrokers(online: 0, wanted: 1))
    }

    @Test func racksAreSpread() {
        var machine = Machine()
        for (id, rack) in [(1, "a"), (2, "a"), (3, "a"), (4, "b")] as [(BrokerID, String)] {
            machine.register(id, rack: rack)
        }
        // The ring is 1 (a), 4 (b), 2 (a), 3 (a).
        machine.create("t", partitions: 4, replicas: 2)
        #expect(replicas(machine, "t") == [[1, 4], [4, 2], [2, 4], [3, 4]].map { $0.map { BrokerID($0) } })
        machine.create("u", partitions: 2, replicas: 3)
        #expect(replicas(machine, "u") == [[1, 4, 2], [4, 2, 3]])
        machine.create("v", partitions: 1, replicas: 4)
        #expect(replicas(machine, "v") == [[2, 4, 3, 1]])
    }

    @Test func brokersWithoutARackAreOneRack() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        machine.register(3, rack: "z")
        // The ring is 1 (none), 3 (z), 2 (none).
        machine.create("t", partitions: 3, replicas: 2)
        #expect(replicas(machine, "t") == [[1, 3], [3, 2], [2, 3]])
    }

    @Test func oneRackIsLikeNone() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id, rack: "a") }
        machine.create("t", partitions: 3, replicas: 2)
        #expect(replicas(machine, "t") == [[1, 2], [2, 3], [3, 1]])
    }

    @Test func repeatingACreationReturnsTheTopic() {
        var machine = Machine()
        machine.register(1)
        machine.create("t", partitions: 2)
        let (topic, partitions) = machine.state.topic("t")!
        let digest = machine.state.digest
        machine.time = 2000
        machine.setStatus(1, .offline)
        machine.setStatus(1, .online)
        let before = machine.state.digest
        let outcome = machine.create("t", partitions: 2)
        #expect(outcome.changes.isEmpty)
        #expect(outcome.result == .topic(topic, machine.state.topic("t")!.1, isNew: false))
        #expect(machine.state.digest == before)
        #expect(digest != before)
        #expect(partitions.count == 2)

        #expect(machine.create("t", partitions: 3).refusal == .topicExists("t"))
        #expect(machine.create("t", partitions: 2, replicas: 2).refusal == .topicExists("t"))
        let configurations = [
            TopicConfiguration(retentionMs: 1), TopicConfiguration(retentionBytes: 1),
            TopicConfiguration(segmentBytes: 1), TopicConfiguration(compressionType: "gzip"),
            TopicConfiguration(minInsyncReplicas: 2),
        ]
        for configuration in configurations {
            let creation = CreateTopic(
                name: "t", partitionCount: 2, replicationFactor: 1, configuration: configuration)
            #expect(machine.apply(.createTopic(creation)).refusal == .topicExists("t"))
        }
    }

    @Test func topicsAreDeletedWithTheirPartitions() {
        var machine = Machine()
        machine.register(1)
        let empty = machine.rows
        for name in ["b", "a", "B", "c.d"] { machine.create(name, partitions: 2) }
        #expect(machine.state.topicNames == ["B", "a", "b", "c.d"])
        #expect(machine.apply(.deleteTopic(DeleteTopic("x"))).refusal == .unknownTopic("x"))
        #expect(
            machine.apply(.deleteTopic(DeleteTopic("a"))) == Outcome(result: .done, changes: [.topicDeleted("a")]))
        #expect(machine.state.topicNames == ["B", "b", "c.d"])
        #expect(machine.state.partitionCount == 6)
        for name in ["b", "B", "c.d"] { machine.apply(.deleteTopic(DeleteTopic(name))) }
        #expect(machine.rows == empty)
        #expect(machine.state.counters.version == 9)
    }

    @Test(arguments: [
        ("t", 0, 1), ("t", -1, 1), ("t", .min, 1), ("t", 10_001, 1), ("t", .max, 1), ("t", 1, 0), ("t", 1, .min),
        ("", 1, 1), (".", 1, 1), ("..", 1, 1), ("a/b", 1, 1), ("ä", 1, 1), (String(repeating: "a", count: 250), 1, 1),
    ])
    func nonsenseIsRefused(name: String, partitions: Int, replicas: Int) {
        var machine = Machine()
        machine.register(1)
        let outcome = machine.create(name, partitions: partitions, replicas: replicas)
        #expect(outcome == Outcome(result: .refused(.invalidCommand)))
        #expect(machine.state.counters.version == 1)
    }

    @Test func theLargestTopic() {
        var machine = Machine()
        for id: BrokerID in 1...5 { machine.register(id) }
        machine.create("t", partitions: 10_000, replicas: 3)
        #expect(machine.state.changedRowCount == 10_006)
        let leaders = machine.state.topic("t")!.1.map(\.leader!)
        for id: BrokerID in 1...5 { #expect(leaders.count { $0 == id } == 2000) }
    }

    @Test func topicNames() {
        #expect(Topic.isValidName("Az09._-"))
        #expect(Topic.isValidName("..."))
        #expect(Topic.isValidName(String(repeating: "a", count: 249)))
        #expect(throws: TopicNameError.empty) { try Topic.validateName("") }
        #expect(throws: TopicNameError.tooLong(count: 250)) {
            try Topic.validateName(String(repeating: "a", count: 250))
        }
        #expect(throws: TopicNameError.reserved) { try Topic.validateName(".") }
        #expect(throws: TopicNameError.reserved) { try Topic.validateName("..") }
        for name in ["a b", "a/b", "a\0", "é", "a:b"] {
            #expect(throws: TopicNameError.invalidCharacter) { try Topic.validateName(name) }
        }
    }
}
