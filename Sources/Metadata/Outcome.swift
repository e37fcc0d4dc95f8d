/// What applying one command came to: an answer for the client that waits, and what changed, for watchers.
public struct Outcome: Equatable, Sendable {
    public var result: CommandResult
    public var changes: [Change]

    public init(result: CommandResult, changes: [Change] = []) {
        self.result = result
        self.changes = changes
    }
}

/// The answer to a command. A refusal is a result like any other: every node reaches the same one.
public enum CommandResult: Equatable, Sendable {
    case done
    /// `isNew` is false when the same registration was repeated.
    case broker(Broker, isNew: Bool)
    case topic(Topic, [Partition], isNew: Bool)
    case put(modRevision: UInt64, version: UInt64)
    case deleted(count: Int, revision: UInt64)
    /// `revision` is the store's behind it.
    case transaction(TransactionResult, revision: UInt64)
    case lease(Lease)
    /// One for each that was asked for, in its order; `version` is the metadata's behind it.
    case partitions([PartitionResult], version: UInt64)
    /// `leader` is `nil` of one whose broker was unregistered while no other was ACTIVE.
    case group(ConsumerGroup, leader: Broker?)
    case producerIDs(first: UInt64, count: UInt64)
    case refused(Refusal)
}

public enum Refusal: Error, Equatable, Sendable {
    case brokerIDInUse(Broker)
    case unknownBroker(BrokerID)
    /// The process that asks was replaced; the present registration's epoch, `nil` of one without.
    case staleBrokerEpoch(BrokerID, present: UInt64?)
    /// Another process has the id, and may be alive.
    case duplicateRegistration(Broker)
    case brokerHasPartitions(BrokerID, count: Int)
    /// Another broker is in maintenance.
    case maintenanceInProgress(BrokerID)
    case notEnoughBrokers(online: Int, wanted: Int)
    case topicExists(String)
    case unknownTopic(String)
    /// The topic of that name is another one.
    case topicIDMismatch(String, present: TopicID)
    /// There is a topic whose name differs only in `.` and `_`.
    case topicNameCollision(String)
    /// The topic has so many partitions, and can not have fewer, or as many as were asked for.
    case invalidPartitions(String, present: Int)
    case invalidReplicaAssignment(String)
    case tooManyReplicas(limit: Int)
    case unknownKey(Key)
    /// The key's present mod revision; `nil` when it does not exist.
    case revisionMismatch(present: UInt64?)
    /// The revision is not kept any more; `oldest` is the first that is.
    case revisionCompacted(oldest: UInt64)
    case futureRevision(present: UInt64)
    case unknownLease(LeaseID)
    case leaseExists(LeaseID)
    case tooManyLeases(limit: Int)
    /// So many keys hang on the lease.
    case leaseIsFull(LeaseID, limit: Int)
    case unknownGroup(String)
    /// Another broker leads it.
    case notGroupLeader(String, leader: BrokerID)
    /// The group of that id is of another topic and application.
    case groupIDCollision(String)
    case tooManyGroups(limit: Int)
    /// No broker is ACTIVE.
    case noGroupLeader
    case brokerNotActive(Broker)
    /// So many are not left.
    case producerIDsExhausted
    /// Somebody else holds the lock.
    case staleFence
    /// The entry's bytes are no command this version knows, or its values are none that may be proposed.
    case invalidCommand
}

/// One thing that a command changed.
public enum Change: Equatable, Sendable {
    case brokerRegistered(BrokerID)
    case brokerMoved(BrokerID)
    case brokerOnline(BrokerID)
    case brokerOffline(BrokerID)
    case brokerUnregistered(BrokerID)
    /// Its incarnation, or the state of that.
    case brokerStateChanged(BrokerID)
    case topicCreated(String)
    case topicDeleted(String)
    /// It has more partitions.
    case partitionsCreated(topic: String)
    /// The partition has another leader (or none).
    case leaderChanged(topic: String, partition: Int)
    /// It has other replicas, or is on its way to others, under the same leader.
    case replicasChanged(topic: String, partition: Int)
    /// Only the in-sync replicas changed.
    case inSyncReplicasChanged(topic: String, partition: Int)
    /// Which groups there are, or who leads them.
    case groupsChanged
    /// `previous` is `nil` for a new key.
    case keyPut(KeyValue, previous: KeyValue?)
    /// What was deleted.
    case keyDeleted(KeyValue)
    /// What a recursive delete deleted.
    case keysDeleted(DeletedKeys)
}
