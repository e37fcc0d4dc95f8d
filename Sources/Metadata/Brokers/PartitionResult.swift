/// What became of what was asked of one partition.
public struct PartitionResult: Equatable, Sendable {
    /// `nil` of a topic that there is not.
    public var topic: Topic?
    /// The partition as it is now, also if it was so before.
    public var partition: Result<Partition, PartitionFlaw>

    public init(topic: Topic?, partition: Result<Partition, PartitionFlaw>) {
        (self.topic, self.partition) = (topic, partition)
    }
}

extension MetadataStateMachine {
    /// What becomes of a partition that `judge` finds nothing to do with: a flaw, or that it is as wanted. `nil` if it must change.
    func resultIfUnchanged(
        _ topic: TopicReference, _ id: Int, _ judge: (Partition) -> Result<Void, PartitionFlaw>?
    ) -> PartitionResult? {
        guard let index = topicIndex(topic) else {
            return PartitionResult(topic: nil, partition: .failure(.unknownTopic))
        }
        let rows = topicRows[index]
        guard rows.partitions.indices.contains(id) else {
            return PartitionResult(topic: rows.topic, partition: .failure(.unknownPartition))
        }
        let partition = rows.partitions[id]
        return judge(partition).map { PartitionResult(topic: rows.topic, partition: $0.map { partition }) }
    }

    /// What a command comes to of whose partitions none must change; `nil` if one must.
    func resultIfUnchanged(_ results: some Sequence<PartitionResult?>) -> CommandResult? {
        var all: [PartitionResult] = []
        for result in results {
            guard let result else { return nil }
            all.append(result)
        }
        return .partitions(all, version: counters.version)
    }

    /// Settles it, and tells what it is then.
    mutating func settled(
        _ topic: TopicReference, _ id: Int, _ succession: Succession, _ changes: inout [Change],
        _ propose: (inout Partition) -> Void = { _ in }
    ) -> PartitionResult {
        guard let index = topicIndex(topic) else { preconditionFailure("a change in no topic") }
        var partition = topicRows[index].partitions[id]
        propose(&partition)
        settle(index, partition, succession, &changes)
        let rows = topicRows[index]
        return PartitionResult(topic: rows.topic, partition: .success(rows.partitions[id]))
    }
}

/// Why nothing was done with a partition.
public enum PartitionFlaw: Error, Equatable, Sendable {
    case unknownTopic
    case unknownPartition

    // Of what a leader says, in the order in which they are looked for

    /// The leader knows more than this state has.
    case epochAhead
    case fencedLeaderEpoch(present: Int)
    case notLeader(present: BrokerID?)
    case invalidPartitionEpoch(present: Int)
    case invalidISR(String)
    case ineligibleReplica(BrokerID, Ineligibility)
    /// It was done, and with it a reassignment ended that took the lead from the sender.
    case newLeaderElected

    // Of elections

    /// The preferred leader leads.
    case electionNotNeeded
    /// It is not in sync, or not ACTIVE, or nobody leads.
    case preferredLeaderNotAvailable(BrokerID)

    // Of reassignments

    case invalidReplicaAssignment(String)
    /// It has so many, and is to keep them.
    case replicationFactorChange(present: Int)
    case noReassignmentInProgress
    /// None of those that are in sync would be a replica.
    case uncleanCancel(inSync: [BrokerID])

    public enum Ineligibility: Equatable, Sendable {
        case unregistered
        case notActive(BrokerState)
        case staleEpoch(present: UInt64?)
    }
}
