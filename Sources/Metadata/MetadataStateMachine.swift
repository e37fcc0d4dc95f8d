import Defects

/// The replicated state machine: brokers, topics with their partitions, and key-values.
///
/// A value. ``apply(_:timestamp:)`` is a pure function of the state, the command and the entry's timestamp: no clock, no
/// randomness, and no order that comes from hashing reaches a result. A copy costs nothing and is a consistent image.
public struct MetadataStateMachine: Sendable {
    public internal(set) var counters: Counters {
        didSet {
            ownDigest.subtract(countersDigest)
            countersDigest = Digest(counters)
            ownDigest.add(countersDigest)
        }
    }

    /// In ascending id.
    var brokerRows: [Broker] = []
    /// In ascending name.
    var topicRows = TopicTable()
    var keys = KeyTree()
    var leases = LeaseTable()
    var groups = GroupTable()
    /// Of the keys, while it is kept.
    public internal(set) var history: KeyHistory
    /// While rows are put back; see ``finishRestoration()``.
    var restoring = RestoringHistory()
    /// The digest of all rows and counters: the sum of their hashes.
    public var digest: Digest {
        var sum = ownDigest
        sum.add(keys.digest)
        sum.add(history.digest)
        return sum
    }
    /// Of all but the keys and their history, which have digests of their own.
    var ownDigest: Digest
    private var countersDigest: Digest
    var changedRows: ChangedRows

    // Derived from the rows, and no part of the digest.

    var replicaIndex = ReplicaIndex()
    var brokerCounts = BrokerCounts()
    /// The version at which each of ``brokerRows`` last changed.
    var brokerStamps: [UInt64] = []
    var removals: Removals
    /// What the version is behind the present command, if that changes a broker, topic or partition.
    var nextVersion: UInt64
    /// `nil` when a broker changed since the last topic was created.
    var placementRing: PlacementRing?

    /// An empty state, or, with what was stored, the start of a restoration by ``restore(_:)``.
    public init(counters: Counters = Counters()) {
        self.counters = counters
        if Defect.revisionReused.isOn, counters.revision > 0 { self.counters.revision -= 1 }
        if Defect.producerIDsReused.isOn { self.counters.nextProducerID /= 2 }
        history = KeyHistory(horizon: counters.horizon)
        removals = Removals(floor: counters.version)
        nextVersion = counters.version
        self.changedRows = ChangedRows(takenRevision: counters.revision)
        countersDigest = Digest(self.counters)
        ownDigest = countersDigest
    }

    /// Applies one committed command. `timestamp` is the entry's, in Unix milliseconds. A command that the state does not
    /// admit is refused and changes nothing.
    ///
    /// Changes come in a fixed order: the broker's or topic's own first, then partitions by topic name and id, groups behind
    /// them, or keys in byte order. ``UpdateInSyncReplicas`` reports its partitions in its own order, a transaction its keys.
    public mutating func apply(_ command: Command, timestamp: Int64) -> Outcome {
        nextVersion = counters.version + 1
        return switch command {
        case .put(let put): apply(put)
        case .delete(let delete): apply(delete)
        case .updateInSyncReplicas(let update): apply(update)
        case .updateBrokerStatus(let update): movingGroups(of: update.id, timestamp, apply(update))
        case .registerBroker(let registration):
            movingGroups(of: registration.id, timestamp, apply(registration, timestamp: timestamp))
        case .unregisterBroker(let id): movingGroups(of: id, timestamp, unregisterBroker(id))
        case .createTopic(let creation): apply(creation, timestamp: timestamp)
        case .deleteTopic(let deletion): apply(deletion)
        case .noop(let clusterID): open(clusterID: clusterID)
        case .transaction(let transaction): apply(transaction)
        case .keepLeasesAlive(let ids): keepAlive(ids)
        case .grantLease(let lease): grant(lease)
        case .revokeLease(let id): revokeLease(id)
        case .compactHistory(let revision): compactHistory(through: revision)
        case .raiseLevel(let feature, let level): raiseLevel(of: feature, to: level)
        case .changeBrokerState(let change): movingGroups(of: change.id, timestamp, apply(change))
        case .alterPartitions(let alteration): apply(alteration)
        case .electLeaders(let election): apply(election)
        case .createPartitions(let creation): apply(creation)
        case .restrictBroker(let request): apply(request)
        case .alterReassignments(let alteration): apply(alteration, timestamp: timestamp)
        case .group(let command): apply(command, timestamp: timestamp)
        case .allocateProducerIDs(let allocation): apply(allocation)
        }
    }

