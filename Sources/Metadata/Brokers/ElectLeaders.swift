import Defects

/// Gives partitions back to the first of their replicas, where that is in sync: assignments spread over the brokers by it, and
/// what failed over once would be led by others for ever (KIP-460).
public struct ElectLeaders: Equatable, Sendable {
    public struct Place: Equatable, Sendable {
        public var topic: String
        public var partition: Int

        public init(topic: String, partition: Int) { (self.topic, self.partition) = (topic, partition) }
    }

    public var partitions: [Place]

    public init(_ partitions: [Place]) { self.partitions = partitions }
}

extension MetadataStateMachine {
    mutating func apply(_ election: ElectLeaders) -> Outcome {
        guard drawsTopicIDs else { return .refused(.invalidCommand) }
        var changes: [Change] = []
        let results = election.partitions.map { place in
            resultIfUnchanged(place) ?? elect(place, &changes)
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .partitions(results, version: counters.version), changes: changes)
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ election: ElectLeaders) -> CommandResult? {
        var results: [PartitionResult] = []
        for place in election.partitions {
            guard let result = resultIfUnchanged(place) else { return nil }
            results.append(result)
        }
        return .partitions(results, version: counters.version)
    }

    private func resultIfUnchanged(_ place: ElectLeaders.Place) -> PartitionResult? {
        guard let index = topicIndex(place.topic) else {
            return PartitionResult(topic: nil, partition: .failure(.unknownTopic))
        }
        let rows = topicRows[index]
        func failure(_ flaw: PartitionFlaw) -> PartitionResult {
            PartitionResult(topic: rows.topic, partition: .failure(flaw))
        }
        guard rows.partitions.indices.contains(place.partition) else { return failure(.unknownPartition) }
        let partition = rows.partitions[place.partition]
        if partition.leader == partition.replicas[0] { return failure(.electionNotNeeded) }
        return mayElectPreferred(partition) ? nil : failure(.preferredLeaderNotAvailable(partition.replicas[0]))
    }

    /// A partition without a leader waits for those who are in sync, and there is nothing to choose.
    public func mayElectPreferred(_ partition: Partition) -> Bool {
        guard let leader = partition.leader, leader != partition.replicas[0] else { return false }
        return isActive(partition.replicas[0])
            && (partition.inSyncReplicas.contains(partition.replicas[0]) || Defect.preferredLeaderOutOfSync.isOn)
    }

    private mutating func elect(_ place: ElectLeaders.Place, _ changes: inout [Change]) -> PartitionResult {
        guard let index = topicIndex(place.topic) else { preconditionFailure("an election in no topic") }
        settle(index, topicRows[index].partitions[place.partition], .preferred, &changes)
        let rows = topicRows[index]
        return PartitionResult(topic: rows.topic, partition: .success(rows.partitions[place.partition]))
    }
}
