import Metadata
import Raft

/// A broker registers (contract §3).
public struct BrokerRegistration: Sendable, Equatable {
    public var broker: RegisterBroker
    /// The process that registers; `nil` of a broker without incarnation, which has no epoch and is never fenced.
    public var incarnation: String?
    /// The cluster that it takes this for.
    public var clusterID: String?
    /// The process whose place it takes, as shown by whoever has what only that process could hold.
    public var successorOf: String?
    /// It follows the changes by itself.
    public var fetches: Bool

    public init(
        _ broker: RegisterBroker, incarnation: String? = nil, clusterID: String? = nil, successorOf: String? = nil,
        fetches: Bool = false
    ) {
        self.broker = broker
        self.incarnation = incarnation
        self.clusterID = clusterID
        self.fetches = fetches
        self.successorOf = successorOf
    }
}

/// What brokers are told of the time that they have.
public struct BrokerTiming: Sendable, Equatable {
    /// A broker that is silent for longer is taken for dead.
    public var session: Duration
    /// How often it should be heard.
    public var heartbeat: Duration

    public init(session: Duration, heartbeat: Duration) {
        self.session = session
        self.heartbeat = heartbeat
    }
}

public enum RegistrationOutcome: Sendable, Equatable {
    case registered(Broker, isNew: Bool)
    case refused(Refusal)
    /// Another process has the id, and may be alive for that long.
    case duplicate(Broker, remaining: Duration)
    case otherCluster(String?)
}

/// A broker's heartbeat (contract §4).
public struct Heartbeat: Sendable, Equatable {
    public var broker: BrokerID
    /// Of the registration that beats; `nil` of one without incarnation.
    public var epoch: UInt64?
    /// What the broker has heard of.
    public var metadataVersion: UInt64?
    /// It is not to lead or be in sync.
    public var wantsFence: Bool
    /// It is about to stop.
    public var wantsShutdown: Bool

    public init(
        broker: BrokerID, epoch: UInt64? = nil, metadataVersion: UInt64? = nil, wantsFence: Bool = false,
        wantsShutdown: Bool = false
    ) {
        self.broker = broker
        self.epoch = epoch
        self.metadataVersion = metadataVersion
        self.wantsFence = wantsFence
        self.wantsShutdown = wantsShutdown
    }
}

public enum HeartbeatOutcome: Sendable {
    case acknowledged(HeartbeatAnswer)
    case refused(Refusal)
}

public struct HeartbeatAnswer: Sendable {
    public var version: UInt64
    public var term: Term
    /// What became of the registration that beats.
    public var incarnation: BrokerIncarnation?

    public init(version: UInt64, term: Term, incarnation: BrokerIncarnation? = nil) {
        self.version = version
        self.term = term
        self.incarnation = incarnation
    }
}

/// The report of a follower broker on its replicas (contract §5).
public struct LagReport: Sendable {
    public struct PartitionLag: Sendable {
        public var topic: String
        public var partition: Int
        public var offsetLag: Int64
        public var timeSinceCaughtUp: Int64
        public var isOutOfSync: Bool
        /// The leadership that it follows; `nil` if it does not say.
        public var leaderEpoch: Int?

        public init(
            topic: String, partition: Int, offsetLag: Int64, timeSinceCaughtUp: Int64, isOutOfSync: Bool,
            leaderEpoch: Int? = nil
        ) {
            self.leaderEpoch = leaderEpoch
            self.topic = topic
            self.partition = partition
            self.offsetLag = offsetLag
            self.timeSinceCaughtUp = timeSinceCaughtUp
            self.isOutOfSync = isOutOfSync
        }
    }
    public var broker: BrokerID
    /// Of the registration that reports; `nil` of one without incarnation.
    public var epoch: UInt64?
    public var partitions: [PartitionLag]
    public init(broker: BrokerID, epoch: UInt64? = nil, partitions: [PartitionLag]) {
        self.broker = broker
        self.epoch = epoch
        self.partitions = partitions
    }
}
