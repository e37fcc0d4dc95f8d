// A digest of the state is the sum of its rows' hashes: a change subtracts the old row's hash and adds the new one's,
// whatever the order of changes was. The first word of every row is its kind.

private enum RowKind {
    static let counters: UInt64 = 0
    static let broker: UInt64 = 1
    static let topic: UInt64 = 2
    static let partition: UInt64 = 3
    static let keyValue: UInt64 = 4
    static let pastVersion: UInt64 = 5
    static let lease: UInt64 = 6
    static let group: UInt64 = 7
}

extension Digest {
    @inline(__always)
    mutating func add(_ other: Digest) {
        high &+= other.high
        low &+= other.low
    }

    @inline(__always)
    mutating func subtract(_ other: Digest) {
        high &-= other.high
        low &-= other.low
    }

    init(_ counters: Counters) {
        var hasher = RowHasher()
        hasher.combine(RowKind.counters, counters.version)
        hasher.combine(counters.revision, counters.partitionsCreated)
        hasher.combine(counters.clusterID)
        // The release before knew no members: without them the digest is as it was.
        if let members = counters.members {
            hasher.combine(members.index, 0)
            hasher.combine(members.text)
        }
        // Nor levels.
        if counters.level > 1 { hasher.combine(UInt64(counters.level), counters.horizon) }
        if counters.placementLevel > 1 { hasher.combine(UInt64(counters.placementLevel), 0) }
        if counters.nextProducerID > 0 { hasher.combine(counters.nextProducerID, 1) }
        self = hasher.finalize()
    }

    init(_ broker: Broker) {
        var hasher = RowHasher()
        hasher.combine(RowKind.broker, UInt64(bitPattern: broker.id))
        hasher.combine(Int64(broker.port), broker.registeredAt)
        hasher.combine(broker.status == .online ? 1 : 0 as UInt64, 0)
        hasher.combine(broker.host)
        hasher.combine(broker.rack)
        // The release before knew none.
        if let incarnation = broker.incarnation {
            hasher.combine(incarnation.epoch, incarnation.shutdownVersion ?? 0)
            hasher.combine(incarnation.id)
            hasher.combine(incarnation.state.rawValue)
            if incarnation.fetches { hasher.combine(1 as UInt64, 0) }
        }
        // Nor a restriction.
        if !broker.restrictions.isEmpty { hasher.combine(UInt64(broker.restrictions.rawValue), 2) }
        self = hasher.finalize()
    }

    init(_ topic: Topic) {
        var hasher = RowHasher()
        hasher.combine(RowKind.topic, UInt64(bitPattern: topic.createdAt))
        hasher.combine(Int64(topic.partitionCount), Int64(topic.replicationFactor))
        hasher.combine(topic.configuration.retentionMs, topic.configuration.retentionBytes)
        hasher.combine(topic.configuration.segmentBytes, Int64(topic.configuration.minInsyncReplicas))
        hasher.combine(topic.configuration.compressionType)
        hasher.combine(topic.name)
        // The release before knew none.
        if let id = topic.drawnID { hasher.combine(id.high, id.low) }
        self = hasher.finalize()
    }

    init(_ partition: Partition, topic: String) {
        var hasher = RowHasher()
        hasher.combine(RowKind.partition, UInt64(bitPattern: Int64(partition.id)))
        hasher.combine(partition.leader ?? 0, partition.leader == nil ? 0 : 1)
        // The release before knew no other epoch.
        hasher.combine(Int64(partition.leaderEpoch), Int64(partition.partitionEpoch))
        hasher.combine(partition.replicas)
        hasher.combine(partition.inSyncReplicas)
        hasher.combine(topic)
        // The release before knew none.
        if let reassignment = partition.reassignment {
            hasher.combine(reassignment.adding)
            hasher.combine(reassignment.removing)
            hasher.combine(reassignment.original)
            hasher.combine(reassignment.startedAt, 0)
        }
        self = hasher.finalize()
    }

    init(_ lease: Lease) {
        var hasher = RowHasher()
        hasher.combine(RowKind.lease, UInt64(bitPattern: lease.id))
        hasher.combine(lease.ttlSeconds, 0)
        self = hasher.finalize()
    }

    init(_ group: ConsumerGroup) {
        var hasher = RowHasher()
        hasher.combine(RowKind.group, UInt64(bitPattern: group.leader))
        hasher.combine(group.createdAt, group.modifiedAt)
        hasher.combine(group.topic)
        hasher.combine(group.appID)
        self = hasher.finalize()
    }

    init(sum pairs: some Sequence<KeyValue>) {
        self.init()
        for pair in pairs { add(Digest(pair)) }
    }

    @inline(__always)
    init(_ pair: KeyValue) {
        var hasher = RowHasher()
        hasher.combine(RowKind.keyValue, pair.version)
        hasher.combine(pair.createRevision, pair.modRevision)
        hasher.combine(UInt64(pair.key.bytes.count), UInt64(pair.value.count))
        pair.key.bytes.withUnsafeBytes { hasher.combine(contentOf: $0) }
        pair.value.withUnsafeBytes { hasher.combine(contentOf: $0) }
        // The release before knew neither.
        if !pair.isPlain { hasher.combine(UInt64(bitPattern: pair.lease ?? 0), UInt64(pair.place)) }
        self = hasher.finalize()
    }

    /// Of `count` versions that one revision ended, `versions` being the sum of their digests: linear in it, so that a
    /// subtree that is deleted as a whole need not be looked at.
    init(past versions: Digest, count: Int, ended: UInt64, isDeletion: Bool) {
        self.init()
        guard count > 0 else { return }
        var hasher = RowHasher()
        hasher.combine(RowKind.pastVersion, ended)
        hasher.combine(isDeletion ? 1 : 0 as UInt64, 0)
        let factor = hasher.finalize()
        high = versions.high &* (factor.high | 1) &+ factor.low &* UInt64(count)
        low = versions.low &* (factor.low | 1) &+ factor.high &* UInt64(count)
    }
}
