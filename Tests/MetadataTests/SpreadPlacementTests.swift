import Testing

@testable import Metadata

/// Level 2 of placement.version: what a broker leads passes to all others when it is lost.
@Suite struct SpreadPlacementTests {
    /// The replicas of the first partitions of a cluster, on brokers from 1 up, those of the first rack first.
    private func lists(_ racks: [Int], replicas: Int, count: Int) -> [[BrokerID]] {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 4))
        machine.apply(.raiseLevel(of: .placement, to: 2))
        for (rack, id) in Self.members(racks).enumerated().flatMap({ rack, ids in ids.map { (rack, $0) } }) {
            machine.register(id, rack: "rack \(rack)")
        }
        machine.create("t", partitions: count, replicas: replicas)
        return machine.state.topic("t")!.1.map(\.replicas)
    }

    private static func members(_ racks: [Int]) -> [[BrokerID]] {
        var next: BrokerID = 1
        return racks.map { size in
            defer { next += BrokerID(size) }
            return Array(next..<next + BrokerID(size))
        }
    }

    private func count(_ brokers: some Sequence<BrokerID>) -> [BrokerID: Int] {
        brokers.reduce(into: [:]) { $0[$1, default: 0] += 1 }
    }

    /// To whom the leaders of each broker go, as parts of one.
    private func largestSuccession(_ lists: [[BrokerID]]) -> Double {
        let shares = Dictionary(grouping: lists, by: \.[0]).values.map { led in
            Double(count(led.map { $0[1] }).values.max()!) / Double(led.count)
        }
        return shares.max()!
    }

    @Test func theFirstTimeRoundItIsTheRing() {
        #expect(lists([2], replicas: 2, count: 3) == [[1, 2], [2, 1], [1, 2]], "the contract's example")
        #expect(
            lists([4], replicas: 3, count: 6) == [
                [1, 2, 3], [2, 3, 4], [3, 4, 1], [4, 1, 2], [1, 3, 4], [2, 4, 1],
            ])
        #expect(lists([1], replicas: 1, count: 2) == [[1], [1]])
    }

    @Test func theNextTopicGoesOn() {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 4))
        machine.apply(.raiseLevel(of: .placement, to: 2))
        for id: BrokerID in 1...3 { machine.register(id) }
        for name in ["a", "b", "c", "d"] { machine.create(name, replicas: 2) }
        #expect(["a", "b", "c", "d"].map { machine.partition($0).replicas } == [[1, 2], [2, 3], [3, 1], [1, 3]])
    }

    @Test func tenBrokers() {
        let all = lists([10], replicas: 3, count: 1000)
        #expect(count(all.map { $0[0] }).values.allSatisfy { $0 == 100 })
        #expect(count(all.joined()).values.allSatisfy { $0 == 300 })
        for led in Dictionary(grouping: all, by: \.[0]).values {
            let successors = count(led.map { $0[1] })
            #expect(successors.count == 9 && successors.values.allSatisfy { (11...12).contains($0) })
        }
    }

    @Test func allOrderedPairsOfFour() {
        let pairs = lists([4], replicas: 2, count: 200).reduce(into: [:]) { $0[$1, default: 0] += 1 }
        #expect(pairs.count == 12 && pairs.values.allSatisfy { (16...17).contains($0) })
    }

    struct Share {
        var racks: [Int]
        var replicas: Int
        var leaders: [ClosedRange<Int>]
        var held: [ClosedRange<Int>]
        /// The largest part of a broker's leaders that goes to one other.
        var succession: Double
    }

    @Test(arguments: [
        Share(
            racks: [4, 3, 3], replicas: 3, leaders: [83...84, 111...111, 111...111],
            held: [250...250, 333...334, 333...334], succession: 0.35),
        Share(
            racks: [4, 2], replicas: 2, leaders: [125...125, 250...250], held: [250...250, 500...500],
            succession: 0.51),
        Share(
            racks: [5, 1, 1], replicas: 3, leaders: [66...67, 333...333, 333...333],
            held: [199...201, 1000...1000, 1000...1000], succession: 0.51),
        Share(
            racks: [3, 3, 3], replicas: 3, leaders: [111...112, 111...111, 111...111],
            held: [333...334, 333...334, 333...334], succession: 0.175),
    ])
    func evenInsideEachRack(_ share: Share) {
        let all = lists(share.racks, replicas: share.replicas, count: 1000)
        let (leaders, held) = (count(all.map { $0[0] }), count(all.joined()))
        for (rack, ids) in Self.members(share.racks).enumerated() {
            #expect(ids.allSatisfy { share.leaders[rack].contains(leaders[$0]!) })
            #expect(ids.allSatisfy { share.held[rack].contains(held[$0]!) })
            // As many replicas as there are racks: one in each, or with fewer in different ones.
            #expect(all.allSatisfy { $0.count(where: ids.contains) <= 1 })
        }
        #expect(largestSuccession(all) < share.succession)
    }

    @Test func whateverTheRacks() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<200 {
            let racks = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                Int.random(in: 1...6, using: &generator)
            }
            let brokers = racks.reduce(0, +)
            let replicas = Int.random(in: 1...brokers, using: &generator)
            let all = lists(racks, replicas: replicas, count: Int.random(in: 1...150, using: &generator))
            check(all, racks, replicas)
        }
    }

    private func check(_ all: [[BrokerID]], _ racks: [Int], _ replicas: Int) {
        let members = Self.members(racks)
        let (leaders, held) = (count(all.map { $0[0] }), count(all.joined()))
        for list in all {
            #expect(Set(list).count == replicas, "\(racks) \(list)")
            let used = members.count { !Set($0).isDisjoint(with: list) }
            #expect(used == min(replicas, racks.count), "\(racks) \(list)")
        }
        for ids in members {
            let (leaders, held) = (ids.map { leaders[$0] ?? 0 }, ids.map { held[$0] ?? 0 })
            #expect(leaders.max()! - leaders.min()! <= 1, "\(racks) with \(replicas): \(leaders)")
            #expect(racks.count == 1 || held.max()! - held.min()! <= 3, "\(racks) with \(replicas): \(held)")
        }
    }

    @Test(arguments: [[4], [2, 2]])
    func partitionsWithTheSameReplicasShareTheList(_ racks: [Int]) {
        let all = lists(racks, replicas: 2, count: 60)
        for equal in Dictionary(grouping: all, by: \.self).values {
            let addresses = equal.map { $0.withUnsafeBufferPointer { $0.baseAddress } }
            #expect(Set(addresses).count == 1)
        }
    }

    @Test func placesInTheirOrder() {
        var generator = SeededGenerator(seed: 2)
        for size in [1, 5, 63, 64, 65, 128, 150] {
            var set = PlaceSet(all: size)
            let gone = (0..<size).filter { _ in Bool.random(using: &generator) }
            for place in gone { set.remove(place) }
            for start in 0..<size {
                let right = (Array(start..<size) + Array(0..<start)).filter { !gone.contains($0) }
                #expect(Array(set.places(from: start)) == right, "\(size) from \(start) without \(gone)")
            }
            #expect(set.isEmpty == (gone.count == size))
        }
    }
}
