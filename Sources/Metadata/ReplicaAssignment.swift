/// Where the replicas of new partitions go: round the ring of ONLINE brokers, so that leaders and followers spread.
///
/// Without racks the ring is in ascending id. With racks, neighbours on the ring are in different racks as far as
/// possible (racks in the order of their lowest ids, the first broker of each, then the second of each, …), and a
/// partition takes a second broker of a rack only when it has one of every rack. Brokers that name no rack count as one
/// rack: nothing says that they stand apart.
struct ReplicaAssignment {
    private var ring: [(id: BrokerID, rack: Int)] = []
    private let replicationFactor: Int

    /// `brokers` in ascending id, at least `replicationFactor` of them.
    init(brokers: [Broker], replicationFactor: Int) {
        precondition(1...brokers.count ~= replicationFactor, "more replicas than brokers")
        self.replicationFactor = replicationFactor
        let racks = Self.racks(of: brokers)
        // Without racks every broker stands for itself, and the walk below takes the next ones.
        guard racks.count > 1 else {
            ring = brokers.enumerated().map { ($0.element.id, $0.offset) }
            return
        }
        for position in 0..<(racks.map(\.count).max() ?? 0) {
            for (rack, members) in racks.enumerated() where position < members.count {
                ring.append((members[position], rack))
            }
        }
    }

    /// The ids of each rack's brokers, ascending; racks in the order of their lowest ids.
    private static func racks(of brokers: [Broker]) -> [[BrokerID]] {
        let byRack = brokers.map { (rack: Array(($0.rack ?? "").utf8), id: $0.id) }.sorted {
            $0.rack == $1.rack ? $0.id < $1.id : precedes($0.rack, $1.rack)
        }
        var racks: [[BrokerID]] = []
        for (index, broker) in byRack.enumerated() {
            if index > 0, byRack[index - 1].rack == broker.rack {
                racks[racks.count - 1].append(broker.id)
            } else {
                racks.append([broker.id])
            }
        }
        return racks.sorted { $0[0] < $1[0] }
    }

    /// The replicas of the partition that starts at this place of the ring, its first leader first.
    func replicas(startingAt start: Int) -> [BrokerID] {
        var replicas: [BrokerID] = []
        var usedBrokers: Set<Int> = []
        while replicas.count < replicationFactor {
            var usedRacks: Set<Int> = []
            for step in 0..<ring.count where replicas.count < replicationFactor {
                let place = (start + step) % ring.count
                guard !usedBrokers.contains(place), usedRacks.insert(ring[place].rack).inserted else { continue }
                usedBrokers.insert(place)
                replicas.append(ring[place].id)
            }
        }
        return replicas
    }
}
