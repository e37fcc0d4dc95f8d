/// A stored row that can not have been written by a state machine: it is damaged, or belongs to another state.
public struct RestoreError: Error, Equatable, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
}

extension MetadataStateMachine {
    /// Puts back a stored row. A row that contradicts those before it (a partition without its topic) is an error.
    ///
    /// Rows come as ``forEachRow(_:)`` gives them: brokers and topics before partitions, the partitions of a topic in
    /// ascending id, leases before keys, groups behind brokers. Rows in ascending order are put back fastest. They do not count as changed. Whether all rows are
    /// there only the ``digest`` can tell.
    public mutating func restore(_ row: Row) throws(RestoreError) {
        switch row {
        case .broker(let broker): try restore(broker)
        case .topic(let topic): try restore(topic)
        case .partition(let topic, let partition): try restore(partition, topic: topic)
        case .lease(let lease): try restore(lease)
        case .group(let group): try restore(group)
        case .keyValue(let pair): try restore(pair)
        case .pastVersion(let version): try restore(version)
        }
    }

    /// All rows are back. Must be called before anything else is asked of a state that was restored; rows of a history that
    /// do not fit together are an error.
    public mutating func finishRestoration() throws(RestoreError) {
        if keepsHistory { history = try restoring.history(counters) }
        restoring = RestoringHistory()
    }

    private mutating func restore(_ version: PastVersion) throws(RestoreError) {
        guard keepsHistory else {
            throw RestoreError(description: "A past version is stored, but level \(counters.level) has none.")
        }
        // What a compaction has given up is deleted bit by bit.
        guard version.ended > counters.horizon else { return }
        try checkKey(version.pair.key)
        try restoring.add(version, counters)
    }

    private func checkKey(_ key: Key) throws(RestoreError) {
        do throws(KeyError) {
            _ = keepsHistory ? try Key.validateLength(key.bytes) : try Key.validate(key.bytes)
        } catch {
            throw RestoreError(description: "The stored key “\(key)” is none. \(error)")
        }
    }

    private mutating func restore(_ broker: Broker) throws(RestoreError) {
        let index = brokerRows.partitioningIndex { $0.id >= broker.id }
        if index < brokerRows.count, brokerRows[index].id == broker.id {
            throw RestoreError(description: "Broker \(broker.id) is stored twice.")
        }
        brokerRows.insert(broker, at: index)
        brokerStamps.insert(counters.version, at: index)
        guard broker.incarnation.map({ knowsIncarnations && $0.state.status == broker.status }) ?? true else {
            throw RestoreError(description: "Broker \(broker.id) has an impossible state.")
        }
        guard broker.restrictions.isEmpty || hasOperations else {
            throw RestoreError(
                description: "Broker \(broker.id) is restricted, but level \(counters.level) knows no restriction.")
        }
        brokerCounts.add(broker)
        placementRing = nil
        ownDigest.add(Digest(broker))
    }

    private mutating func restore(_ topic: Topic) throws(RestoreError) {
        guard Topic.isValidName(topic.name) else {
            throw RestoreError(description: "“\(topic.name)” is no topic name.")
        }
        guard Topic.partitionCounts.contains(topic.partitionCount),
            (1...Partition.maximumReplicas).contains(topic.replicationFactor)
        else {
            throw RestoreError(
                description: "Topic \(topic.name) can not have \(topic.partitionCount) partitions "
                    + "with \(topic.replicationFactor) replicas.")
        }
        guard topicIndex(topic.name) == nil, topicIndex(topic.id) == nil else {
            throw RestoreError(description: "Topic \(topic.name), or its id, is stored twice.")
        }
        guard topic.drawnID == nil || drawsTopicIDs else {
            throw RestoreError(description: "Topic \(topic.name) has an id, but level \(counters.level) has none.")
        }
        let number = replicaIndex.number(for: topic)
        topicRows.insert(TopicRows(topic: topic, partitions: [], number: number, at: counters.version))
        ownDigest.add(Digest(topic))
    }

