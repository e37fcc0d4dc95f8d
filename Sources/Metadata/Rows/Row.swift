/// A row of the replicated state: the unit of storage, snapshots and the digest.
public enum Row: Equatable, Sendable {
    case broker(Broker)
    case topic(Topic)
    case partition(topic: String, Partition)
    case lease(Lease)
    case group(ConsumerGroup)
    case keyValue(KeyValue)
    case pastVersion(PastVersion)

    public var key: RowKey {
        switch self {
        case .broker(let broker): .broker(broker.id)
        case .topic(let topic): .topic(topic.name)
        case .partition(let topic, let partition): .partition(topic: topic, id: partition.id)
        case .lease(let lease): .lease(lease.id)
        case .group(let group): .group(group.id)
        case .keyValue(let pair): .keyValue(pair.key)
        case .pastVersion(let version): .pastVersion(ended: version.ended, place: version.place)
        }
    }
}

public enum RowKey: Hashable, Sendable {
    case broker(BrokerID)
    case topic(String)
    case partition(topic: String, id: Int)
    case lease(LeaseID)
    case group(String)
    case keyValue(Key)
    case pastVersion(ended: UInt64, place: UInt64)
}

/// A row that differs from what was last taken: its present value, or `nil` when it is gone.
public struct RowChange: Equatable, Sendable {
    public var key: RowKey
    public var row: Row?

    public init(key: RowKey, row: Row?) {
        self.key = key
        self.row = row
    }

    init(_ row: Row) { self.init(key: row.key, row: row) }
}

/// The part of the state that is not in rows.
public struct Counters: Equatable, Sendable {
    /// The name of the cluster, 32 hexadecimal digits; `nil` before the first leader's first entry.
    public var clusterID: String?
    /// +1 for every applied command that changed a broker, topic or partition.
    public var version: UInt64
    /// +1 for every applied command that changed a key.
    public var revision: UInt64
    /// Partitions ever created: where the next topic's assignment starts.
    public var partitionsCreated: UInt64
    /// The level of feature metadata.version that commands are applied at.
    public var level = 1
    /// That of feature placement.version.
    public var placementLevel = 1
    /// The first id of the next block for producers.
    public var nextProducerID: UInt64 = 0
    /// The oldest revision that can be read; 0 before level 2, which has the present one only.
    public var horizon: UInt64 = 0
    /// Who is a member of the cluster, as of the last applied entry; `nil` while no entry has said so.
    public var members: Members?

    /// What the last entry about the members said: consensus's own words, which mean nothing here, and stand in checkpoints and
    /// snapshots.
    public struct Members: Equatable, Sendable {
        /// The entry that said it.
        public var index: UInt64
        public var text: String

        public init(index: UInt64, text: String) {
            self.index = index
            self.text = text
        }
    }

    public init(
        clusterID: String? = nil, version: UInt64 = 0, revision: UInt64 = 0, partitionsCreated: UInt64 = 0,
        members: Members? = nil
    ) {
        self.members = members
        self.clusterID = clusterID
        self.version = version
        self.revision = revision
        self.partitionsCreated = partitionsCreated
    }
}

/// 128 bits that depend on every row and counter, and not on the order of changes that led to them.
public struct Digest: Hashable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64 = 0, low: UInt64 = 0) {
        self.high = high
        self.low = low
    }

    /// 32 hexadecimal digits.
    public var description: String {
        func hex(_ value: UInt64) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return hex(high) + hex(low)
    }
}
