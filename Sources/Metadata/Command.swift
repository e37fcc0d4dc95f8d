/// A change of the replicated state, as it stands in the log. Its values were checked before it was proposed; what
/// depends on the state is decided when it is applied.
public enum Command: Equatable, Sendable {
    /// Opens a leader's term. `clusterID` names the cluster if it has no name yet (32 hexadecimal digits).
    case noop(clusterID: String?)
    case registerBroker(RegisterBroker)
    case unregisterBroker(BrokerID)
    case updateBrokerStatus(UpdateBrokerStatus)
    case createTopic(CreateTopic)
    case deleteTopic(DeleteTopic)
    case updateInSyncReplicas(UpdateInSyncReplicas)
    case put(Put)
    case delete(Delete)
    /// From here on commands are applied at that level of the feature.
    case raiseLevel(of: Feature = .metadata, to: Int)
    // From level 2 on

    /// Gives up the past before `through`, which becomes the oldest revision that can be read.
    case compactHistory(through: UInt64)
    case transaction(Transaction)
    case grantLease(Lease)
    case revokeLease(LeaseID)
    /// From when it is applied each of them has its whole time before it again.
    case keepLeasesAlive([LeaseID])
    // From level 3 on

    case changeBrokerState(ChangeBrokerState)
    // From level 4 on

    case alterPartitions(AlterPartitions)
    case electLeaders(ElectLeaders)
    // From level 5 on

    case alterReassignments(AlterReassignments)
    case createPartitions(CreatePartitions)
    case group(GroupCommand)
    case allocateProducerIDs(AllocateProducerIDs)
    case restrictBroker(RestrictBroker)
}

extension Command {
    /// The name of ``raiseLevel(of:to:)`` in the log. Storage knows it too: programs without levels must not open what it is in.
    public static let levelType = "FeatureLevelCommand"
}

public struct RegisterBroker: Equatable, Sendable {
    public var id: BrokerID
    public var host: String
    public var port: Int
    public var rack: String?
    /// From level 3 on; below, it is passed over.
    public var incarnation: Incarnation?
    /// The epoch of the registration whose process the leader took for dead, 0 if that had none. Another one may have come
    /// between.
    public var replacing: UInt64

    /// The process that registers.
    public struct Incarnation: Equatable, Sendable {
        public var id: String
        /// The leader was shown that the process before is gone: it knew what only that one did, or listens where that one did.
        public var isSuccessor: Bool
        /// It follows the changes by itself; passed over before level 4.
        public var fetches: Bool

        public init(id: String, isSuccessor: Bool = false, fetches: Bool = false) {
            self.fetches = fetches
            self.id = id
            self.isSuccessor = isSuccessor
        }
    }

    public init(
        id: BrokerID, host: String, port: Int, rack: String? = nil, incarnation: Incarnation? = nil,
        replacing: UInt64 = 0
    ) {
        self.id = id
        self.host = host
        self.port = port
        self.rack = rack
        self.incarnation = incarnation
        self.replacing = replacing
    }
}

/// Another state for a broker with an incarnation, if it is still that one.
public struct ChangeBrokerState: Equatable, Sendable {
    public var id: BrokerID
    public var epoch: UInt64
    public var state: BrokerState
    /// When the leader decided it, Unix milliseconds.
    public var timestamp: Int64

    public init(id: BrokerID, epoch: UInt64, state: BrokerState, timestamp: Int64) {
        self.id = id
        self.epoch = epoch
        self.state = state
        self.timestamp = timestamp
    }
}

public struct UpdateBrokerStatus: Equatable, Sendable {
    public var id: BrokerID
    public var status: BrokerStatus
    /// When the leader decided it, Unix milliseconds.
    public var timestamp: Int64

    public init(id: BrokerID, status: BrokerStatus, timestamp: Int64) {
        self.id = id
        self.status = status
        self.timestamp = timestamp
    }
}

public struct CreateTopic: Equatable, Sendable {
    public var name: String
    public var partitionCount: Int
    public var replicationFactor: Int
    public var configuration: TopicConfiguration
    /// Drawn by whoever proposes it. Passed over before level 4.
    public var id: TopicID?
    /// The replicas of each partition, the first leader first; `nil` to have them placed. From level 5 on.
    public var assignments: [[BrokerID]]?

    public init(
        name: String, partitionCount: Int, replicationFactor: Int,
        configuration: TopicConfiguration = TopicConfiguration(), id: TopicID? = nil,
        assignments: [[BrokerID]]? = nil
    ) {
        self.assignments = assignments
        self.name = name
        self.partitionCount = partitionCount
        self.replicationFactor = replicationFactor
        self.configuration = configuration
        self.id = id
    }
}

/// More partitions for a topic.
public struct CreatePartitions: Equatable, Sendable {
    public var topic: String
    /// That it is to have then.
    public var partitionCount: Int
    /// The replicas of each new one, the first leader first; `nil` to have them placed.
    public var assignments: [[BrokerID]]?

    public init(topic: String, partitionCount: Int, assignments: [[BrokerID]]? = nil) {
        (self.topic, self.partitionCount, self.assignments) = (topic, partitionCount, assignments)
    }
}

public struct DeleteTopic: Equatable, Sendable {
    public var name: String
    /// Only if it is still that one; from level 4 on.
    public var id: TopicID?

    public init(_ name: String, id: TopicID? = nil) { (self.name, self.id) = (name, id) }
}

/// What one lag report asks for: the reporting broker leaves or joins the in-sync replicas of these partitions.
public struct UpdateInSyncReplicas: Equatable, Sendable {
    public struct Change: Equatable, Sendable {
        public var topic: String
        public var partition: Int
        public var isInSync: Bool
        /// The leadership that the broker follows, if it said so; another one has another view. From level 4 on.
        public var leaderEpoch: Int?

        public init(topic: String, partition: Int, isInSync: Bool, leaderEpoch: Int? = nil) {
            self.topic = topic
            self.partition = partition
            self.isInSync = isInSync
            self.leaderEpoch = leaderEpoch
        }
    }

    public var broker: BrokerID
    /// The registration that reports, if it said so; from level 3 on.
    public var epoch: UInt64?
    public var changes: [Change]

    public init(broker: BrokerID, epoch: UInt64? = nil, changes: [Change]) {
        self.broker = broker
        self.epoch = epoch
        self.changes = changes
    }
}

/// What must hold of the key when the command is applied (RFC 9110 §13.1 `If-Match`, `If-None-Match: *`).
public enum Precondition: Equatable, Sendable {
    case none
    case modRevision(UInt64)
    case absent
}

public struct Put: Equatable, Sendable {
    public var key: Key
    public var value: [UInt8]
    public var precondition: Precondition

    public init(key: Key, value: [UInt8], precondition: Precondition = .none) {
        self.key = key
        self.value = value
        self.precondition = precondition
    }
}

public struct Delete: Equatable, Sendable {
    /// For a recursive delete the key without the trailing slash; the root is `/`.
    public var key: Key
    /// Delete everything below `key` (not `key` itself).
    public var isRecursive: Bool
    public var precondition: Precondition

    public init(key: Key, isRecursive: Bool = false, precondition: Precondition = .none) {
        self.key = key
        self.isRecursive = isRecursive
        self.precondition = precondition
    }
}
