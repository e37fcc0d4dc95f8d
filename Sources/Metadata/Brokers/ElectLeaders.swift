import Defects

/// Gives partitions back to the first of their replicas, where that is in sync: assignments spread over the brokers by it, and
/// what failed over once would be led by others for ever (KIP-460).
public struct ElectLeaders: Equatable, Sendable {
    public typealias Place = PartitionSearch.Place

    public var partitions: [Place]

    public init(_ partitions: [Place]) { self.partitions = partitions }
}

extension MetadataStateMachine {
    mutating func apply(_ election: ElectLeaders) -> Outcome {
        guard drawsTopicIDs else { return .refused(.invalidCommand) }
        var changes: [Change] = []
        let results = election.partitions.map { place in
            resultIfUnchanged(place) ?? settled(.name(place.topic), place.partition, .preferred, &changes)
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .partitions(results, version: counters.version), changes: changes)
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ election: ElectLeaders) -> CommandResult? {
        resultIfUnchanged(election.partitions.lazy.map { resultIfUnchanged($0) })
    }

    private func resultIfUnchanged(_ place: ElectLeaders.Place) -> PartitionResult? {
        resultIfUnchanged(.name(place.topic), place.partition) { partition in
            if partition.leader == partition.replicas[0] { return .failure(.electionNotNeeded) }
            return mayElectPreferred(partition) ? nil : .failure(.preferredLeaderNotAvailable(partition.replicas[0]))
        }
    }

    /// A partition without a leader waits for those who are in sync, and there is nothing to choose.
    public func mayElectPreferred(_ partition: Partition) -> Bool {
        guard let leader = partition.leader, leader != partition.replicas[0] else { return false }
        return isActive(partition.replicas[0]) && !isInMaintenance(partition.replicas[0])
            && (partition.inSyncReplicas.contains(partition.replicas[0]) || Defect.preferredLeaderOutOfSync.isOn)
    }

    /// Those that another leads, though the first of their replicas could, of brokers that `mayLead` admits, and that stay
    /// where they are.
    ///
    /// - Parameter pages: How many of all that are not led by the first of their replicas are looked at.
    /// - Returns: And behind which partition others may be; `nil` if there are none.
    public func imbalance(
        from place: PartitionSearch.Place?, pages: Int, atMost limit: Int, _ mayLead: (BrokerID) -> Bool
    ) -> (ElectLeaders, rest: PartitionSearch.Place?) {
        var places: [ElectLeaders.Place] = []
        var (next, pages) = (place, pages)
        repeat {
            let page = page(
                of: PartitionSearch(condition: .notPreferred), after: next, limit: limit - places.count)
            for (topic, partition) in page.rows
            where partition.reassignment == nil && mayElectPreferred(partition) && mayLead(partition.replicas[0]) {
                places.append(ElectLeaders.Place(topic: topic.name, partition: partition.id))
            }
            next = page.next
            pages -= 1
        } while next != nil && places.count < limit && pages > 0
        return (ElectLeaders(places), next)
    }
}