    /// What a command comes to that would change nothing; `nil` if it must be applied, or if only that tells.
    public func resultIfUnchanged(_ command: Command) -> CommandResult? {
        switch command {
        case .alterReassignments(let alteration): resultIfUnchanged(alteration)
        case .createPartitions(let creation): resultIfUnchanged(creation)
        case .group(let command): resultIfUnchanged(command)
        case .allocateProducerIDs(let allocation): refusal(of: allocation).map { .refused($0) }
        case .restrictBroker(let request): resultIfUnchanged(request)
        default: nil
        }
    }

    /// An applied entry said that these are the members.
    public mutating func adopt(_ members: Counters.Members) -> Outcome {
        counters.members = members
        return Outcome(result: .done)
    }

    /// The first name stays: a leader that did not know of it yet can not rename the cluster.
    private mutating func open(clusterID: String?) -> Outcome {
        if counters.clusterID == nil { counters.clusterID = clusterID }
        return Outcome(result: .done)
    }
}

extension Outcome {
    static func refused(_ refusal: Refusal) -> Outcome { Outcome(result: .refused(refusal)) }
}

extension MetadataStateMachine {
    /// How many rows ``takeChangedRows()`` would return at most: a key that went and came again counts as two.
    public var changedRowCount: Int { changedRows.count }

    /// The rows that changed since the last call (or since the restoration), each once with its present value: brokers,
    /// topics, partitions, leases, groups, then keys, in ascending order; past versions behind them. A row that came and went in between is
    /// reported as gone. Past versions are never reported as gone: the horizon among the counters says it.
    public mutating func takeChangedRows() -> [RowChange] {
        let taken = changedRows
        changedRows = ChangedRows(takenRevision: counters.revision)
        let present = taken.rowKeys().map { RowChange(key: $0, row: row($0)) }
        if Defect.pastNotStored.isOn { return present }
        return present + PastVersions(history, after: taken.takenRevision).map { RowChange(.pastVersion($0)) }
    }

    func row(_ key: RowKey) -> Row? {
        switch key {
        case .broker(let id): broker(id).map { Row.broker($0) }
        case .topic(let name): topicIndex(name).map { Row.topic(topicRows[$0].topic) }
        case .partition(let topic, let id): partition(topic, id).map { Row.partition(topic: topic, $0) }
        case .lease(let id): leases[id].map { Row.lease($0) }
        case .group(let id): groups[id].map { Row.group($0) }
        case .keyValue(let key): keys[key].map { Row.keyValue($0) }
        case .pastVersion: preconditionFailure("past versions are handed out in order")
        }
    }

    /// All rows: brokers, topics, partitions, leases, groups, keys, then their past versions, each in ascending order. ``restore(_:)`` takes them in this order.
    public func forEachRow(_ body: (Row) -> Void) {
        for broker in brokerRows { body(.broker(broker)) }
        for rows in topicRows { body(.topic(rows.topic)) }
        for rows in topicRows {
            for partition in rows.partitions { body(.partition(topic: rows.topic.name, partition)) }
        }
        for lease in leases.sorted { body(.lease(lease)) }
        for group in groups { body(.group(group)) }
        keys.visitAll { body(.keyValue($0)) }
        for version in PastVersions(history, after: history.horizon) { body(.pastVersion(version)) }
    }
}
