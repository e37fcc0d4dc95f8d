import Metadata
import Raft
import Storage
import Testing

@testable import Simulation

@Suite struct DiskDamageTests {
    private let node = NodeID(2)
    private let directory = DirectoryID(high: 1, low: 2)

    /// A platter with rows of each kind and some entries behind them.
    private func platter() throws -> DiskImage {
        var machine = MetadataStateMachine(counters: Counters(clusterID: "c1"))
        for id: BrokerID in [101, 102] {
            _ = machine.apply(.registerBroker(RegisterBroker(id: id, host: "broker", port: 8081)), timestamp: 1)
        }
        _ = machine.apply(
            .createTopic(CreateTopic(name: "orders", partitionCount: 2, replicationFactor: 2)), timestamp: 2)
        _ = machine.apply(.put(Put(key: Key(validated: Array("/a".utf8)), value: Array("v".utf8))), timestamp: 3)
        let entries = (1...6).map { number in
            LogEntry(
                index: LogIndex(number), term: Term(3), type: "PUT", data: Array("PUT\n/a\n\(number)".utf8),
                timestamp: 1000)
        }
        var image = DiskImage()
        let state = HardState(currentTerm: Term(3), votedFor: NodeID(1))
        try image.commit(Write(id: WriteID(1), hardState: state, entries: entries))
        try image.apply(
            Checkpoint(
                position: entries[3].position, changes: machine.takeChangedRows(), counters: machine.counters,
                digest: machine.digest, compactThrough: entries[1].position))
        return image
    }

    @Test func theUndamagedPlatterIsRead() throws {
        let recovered = try platter().recover(node: node, newDirectory: directory)
        #expect(recovered.entries.count == 4)
        #expect(recovered.metadata.keyCount == 1)
    }

    @Test func everyFlippedBitIsNoticed() throws {
        let sound = try platter()
        var places: Set<String> = []
        for seed: UInt64 in 1...2000 {
            var image = sound
            var random = Randomness(seed: seed)
            let place = image.flipBit(node: node, &random)
            places.insert(place)
            #expect(throws: DiskImage.Damage.self, "\(place), seed \(seed)") {
                _ = try image.recover(node: node, newDirectory: directory)
            }
        }
        // Four entries, six rows, term, vote and checkpoint.
        #expect(places.count == 13, "\(places.sorted())")
    }
}
