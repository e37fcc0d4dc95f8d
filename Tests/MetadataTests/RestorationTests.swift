import Metadata
import Testing

@Suite struct RestorationTests {
    func populated() -> Machine {
        var machine = Machine()
        machine.apply(.noop(clusterID: "c"))
        for id: BrokerID in 1...3 { machine.register(id, rack: id == 2 ? "r" : nil) }
        for name in ["b", "a"] { machine.create(name, partitions: 3, replicas: 2) }
        machine.setStatus(2, .offline)
        for number in 0..<300 { machine.put("/\(number % 7)/\(number)", "\(number)") }
        return machine
    }

    func restored(_ rows: [Row], _ counters: Counters) throws(RestoreError) -> Machine {
        var machine = Machine()
        machine.state = MetadataStateMachine(counters: counters)
        for row in rows { try machine.state.restore(row) }
        try machine.state.finishRestoration()
        return machine
    }

    @Test func rowsComeInOrder() {
        let kinds = populated().rows.map { row in
            switch row {
            case .broker: 0
            case .topic: 1
            case .partition: 2
            case .lease: 3
            case .group: 4
            case .keyValue: 5
            case .pastVersion: 6
            }
        }
        #expect(kinds == kinds.sorted())
        #expect(kinds.count == 3 + 2 + 6 + 300)
    }

    @Test func allRowsMakeTheSameState() throws {
        let machine = populated()
        let copy = try restored(machine.rows, machine.state.counters)
        #expect(copy.rows == machine.rows)
        #expect(copy.state.digest == machine.state.digest)
        #expect(copy.state.counters == machine.state.counters)
        #expect(copy.state.partitionCount == machine.state.partitionCount)
        #expect(copy.state.keyCount == machine.state.keyCount)
        #expect(copy.state.changedRowCount == 0)
    }

    @Test func keysMayComeInAnyOrder() throws {
        let machine = populated()
        let pairs = machine.rows.filter { if case .keyValue = $0 { true } else { false } }
        let others = machine.rows.filter { !pairs.contains($0) }
        var generator = SeededGenerator(seed: 3)
        let copy = try restored(others + pairs.shuffled(using: &generator), machine.state.counters)
        #expect(copy.rows == machine.rows)
        #expect(copy.state.digest == machine.state.digest)
    }

    @Test func theRestoredStateGoesOnLikeTheOther() throws {
        var machine = populated()
        _ = machine.state.takeChangedRows()
        var copy = try restored(machine.rows, machine.state.counters)
        func goOn(_ machine: inout Machine) -> [Outcome] {
            [
                machine.put("/1/1", "new"), machine.put("/1/x"), machine.delete("/2", recursive: true),
                machine.setStatus(2, .online), machine.create("c", partitions: 2, replicas: 3),
            ]
        }
        #expect(goOn(&machine) == goOn(&copy))
        #expect(copy.state.digest == machine.state.digest)
        #expect(copy.state.takeChangedRows() == machine.state.takeChangedRows())
    }

    @Test func aRowTwiceIsAnError() {
        let machine = populated()
        for row in machine.rows.prefix(20) + machine.rows.suffix(2) {
            #expect(throws: RestoreError.self) { try restored(machine.rows + [row], machine.state.counters) }
        }
    }

    @Test func aMissingRowShowsInTheDigest() throws {
        let machine = populated()
        let copy = try restored(machine.rows.dropLast(), machine.state.counters)
        #expect(copy.state.digest != machine.state.digest)
    }

