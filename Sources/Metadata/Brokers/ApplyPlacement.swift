import Defects

extension MetadataStateMachine {
    /// The replicas of each partition of a new topic, its first leader first. There are enough brokers for them.
    mutating func place(_ creation: CreateTopic) -> [[BrokerID]] {
        let ring =
            placementRing
            ?? PlacementRing(brokers: brokerRows.filter { $0.state == .active || Defect.placesOnOfflineBrokers.isOn })
        placementRing = ring
        let first = Defect.placementDoesNotRotate.isOn ? 0 : counters.partitionsCreated
        guard counters.placementLevel > 1 else { return Self.next(on: ring, first, creation) }
        return Self.spread(ring.byRack, first, creation)
    }

    private static func next(on ring: PlacementRing, _ first: UInt64, _ creation: CreateTopic) -> [[BrokerID]] {
        var assignment = ReplicaAssignment(ring: ring, replicationFactor: creation.replicationFactor)
        let start = Int(first % UInt64(ring.count))
        return (0..<creation.partitionCount).map { assignment.replicas(startingAt: start + $0) }
    }

    /// Partitions with the same replicas share the list.
    private static func spread(_ racks: [[BrokerID]], _ first: UInt64, _ creation: CreateTopic) -> [[BrokerID]] {
        let numbers = (0..<UInt64(creation.partitionCount)).map { first &+ $0 }
        var lists: Set<[BrokerID]> = []
        if racks.count == 1 || Defect.racksIgnoredWhenSpread.isOn {
            let ring = ShiftedRing(brokers: racks.count == 1 ? racks[0] : racks.joined().sorted())
            return numbers.map {
                lists.insert(ring.replicas(of: $0, count: creation.replicationFactor)).memberAfterInsert
            }
        }
        var assignment = RackAssignment(racks: racks, replicationFactor: creation.replicationFactor)
        return numbers.map { lists.insert(assignment.replicas(of: $0)).memberAfterInsert }
    }
}
