/// What a broker says of the in-sync replicas of partitions that it leads (KIP-497): it alone knows who follows it.
public struct AlterPartitions: Equatable, Sendable {
    public var broker: BrokerID
    /// The registration that speaks.
    public var epoch: UInt64
    public var changes: [Change]

    public init(broker: BrokerID, epoch: UInt64, changes: [Change]) {
        (self.broker, self.epoch, self.changes) = (broker, epoch, changes)
    }

    public struct Change: Equatable, Sendable {
        public var topic: TopicReference
        public var partition: Int
        /// Those of the row that the leader knows.
        public var leaderEpoch: Int
        public var partitionEpoch: Int
        public var inSync: [Member]

        public init(
            topic: TopicReference, partition: Int, leaderEpoch: Int, partitionEpoch: Int, inSync: [Member]
        ) {
            (self.topic, self.partition, self.inSync) = (topic, partition, inSync)
            (self.leaderEpoch, self.partitionEpoch) = (leaderEpoch, partitionEpoch)
        }
    }

    public struct Member: Equatable, Sendable {
        public var id: BrokerID
        /// The registration that the leader fetched from it for (KIP-903); `nil` if it does not say.
        public var epoch: UInt64?

        public init(_ id: BrokerID, epoch: UInt64? = nil) { (self.id, self.epoch) = (id, epoch) }
    }
}
