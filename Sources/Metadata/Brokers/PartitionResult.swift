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

    // Of elections

    /// The preferred leader leads.
    case electionNotNeeded
    /// It is not in sync, or not ACTIVE, or nobody leads.
    case preferredLeaderNotAvailable(BrokerID)

    public enum Ineligibility: Equatable, Sendable {
        case unregistered
        case notActive(BrokerState)
        case staleEpoch(present: UInt64?)
    }
}
