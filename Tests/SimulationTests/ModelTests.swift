import Metadata
import Testing

@testable import Simulation

/// The judge is judged by what the contract says in words and examples.
@Suite struct ModelTests {
    private func model(brokers: [(BrokerID, rack: String?)] = [(101, nil), (102, nil)]) -> Model {
        var model = Model()
        for (id, rack) in brokers {
            let registration = RegisterBroker(id: id, host: "localhost", port: 8081, rack: rack)
            _ = model.apply(.registerBroker(registration), at: 1)
        }
        return model
    }

    private func create(_ name: String, partitions: Int, replicas: Int, in model: inout Model) -> [[BrokerID]] {
        let topic = CreateTopic(name: name, partitionCount: partitions, replicationFactor: replicas)
        _ = model.apply(.createTopic(topic), at: 2)
        return model.cluster.topic(name)?.partitions.map(\.replicas) ?? []
    }

    private func set(_ broker: BrokerID, _ status: BrokerStatus, in model: inout Model) {
        _ = model.apply(.updateBrokerStatus(UpdateBrokerStatus(id: broker, status: status, timestamp: 3)), at: 3)
    }

    @Test func theExampleOfTheContract() {
        var model = model()
        #expect(create("orders", partitions: 3, replicas: 2, in: &model) == [[101, 102], [102, 101], [101, 102]])
        #expect(create("next", partitions: 1, replicas: 1, in: &model) == [[102]], "the next topic goes on from there")
        #expect(model.version == 4)
    }

    @Test func racksAreSpread() {
        var model = model(brokers: [(1, "a"), (2, "a"), (3, "b"), (4, "b")])
        for replicas in create("t", partitions: 4, replicas: 2, in: &model) {
            #expect((replicas[0] <= 2) != (replicas[1] <= 2), "\(replicas)")
        }
        #expect(create("all", partitions: 1, replicas: 4, in: &model)[0].sorted() == [1, 2, 3, 4])
    }

    @Test func atTheSecondLevelFollowersShift() {
        var model = model(brokers: [(1, nil), (2, nil), (3, nil)])
        _ = model.apply(.raiseLevel(of: .placement, to: 2), at: 1)
        #expect(create("a", partitions: 4, replicas: 2, in: &model)[3] == [1, 2], "it needs metadata.version 4")
        _ = model.apply(.raiseLevel(of: .metadata, to: 4), at: 1)
        _ = model.apply(.raiseLevel(of: .placement, to: 2), at: 1)
        #expect(create("b", partitions: 3, replicas: 2, in: &model) == [[2, 1], [3, 2], [1, 2]])
    }

    /// The judge, which goes through everybody, and the judged, which does not, come to the same.
    @Test func bothPlaceAlikeWhateverTheRacks() {
        var random = Randomness(seed: 3)
        for _ in 0..<60 {
            let racks = random.within(1...4)
            let brokers = (0..<random.within(1...14)).map { (id: BrokerID($0 + 1), rack: "\(random.below(racks))") }
            let (count, replicas) = (random.within(1...60), random.within(1...brokers.count))
            let topic = CreateTopic(name: "t", partitionCount: count, replicationFactor: replicas)
            var (model, product) = (Model(), MetadataStateMachine())
            let commands: [Command] =
                [.raiseLevel(to: 4), .raiseLevel(of: .placement, to: 2)]
                + brokers.map { .registerBroker(RegisterBroker(id: $0.id, host: "h", port: 1, rack: $0.rack)) }
                + [
                    .createTopic(CreateTopic(name: "first", partitionCount: 7, replicationFactor: 1)),
                    .createTopic(topic),
                ]
            for command in commands {
                _ = model.apply(command, at: 1)
                _ = product.apply(command, timestamp: 1)
            }
            #expect(model.cluster.difference(from: product) == nil, "\(brokers) \(topic)")
        }
    }

    @Test func whoGoesOfflineLeavesAndWhatItLedPassesOn() {
        var model = model()
        _ = create("t", partitions: 1, replicas: 2, in: &model)
        set(101, .offline, in: &model)
        #expect(model.cluster.partition("t", 0)?.inSync == [102])
        #expect(model.cluster.partition("t", 0)?.leader == 102)
        set(102, .offline, in: &model)
        #expect(model.cluster.partition("t", 0)?.leader == nil)
        set(101, .online, in: &model)
        #expect(model.cluster.partition("t", 0)?.leader == nil, "it is not in sync")
        set(102, .online, in: &model)
        #expect(model.cluster.partition("t", 0)?.leader == 102)
        #expect(model.cluster.partition("t", 0)?.epoch == 3)
    }

    private func put(_ key: String, in model: inout Model) {
        _ = model.apply(.put(Put(key: Key(validated: Array(key.utf8)), value: [1])), at: 1)
    }

    @Test func listsAsTheyWereAtEveryRevision() {
        var model = Model()
        for key in ["/a", "/a/b/c", "/a/d", "/ab"] { put(key, in: &model) }
        let directory = Key(validated: Array("/a".utf8))
        _ = model.apply(.delete(Delete(key: directory, isRecursive: true)), at: 1)
        func names(_ revision: UInt64, recursive: Bool, limit: Int = 9) -> [String] {
            model.keys.list(below: directory, isRecursive: recursive, after: nil, limit: limit, at: revision).entries
                .map { String(decoding: $0.name, as: UTF8.self) }
        }
        #expect(names(4, recursive: true) == ["/a/b/c", "/a/d"])
        #expect(names(4, recursive: false) == ["/a/b/", "/a/d"])
        #expect(names(4, recursive: true, limit: 1) == ["/a/b/c"])
        #expect(names(2, recursive: true) == ["/a/b/c"])
        #expect(names(5, recursive: true).isEmpty)
        #expect(model.keys.present.map(\.key.description) == ["/a", "/ab"])
    }
}
