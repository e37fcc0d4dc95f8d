import Metadata
import Testing

@Suite struct DigestTests {
    static let broker = Broker(id: 1, host: "h", port: 2, rack: "r", status: .online, registeredAt: 3)
    static let topic = Topic(
        name: "t", partitionCount: 2, replicationFactor: 2, createdAt: 3, configuration: TopicConfiguration())
    static let partition = Partition(id: 0, leader: 1, replicas: [1, 2], inSyncReplicas: [1, 2], leaderEpoch: 0)
    static let pair = KeyValue(
        key: Key("/a"), value: Array("0123456789abcdef0".utf8), createRevision: 2, modRevision: 5, version: 3)

    /// The digest of the given row in a state that admits it.
    func digest(_ row: Row, counters: Counters = Counters(revision: 100)) throws -> Digest {
        var state = MetadataStateMachine(counters: counters)
        if case .partition(let name, let partition) = row {
            for id: BrokerID in 1...3 {
                try state.restore(
                    .broker(Broker(id: id, host: "h", port: 1, rack: nil, status: .online, registeredAt: 0)))
            }
            for topicName in ["t", "u"] {
                var topic = Self.topic
                topic.name = topicName
                topic.replicationFactor = partition.replicas.count
                if partition.replicas.count == 2 || topicName == name { try state.restore(.topic(topic)) }
                if topicName == name, partition.id == 1 {
                    try state.restore(.partition(topic: name, Self.partition))
                }
            }
        }
        let before = state.digest
        try state.restore(row)
        return Digest(high: state.digest.high &- before.high, low: state.digest.low &- before.low)
    }

    func changed<Value>(_ value: Value, _ change: (inout Value) -> Void) -> Value {
        var value = value
        change(&value)
        return value
    }

    @Test func everyFieldOfABrokerCounts() throws {
        let variants = [
            Self.broker, changed(Self.broker) { $0.id = 2 }, changed(Self.broker) { $0.host = "g" },
            changed(Self.broker) { $0.port = 3 }, changed(Self.broker) { $0.rack = "s" },
            changed(Self.broker) { $0.rack = nil }, changed(Self.broker) { $0.rack = "" },
            changed(Self.broker) { $0.status = .offline }, changed(Self.broker) { $0.registeredAt = 4 },
            changed(Self.broker) { ($0.host, $0.rack) = ("hr", "") },
        ]
        #expect(Set(try variants.map { try digest(.broker($0)) }).count == variants.count)
    }

    @Test func everyFieldOfATopicCounts() throws {
        let variants = [
            Self.topic, changed(Self.topic) { $0.name = "u" }, changed(Self.topic) { $0.partitionCount = 3 },
            changed(Self.topic) { $0.replicationFactor = 3 }, changed(Self.topic) { $0.createdAt = 4 },
            changed(Self.topic) { $0.configuration.retentionMs = 1 },
            changed(Self.topic) { $0.configuration.retentionBytes = 1 },
            changed(Self.topic) { $0.configuration.segmentBytes = 1 },
            changed(Self.topic) { $0.configuration.compressionType = "zstd" },
            changed(Self.topic) { $0.configuration.minInsyncReplicas = 2 },
        ]
        #expect(Set(try variants.map { try digest(.topic($0)) }).count == variants.count)
    }

    @Test func everyFieldOfAPartitionCounts() throws {
        let variants = [
            Self.partition, changed(Self.partition) { $0.id = 1 }, changed(Self.partition) { $0.leader = nil },
            changed(Self.partition) { $0.replicas = [2, 1] }, changed(Self.partition) { $0.replicas = [1, 3, 2] },
            changed(Self.partition) { $0.inSyncReplicas = [1] }, changed(Self.partition) { $0.leaderEpoch = 1 },
            changed(Self.partition) { ($0.leader, $0.inSyncReplicas) = (2, [2, 1]) },
        ]
        var digests = Set(try variants.map { try digest(.partition(topic: "t", $0)) })
        digests.insert(try digest(.partition(topic: "u", Self.partition)))
        #expect(digests.count == variants.count + 1)
    }

    @Test func everyFieldOfAKeyValueCounts() throws {
        var variants = [
            Self.pair, changed(Self.pair) { $0.key = Key("/b") }, changed(Self.pair) { $0.value = [] },
            changed(Self.pair) { $0.value.append(0) }, changed(Self.pair) { $0.createRevision = 3 },
            changed(Self.pair) { $0.modRevision = 6 }, changed(Self.pair) { $0.version = 4 },
        ]
        for index in Self.pair.value.indices { variants.append(changed(Self.pair) { $0.value[index] ^= 0x80 }) }
        #expect(Set(try variants.map { try digest(.keyValue($0)) }).count == variants.count)
    }

    @Test func everyCounterCounts() {
        let variants = [
            Counters(), Counters(clusterID: ""), Counters(clusterID: "a"), Counters(version: 1), Counters(revision: 1),
            Counters(partitionsCreated: 1),
        ]
        #expect(Set(variants.map { MetadataStateMachine(counters: $0).digest }).count == variants.count)
    }

    /// Digests are on disks and are compared between versions: these must stay. The values are those of
    /// another implementation of MurmurHash3 over the rows' encoding.
    @Test func digestsStayWhatTheyAre() throws {
        #expect(MetadataStateMachine().digest.description == "69e5584c1da70e4cd93e719d888c440d")
        #expect(try digest(.broker(Self.broker)).description == "c00da8639cd303fa5dc13c226d5426e9")
        #expect(try digest(.topic(Self.topic)).description == "26f342b592d2f292198eb1893e975463")
        #expect(try digest(.partition(topic: "t", Self.partition)).description == "7714ad59e488506e88c9cc0dbdaa3835")
        #expect(try digest(.keyValue(Self.pair)).description == "c8b4b7bed9fdd36b4439644a7888ad09")
    }

    @Test func theOrderOfChangesDoesNotMatter() {
        var a = Machine()
        var b = Machine()
        for id: BrokerID in [1, 2, 3] { a.register(id) }
        for id: BrokerID in [3, 1, 2] { b.register(id) }
        #expect(a.state.digest == b.state.digest)
    }

    @Test func undoneChangesLeaveNoTrace() {
        var machine = Machine()
        machine.register(1)
        let rows = machine.rows
        machine.create("t", partitions: 5)
        machine.put("/a")
        machine.apply(.deleteTopic(DeleteTopic("t")))
        machine.delete("/a")
        #expect(machine.rows == rows)
        var restored = MetadataStateMachine(counters: machine.state.counters)
        for row in rows { #expect(throws: Never.self) { try restored.restore(row) } }
        #expect(restored.digest == machine.state.digest)
    }

    @Test func thirtyTwoDigits() {
        #expect(Digest(high: 1, low: 255).description == "000000000000000100000000000000ff")
    }
}
