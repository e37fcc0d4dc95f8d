import Defects

/// The ring of ONLINE brokers, round which the replicas of new partitions go.
///
/// Without racks it is in ascending id. With racks, neighbours on the ring are in different racks as far as possible (racks
/// in the order of their lowest ids, the first broker of each, then the second of each, …). Brokers that name no rack
/// count as one rack: nothing says that they stand apart.
struct PlacementRing: Sendable {
    fileprivate private(set) var brokers: [BrokerID] = []
    /// Of the brokers, in the same order.
    fileprivate private(set) var racks: [Int] = []
    fileprivate let rackCount: Int
    /// The ids of each rack's brokers, ascending; racks in the order of their lowest ids.
    let byRack: [[BrokerID]]

    var count: Int { brokers.count }

    /// `brokers` in ascending id.
    init(brokers: [Broker]) {
        byRack = Self.byRack(brokers)
        guard byRack.count > 1, !Defect.racksIgnored.isOn else {
            // Without racks every broker stands for itself.
            self.brokers = brokers.map(\.id)
            racks = Array(brokers.indices)
            rackCount = brokers.count
            return
        }
        rackCount = byRack.count
        for position in 0..<(byRack.map(\.count).max() ?? 0) {
            for (rack, members) in byRack.enumerated() where position < members.count {
                self.brokers.append(members[position])
                racks.append(rack)
            }
        }
    }

    private static func byRack(_ brokers: [Broker]) -> [[BrokerID]] {
        let sorted = brokers.map { (rack: Array(($0.rack ?? "").utf8), id: $0.id) }.sorted {
            $0.rack == $1.rack ? $0.id < $1.id : precedes($0.rack, $1.rack)
        }
        var racks: [[BrokerID]] = []
        for (index, broker) in sorted.enumerated() {
            if index > 0, sorted[index - 1].rack == broker.rack {
                racks[racks.count - 1].append(broker.id)
            } else {
                racks.append([broker.id])
            }
        }
        return racks.sorted { $0[0] < $1[0] }
    }
}

/// The replicas of the partitions of one topic at level 1 of placement.version. Each takes the next brokers of the ring, and a second broker of a rack
/// only when it has one of every rack.
struct ReplicaAssignment {
    private let ring: PlacementRing
    private let replicationFactor: Int
    /// Partitions that start at the same place have the same replicas, and share the list.
    private var lists: [[BrokerID]]
    /// The number of the last list that has this broker, and of the last round in which this rack was taken.
    private var brokerTaken: [Int]
    private var rackTaken: [Int]
    private var lastList = 0
    private var lastRound = 0

    init(ring: PlacementRing, replicationFactor: Int) {
        precondition(1...ring.brokers.count ~= replicationFactor, "more replicas than brokers")
        self.ring = ring
        self.replicationFactor = replicationFactor
        lists = Array(repeating: [], count: ring.brokers.count)
        brokerTaken = Array(repeating: 0, count: ring.brokers.count)
        rackTaken = Array(repeating: 0, count: ring.rackCount)
    }

    /// The replicas of the partition that starts at this place of the ring, its first leader first.
    mutating func replicas(startingAt start: Int) -> [BrokerID] {
        let start = start % ring.brokers.count
        if lists[start].isEmpty { lists[start] = walk(from: start) }
        return lists[start]
    }

    private mutating func walk(from start: Int) -> [BrokerID] {
        var replicas: [BrokerID] = []
        replicas.reserveCapacity(replicationFactor)
        lastList += 1
        while replicas.count < replicationFactor {
            lastRound += 1
            var racksLeft = ring.rackCount
            var place = start
            repeat {
                if brokerTaken[place] != lastList, rackTaken[ring.racks[place]] != lastRound {
                    brokerTaken[place] = lastList
                    rackTaken[ring.racks[place]] = lastRound
                    racksLeft -= 1
                    replicas.append(ring.brokers[place])
                }
                place = place + 1 == ring.brokers.count ? 0 : place + 1
            } while place != start && racksLeft > 0 && replicas.count < replicationFactor
        }
        return replicas
    }
}
