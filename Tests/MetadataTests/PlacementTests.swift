import Testing

@testable import Metadata

/// Where the replicas of new partitions go: entries of logs that exist must come to the same state for ever.
@Suite struct PlacementTests {
    private func ring(_ racks: [String?]) -> PlacementRing {
        PlacementRing(
            brokers: racks.enumerated().map {
                Broker(id: BrokerID($0 + 1), host: "h", port: 1, rack: $1, status: .online, registeredAt: 0)
            })
    }

    private func lists(_ racks: [String?], replicas: Int, count: Int) -> [[BrokerID]] {
        var assignment = ReplicaAssignment(ring: ring(racks), replicationFactor: replicas)
        return (0..<count).map { assignment.replicas(startingAt: $0) }
    }

    @Test func withoutRacksTheNextOnes() {
        #expect(
            lists([nil, nil, nil, nil], replicas: 3, count: 5)
                == [[1, 2, 3], [2, 3, 4], [3, 4, 1], [4, 1, 2], [1, 2, 3]])
    }

    @Test func withRacksOneOfEachBeforeASecond() {
        // The ring is 1, 2, 3, 4, 5, with racks a, b, a, b, a.
        #expect(
            lists(["a", "b", "a", "b", "a"], replicas: 3, count: 5)
                == [[1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 1], [5, 2, 1]])
    }

    @Test func unequalRacks() {
        // The ring is 1 (a), 4 (b), 2 (a), 3 (a).
        #expect(
            lists(["a", "a", "a", "b"], replicas: 2, count: 4) == [[1, 4], [4, 2], [2, 4], [3, 4]])
        #expect(
            lists(["a", "a", "a", "b"], replicas: 4, count: 4)
                == [[1, 4, 2, 3], [4, 2, 3, 1], [2, 4, 3, 1], [3, 4, 1, 2]])
    }

    @Test func theSameStartSharesOneList() {
        let all = lists(Array(repeating: nil, count: 4), replicas: 3, count: 8)
        for index in 0..<4 {
            let isShared = all[index].withUnsafeBufferPointer { first in
                all[index + 4].withUnsafeBufferPointer { $0.baseAddress == first.baseAddress }
            }
            #expect(isShared)
        }
    }

    @Test func aRingIsMadeAnewWhenBrokersChange() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.create("a", partitions: 3)
        machine.setStatus(2, .offline)
        machine.create("b", partitions: 2)
        machine.register(4)
        machine.setStatus(2, .online)
        machine.setStatus(1, .offline)
        machine.apply(.deleteTopic(DeleteTopic("a")))
        machine.apply(.unregisterBroker(2))
        machine.create("c", partitions: 2)
        #expect(machine.state.topic("b")!.1.map(\.replicas) == [[3], [1]])
        #expect(machine.state.topic("c")!.1.map(\.leader) == [4, 3])
    }
}
