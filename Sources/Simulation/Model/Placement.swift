import Metadata

/// Where replicas go at first (§3): round the ONLINE brokers in ascending id, and over the racks as evenly as can be.
struct Placement {
    private let ring: [(id: BrokerID, rack: String)]

    /// `brokers` in ascending id. The ring takes one of each rack in turn, the rack with the lowest id first; brokers that
    /// name no rack are one rack.
    init(_ brokers: [(id: BrokerID, rack: String?)]) {
        var left = brokers.map { (id: $0.id, rack: $0.rack ?? "") }
        var racks: [String] = []
        for broker in left where !racks.contains(broker.rack) { racks.append(broker.rack) }
        var ring: [(id: BrokerID, rack: String)] = []
        while !left.isEmpty {
            for rack in racks {
                if let index = left.firstIndex(where: { $0.rack == rack }) { ring.append(left.remove(at: index)) }
            }
        }
        self.ring = ring
    }

    /// The first is the leader. Each is the next broker on the ring whose rack has the fewest replicas so far.
    func replicas(startingAt start: Int, count: Int) -> [BrokerID] {
        var left = ring.indices.map { ring[(start + $0) % ring.count] }
        var taken: [String] = []
        return (0..<count).map { _ in
            let load = left.map { broker in taken.count { $0 == broker.rack } }
            let index = load.firstIndex(of: load.min() ?? 0) ?? 0
            taken.append(left[index].rack)
            return left.remove(at: index).id
        }
    }
}
