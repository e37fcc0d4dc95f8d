/// What would become of partitions if some brokers were lost together: the same as if they were lost one by one, in whatever
/// order, but without a change of any row.
public struct StopCheck: Equatable, Sendable {
    public struct Affected: Equatable, Sendable {
        public internal(set) var count = 0
        /// By topic and partition.
        public internal(set) var first: [PartitionSearch.Place] = []
    }

    /// Of each kind are named.
    public static let maximumListed = 128

    /// Of the state that was looked at.
    public let version: UInt64
    /// How many are in which condition without it.
    public let before: PartitionCounts
    /// Have a leader, and would have none.
    public internal(set) var leaderless = Affected()
    /// Have as many in-sync replicas as they must, and would have fewer.
    public internal(set) var belowMinISR = Affected()
    /// How many would have another leader, or none.
    public internal(set) var moves = 0

    public var isSafe: Bool { leaderless.count == 0 && belowMinISR.count == 0 }
}

extension MetadataStateMachine {
    /// Looks at the partitions with a replica on these brokers, and at no others.
    public func stopCheck(_ brokers: [BrokerID]) -> StopCheck {
        let lost = Set(brokers)
        var check = StopCheck(version: counters.version, before: topicRows.counts)
        var leaderless: [(topic: TopicTable.Index, id: Int)] = []
        var belowMinISR = leaderless
        for broker in brokers {
            for place in partitions(on: broker) {
                let rows = topicRows[place.topic]
                let partition = rows.partitions[place.id]
                // It stands under several brokers.
                guard partition.replicas.first(where: lost.contains) == broker else { continue }
                let remaining = partition.inSyncReplicas.lazy.filter { !lost.contains($0) }
                if let leader = partition.leader, lost.contains(leader) {
                    check.moves += 1
                    if !remaining.contains(where: isActive) { leaderless.append(place) }
                }
                let minimum = PartitionCondition.effectiveMinISR(of: partition, in: rows.topic)
                // The last one stays.
                if partition.inSyncReplicas.count >= minimum, max(1, remaining.count) < minimum {
                    belowMinISR.append(place)
                }
            }
        }
        check.leaderless = affected(leaderless)
        check.belowMinISR = affected(belowMinISR)
        return check
    }

    private func affected(_ places: [(topic: TopicTable.Index, id: Int)]) -> StopCheck.Affected {
        let first = places.sorted { $0 < $1 }.prefix(StopCheck.maximumListed)
        return StopCheck.Affected(
            count: places.count,
            first: first.map { PartitionSearch.Place(topic: topicRows[$0.topic].topic.name, partition: $0.id) })
    }
}