    @Test func aPartitionThatContradictsIsAnError() throws {
        let good = Partition(id: 0, leader: 1, replicas: [1, 2], inSyncReplicas: [1, 2], leaderEpoch: 0)
        var rows: [Row] = [BrokerID(1), 2, 3].map {
            .broker(
                Broker(id: $0, host: "h", port: 1, rack: nil, status: $0 == 3 ? .offline : .online, registeredAt: 0))
        }
        rows.append(
            .topic(
                Topic(
                    name: "t", partitionCount: 1, replicationFactor: 2, createdAt: 0,
                    configuration: TopicConfiguration())))
        _ = try restored(rows + [.partition(topic: "t", good)], Counters())
        #expect(throws: RestoreError.self) { try restored(rows + [.partition(topic: "u", good)], Counters()) }
        let changes: [(inout Partition) -> Void] = [
            { $0.id = 1 }, { $0.id = -1 }, { $0.leader = 2 }, { $0.leader = 9 }, { $0.replicas = [1] },
            { $0.replicas = [1, 1] }, { $0.replicas = [1, 9] }, { $0.inSyncReplicas = [] },
            { $0.inSyncReplicas = [1, 1] }, { $0.inSyncReplicas = [1, 3] }, { $0.leaderEpoch = -1 },
            { $0.leaderEpoch = .max }, { ($0.leader, $0.replicas, $0.inSyncReplicas) = (3, [3, 1], [3]) },
        ]
        for change in changes {
            var bad = good
            change(&bad)
            #expect(throws: RestoreError.self, "\(bad)") {
                try restored(rows + [.partition(topic: "t", bad)], Counters())
            }
        }
    }

    @Test func otherRowsThatContradictAreErrors() {
        for (create, mod, version) in [(0, 1, 1), (2, 1, 1), (1, 11, 1), (1, 1, 0), (1, 1, 2)]
            as [(UInt64, UInt64, UInt64)]
        {
            let pair = KeyValue(key: Key("/a"), value: [], createRevision: create, modRevision: mod, version: version)
            #expect(throws: RestoreError.self) { try restored([.keyValue(pair)], Counters(revision: 10)) }
            #expect(throws: RestoreError.self) { try restored([.keyValue(pair)], Counters()) }
        }
        let pair = KeyValue(key: Key("a"), value: [], createRevision: 1, modRevision: 1, version: 1)
        #expect(throws: RestoreError.self) { try restored([.keyValue(pair)], Counters(revision: 10)) }
        for (name, partitions, replicas) in [("", 1, 1), ("t", 0, 1), ("t", 10_001, 1), ("t", 1, 0)] {
            let topic = Topic(
                name: name, partitionCount: partitions, replicationFactor: replicas, createdAt: 0,
                configuration: TopicConfiguration())
            #expect(throws: RestoreError.self) { try restored([.topic(topic)], Counters()) }
        }
    }
}

@Suite struct ChangedRowsTests {
    @Test func eachRowOnceWithItsPresentValueInOrder() {
        var machine = Machine()
        machine.put("/b", "1")
        machine.put("/a", "1")
        machine.create("t")
        machine.register(2)
        machine.register(1)
        machine.create("u", partitions: 2)
        machine.put("/b", "2")
        machine.create("t")
        machine.setStatus(2, .offline)
        #expect(machine.state.changedRowCount == 9)
        #expect(machine.state.takeChangedRows() == machine.rows.map { RowChange(key: $0.key, row: $0) })
        #expect(machine.state.changedRowCount == 0)
        #expect(machine.state.takeChangedRows().isEmpty)

        machine.put("/a", "3")
        machine.put("/a", "4")
        #expect(machine.state.changedRowCount == 1)
        #expect(machine.state.takeChangedRows().map(\.key) == [.keyValue(Key("/a"))])
    }

    @Test func refusedCommandsChangeNoRows() {
        var machine = Machine()
        machine.put("/a")
        machine.register(1)
        _ = machine.state.takeChangedRows()
        machine.put("/a", "", .absent)
        machine.delete("/b")
        machine.create("t", replicas: 2)
        machine.register(1, host: "other")
        machine.register(1)
        #expect(machine.state.changedRowCount == 0)
    }

    @Test func goneRowsAreNil() {
        var machine = Machine()
        machine.register(1)
        machine.create("t", partitions: 3)
        machine.put("/a/1")
        machine.put("/a/2")
        _ = machine.state.takeChangedRows()
        machine.apply(.deleteTopic(DeleteTopic("t")))
        machine.create("t", partitions: 1)
        machine.delete("/a", recursive: true)
        machine.put("/a/2")
        machine.put("/a/3")
        machine.delete("/a/3")
        let changes = machine.state.takeChangedRows()
        #expect(
            changes.map(\.key) == [
                .topic("t"), .partition(topic: "t", id: 0), .partition(topic: "t", id: 1),
                .partition(topic: "t", id: 2), .keyValue(Key("/a/1")), .keyValue(Key("/a/2")), .keyValue(Key("/a/3")),
            ])
        #expect(changes.map { $0.row == nil } == [false, false, true, true, true, false, true])
    }

    /// Every way through deleting and creating again, also across takes.
    @Test func theCountIsExact() {
        var generator = SeededGenerator(seed: 5)
        var machine = Machine()
        for _ in 0..<5000 {
            let key = "/\(Int.random(in: 0..<6, using: &generator))"
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<5: machine.put(key)
            case 5..<8: machine.delete(key)
            case 8: machine.delete("/", recursive: true)
            default:
                let count = machine.state.changedRowCount
                let keys = machine.state.takeChangedRows().map(\.key)
                #expect(keys.count <= count)
                #expect(Set(keys).count == keys.count)
            }
        }
    }
}