    private mutating func restore(_ partition: Partition, topic name: String) throws(RestoreError) {
        let text = "Partition \(partition.id) of topic \(name)"
        guard let index = topicIndex(name) else {
            throw RestoreError(description: "\(text) is stored, its topic is not.")
        }
        let (topic, next) = (topicRows[index].topic, topicRows[index].partitions.count)
        guard partition.id == next, next < topic.partitionCount else {
            throw RestoreError(
                description: "\(text) is stored where partition \(next) of \(topic.partitionCount) is due.")
        }
        if let defect = defect(of: partition, in: topic) { throw RestoreError(description: "\(text) \(defect).") }
        topicRows.append(partition, at: index)
        replicaIndex.insert(partition, of: topicRows[index].number)
        ownDigest.add(Digest(partition, topic: name))
    }

    /// What is impossible about a partition; `nil` if nothing is.
    private func defect(of partition: Partition, in topic: Topic) -> String? {
        let replicas = partition.replicas
        let inSync = partition.inSyncReplicas
        let isCounted = hasOperations ? !replicas.isEmpty : replicas.count == topic.replicationFactor
        if !isCounted || Set(replicas).count != replicas.count {
            return "does not have \(topic.replicationFactor) different replicas: \(replicas)"
        }
        if let reassignment = partition.reassignment {
            if !hasOperations { return "is reassigned, but level \(counters.level) knows no reassignment" }
            if let flaw = reassignment.flaw(among: replicas) { return flaw }
        }
        if let missing = replicas.first(where: { brokerIndex($0) == nil }) {
            return "has a replica on broker \(missing), which is not stored"
        }
        if inSync.isEmpty || Set(inSync).count != inSync.count || !Set(inSync).isSubset(of: replicas) {
            return "has the in-sync replicas \(inSync), which are not some of its replicas \(replicas)"
        }
        if let leader = partition.leader, leader != inSync[0] || !isActive(leader) {
            return "is led by broker \(leader), which is not ACTIVE or not the first of its in-sync replicas \(inSync)"
        }
        if !(0..<Int.max).contains(partition.leaderEpoch) {
            return "has the leader epoch \(partition.leaderEpoch)"
        }
        if !(0..<(drawsTopicIDs ? Int.max : 1)).contains(partition.partitionEpoch) {
            return "has the partition epoch \(partition.partitionEpoch) at level \(counters.level)"
        }
        return nil
    }

    private mutating func restore(_ lease: Lease) throws(RestoreError) {
        guard lease.isValid, leases[lease.id] == nil else {
            throw RestoreError(description: "Lease \(lease.id) is stored twice, or has an impossible id or time.")
        }
        leases.insert(lease)
        ownDigest.add(Digest(lease))
    }

    private mutating func restore(_ group: ConsumerGroup) throws(RestoreError) {
        guard hasOperations, Topic.isValidName(group.topic), ConsumerGroup.isValidAppID(group.appID) else {
            throw RestoreError(description: "Group \(group.id) is stored, which level \(counters.level) does not have.")
        }
        guard groups[group.id] == nil else { throw RestoreError(description: "Group \(group.id) is stored twice.") }
        guard isActive(group.leader) || brokerCounts[.active] == 0 else {
            throw RestoreError(description: "Group \(group.id) is led by broker \(group.leader), which is not ACTIVE.")
        }
        groups.put(group, at: counters.version)
        ownDigest.add(Digest(group))
    }

    private mutating func restore(_ pair: KeyValue) throws(RestoreError) {
        try checkKey(pair.key)
        guard pair.isPlausible(at: counters.revision) else {
            throw RestoreError(
                description: "The key \(pair.key) has the impossible revisions \(pair.createRevision), "
                    + "\(pair.modRevision) and version \(pair.version) at revision \(counters.revision).")
        }
        if let lease = pair.lease {
            guard leases[lease] != nil else {
                throw RestoreError(description: "The key \(pair.key) has lease \(lease), which is not stored.")
            }
            leases.attach(pair.key, to: lease)
        }
        if let last = keys.last, !(last < pair.key) {
            guard keys[pair.key] == nil else {
                throw RestoreError(description: "The key \(pair.key) is stored twice.")
            }
            keys.insert(pair)
        } else {
            keys.append(pair)
        }
        if keepsHistory, pair.modRevision > counters.horizon { restoring.add(written: pair) }
    }
}

extension KeyValue {
    /// Whether it can have come about by `revision`.
    func isPlausible(at revision: UInt64) -> Bool {
        createRevision >= 1 && createRevision <= modRevision && modRevision <= revision && version >= 1
            && version <= modRevision
    }
}
