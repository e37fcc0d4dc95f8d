/// The replicas of the partitions of one topic at level 2 of placement.version, with racks: one in each rack before a second
/// in any, and evenly inside each. What a broker got by other commands does not count, or a new one would get every leader.
struct RackAssignment {
    private var racks: [PlacementRack]
    private let replicationFactor: Int
    /// Where each rack's brokers are among all.
    private let places: [Range<Int>]
    private var pairings: Pairings

    /// The racks as ``PlacementRing/byRack``, at least two.
    init(racks: [[BrokerID]], replicationFactor: Int) {
        self.racks = racks.map { PlacementRack(brokers: $0) }
        self.replicationFactor = replicationFactor
        var count = 0
        places = racks.map { rack in
            defer { count += rack.count }
            return count..<count + rack.count
        }
        pairings = Pairings(brokers: count)
    }

    /// The replicas of the partition that is the `number`th of all that were ever created.
    mutating func replicas(of number: UInt64) -> [BrokerID] {
        let (round, first) = number.quotientAndRemainder(dividingBy: UInt64(racks.count))
        let order = order(from: Int(first), round)
        let leader = racks[order[0]].takeLeader(rotatedBy: round)
        pairings.begin(with: places[order[0]].lowerBound + leader)
        var replicas = [racks[order[0]].brokers[leader]]
        replicas.reserveCapacity(replicationFactor)
        var (open, left) = (order, order[1...])
        while replicas.count < replicationFactor {
            for rack in left.prefix(replicationFactor - replicas.count) {
                replicas.append(follower(in: rack, rotatedBy: round))
            }
            open.removeAll { racks[$0].isExhausted }
            left = open[...]
        }
        pairings.end()
        for rack in order { racks[rack].putBack() }
        return replicas
    }

    /// The racks that the partition comes to, as far as it comes in the first round: what follows the first is shifted by one
    /// each time all racks had their turn.
    private func order(from first: Int, _ round: UInt64) -> [Int] {
        let others = racks.count - 1
        let next = (0..<min(others, replicationFactor - 1)).map { turn in
            (first + 1 + Int((round + UInt64(turn)) % UInt64(others))) % racks.count
        }
        return [first] + next
    }

    private mutating func follower(in rack: Int, rotatedBy round: UInt64) -> BrokerID {
        let place = racks[rack].takeFollower(rotatedBy: round, pairings: pairings.counts[places[rack]])
        pairings.add(places[rack].lowerBound + place)
        return racks[rack].brokers[place]
    }
}

/// Who followed whom, as far as the command has come.
private struct Pairings {
    /// How often each followed the leader at hand, before this partition.
    private(set) var counts: [Int]
    /// By leader, once for each partition.
    private var followers: [[Int]]
    private var leader = 0
    private var known = 0

    init(brokers: Int) {
        counts = Array(repeating: 0, count: brokers)
        followers = Array(repeating: [], count: brokers)
    }

    mutating func begin(with leader: Int) {
        self.leader = leader
        known = followers[leader].count
        for follower in followers[leader] { counts[follower] += 1 }
    }

    mutating func add(_ follower: Int) { followers[leader].append(follower) }

    mutating func end() {
        for follower in followers[leader].prefix(known) { counts[follower] = 0 }
    }
}
