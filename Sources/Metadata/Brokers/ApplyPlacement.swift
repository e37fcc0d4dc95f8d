import Defects

extension MetadataStateMachine {
    /// The replicas of each of so many new partitions, its first leader first. There are enough brokers for them.
    mutating func place(_ count: Int, replicationFactor: Int) -> [[BrokerID]] {
        let ring = ring
        let first = Defect.placementDoesNotRotate.isOn ? 0 : counters.partitionsCreated
        guard counters.placementLevel > 1 else { return Self.next(on: ring, first, count, replicationFactor) }
        return Self.spread(ring.byRack, first, count, replicationFactor)
    }

    /// Of the brokers that new replicas may go to.
    var ring: PlacementRing {
        mutating get {
            let ring =
                placementRing
                ?? PlacementRing(brokers: brokerRows.filter { $0.mayHost || Defect.placesOnOfflineBrokers.isOn })
            placementRing = ring
            return ring
        }
    }

    private static func next(
        on ring: PlacementRing, _ first: UInt64, _ count: Int, _ replicationFactor: Int
    ) -> [[BrokerID]] {
        var assignment = ReplicaAssignment(ring: ring, replicationFactor: replicationFactor)
        let start = Int(first % UInt64(ring.count))
        return (0..<count).map { assignment.replicas(startingAt: start + $0) }
    }

    /// Partitions with the same replicas share the list.
    private static func spread(
        _ racks: [[BrokerID]], _ first: UInt64, _ count: Int, _ replicationFactor: Int
    ) -> [[BrokerID]] {
        let numbers = (0..<UInt64(count)).map { first &+ $0 }
        var lists: Set<[BrokerID]> = []
        if racks.count == 1 || Defect.racksIgnoredWhenSpread.isOn {
            let ring = ShiftedRing(brokers: racks.count == 1 ? racks[0] : racks.joined().sorted())
            return numbers.map {
                lists.insert(ring.replicas(of: $0, count: replicationFactor)).memberAfterInsert
            }
        }
        var assignment = RackAssignment(racks: racks, replicationFactor: replicationFactor)
        return numbers.map { lists.insert(assignment.replicas(of: $0)).memberAfterInsert }
    }
}
