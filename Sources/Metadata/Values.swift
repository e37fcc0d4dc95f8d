public enum BrokerStatus: String, Sendable, Hashable {
    case online = "ONLINE"
    case offline = "OFFLINE"
}

public typealias BrokerID = Int64

public struct Broker: Equatable, Sendable {
    public var id: BrokerID
    public var host: String
    public var port: Int
    public var rack: String?
    public var status: BrokerStatus
    /// Unix milliseconds.
    public var registeredAt: Int64
    /// `nil` of one that registered without.
    public var incarnation: BrokerIncarnation?
    public var restrictions: BrokerRestrictions

    public init(
        id: BrokerID, host: String, port: Int, rack: String?, status: BrokerStatus, registeredAt: Int64,
        incarnation: BrokerIncarnation? = nil, restrictions: BrokerRestrictions = []
    ) {
        self.restrictions = restrictions
        self.id = id
        self.host = host
        self.port = port
        self.rack = rack
        self.status = status
        self.registeredAt = registeredAt
        self.incarnation = incarnation
    }
}

public struct TopicConfiguration: Equatable, Sendable {
    public var retentionMs: Int64
    public var retentionBytes: Int64
    public var segmentBytes: Int64
    public var compressionType: String
    public var minInsyncReplicas: Int

    public init(
        retentionMs: Int64 = 604_800_000, retentionBytes: Int64 = -1, segmentBytes: Int64 = 1_073_741_824,
        compressionType: String = "none", minInsyncReplicas: Int = 1
    ) {
        self.retentionMs = retentionMs
        self.retentionBytes = retentionBytes
        self.segmentBytes = segmentBytes
        self.compressionType = compressionType
        self.minInsyncReplicas = minInsyncReplicas
    }
}

public struct Partition: Equatable, Sendable {
    public var id: Int
    /// `nil` while no in-sync replica is ONLINE.
    public var leader: BrokerID?
    /// All assigned replicas in order of assignment, the first leader first, then those that are about to go. (Clients see them
    /// without the leader.)
    public var replicas: [BrokerID]
    /// Starts with the leader while there is one.
    public var inSyncReplicas: [BrokerID]
    /// +1 with every other leader, with every time there is none, and when replicas go.
    public var leaderEpoch: Int
    /// +1 with every change of the partition; 0 before level ``MetadataStateMachine/topicIDLevel``.
    public var partitionEpoch: Int
    /// `nil` of one that is where it is to be.
    public var reassignment: Reassignment?

    public init(
        id: Int, leader: BrokerID?, replicas: [BrokerID], inSyncReplicas: [BrokerID], leaderEpoch: Int,
        partitionEpoch: Int = 0, reassignment: Reassignment? = nil
    ) {
        self.reassignment = reassignment
        self.id = id
        self.leader = leader
        self.replicas = replicas
        self.inSyncReplicas = inSyncReplicas
        self.leaderEpoch = leaderEpoch
        self.partitionEpoch = partitionEpoch
    }
}

/// A topic without its partitions.
public struct Topic: Equatable, Sendable {
    public var name: String
    public var partitionCount: Int
    public var replicationFactor: Int
    /// Unix milliseconds.
    public var createdAt: Int64
    public var configuration: TopicConfiguration
    /// `nil` of one that was created before level ``MetadataStateMachine/topicIDLevel``.
    public var drawnID: TopicID?

    public init(
        name: String, partitionCount: Int, replicationFactor: Int, createdAt: Int64,
        configuration: TopicConfiguration, drawnID: TopicID? = nil
    ) {
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.createdAt = createdAt
        self.configuration = configuration
        self.drawnID = drawnID
    }
}
