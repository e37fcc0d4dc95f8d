import Metadata

/// Rows of the state machine as bytes, one behind the other without separators.
public enum RowCodec {
    private enum Kind: UInt8 {
        case broker = 1
        case topic = 2
        case partition = 3
        case keyValue = 4
        case pastVersion = 5
        case lease = 6
        /// A pair that is not plain, with what the release before did not know.
        case rareKeyValue = 7
        /// With an incarnation.
        case incarnatedBroker = 8
        /// With a drawn id.
        case identifiedTopic = 9
        /// With an epoch of its own.
        case countedPartition = 10
        /// With an incarnation that follows the changes by itself.
        case fetchingBroker = 11
        /// With an epoch of its own, and on the way to other replicas.
        case reassignedPartition = 12
        case group = 13
        /// With restrictions, and perhaps with an incarnation.
        case restrictedBroker = 14
    }

    // MARK: Encoding

    public static func encode(_ row: Row, into bytes: inout [UInt8]) {
        switch row {
        case .broker(let broker):
            bytes.append(kind(of: broker).rawValue)
            append(broker, to: &bytes)
            if !broker.restrictions.isEmpty {
                bytes.append(broker.restrictions.rawValue)
                bytes.appendBool(broker.incarnation != nil)
                if let incarnation = broker.incarnation { bytes.appendBool(incarnation.fetches) }
            }
            if let incarnation = broker.incarnation { append(incarnation, to: &bytes) }
        case .topic(let topic):
            bytes.append(topic.drawnID == nil ? Kind.topic.rawValue : Kind.identifiedTopic.rawValue)
            append(topic, to: &bytes)
            if let id = topic.drawnID {
                bytes.appendVarint(id.high)
                bytes.appendVarint(id.low)
            }
        case .partition(let topic, let partition):
            let kind = kind(of: partition)
            bytes.append(kind.rawValue)
            bytes.appendCounted(topic)
            append(partition, to: &bytes)
            if kind != .partition { bytes.appendVarint(unsigned(partition.partitionEpoch)) }
            if let reassignment = partition.reassignment { append(reassignment, to: &bytes) }
        case .lease(let lease):
            bytes.append(Kind.lease.rawValue)
            bytes.appendVarint(unsigned(lease.id))
            bytes.appendVarint(unsigned(lease.ttlSeconds))
        case .group(let group):
            bytes.append(Kind.group.rawValue)
            append(group, to: &bytes)
        case .keyValue(let pair):
            bytes.append(pair.isPlain ? Kind.keyValue.rawValue : Kind.rareKeyValue.rawValue)
            if !pair.isPlain { appendRare(pair, to: &bytes) }
            append(pair, to: &bytes)
        case .pastVersion(let version):
            bytes.append(Kind.pastVersion.rawValue)
            bytes.appendVarint(version.ended)
            bytes.appendVarint(version.place)
            bytes.appendBool(version.isDeletion)
            appendRare(version.pair, to: &bytes)
            append(version.pair, to: &bytes)
        }
    }

    private static func kind(of broker: Broker) -> Kind {
        if !broker.restrictions.isEmpty { return .restrictedBroker }
        guard let incarnation = broker.incarnation else { return .broker }
        return incarnation.fetches ? .fetchingBroker : .incarnatedBroker
    }

    private static func kind(of partition: Partition) -> Kind {
        if partition.reassignment != nil { return .reassignedPartition }
        return partition.partitionEpoch == 0 ? .partition : .countedPartition
    }

    private static func appendRare(_ pair: KeyValue, to bytes: inout [UInt8]) {
        bytes.appendVarint(unsigned(pair.lease ?? 0))
        bytes.appendVarint(UInt64(pair.place))
    }

    private static func append(_ group: ConsumerGroup, to bytes: inout [UInt8]) {
        bytes.appendCounted(group.topic)
        bytes.appendCounted(group.appID)
        bytes.appendVarint(unsigned(group.leader))
        bytes.appendZigZag(group.createdAt)
        bytes.appendZigZag(group.modifiedAt)
    }

    private static func append(_ pair: KeyValue, to bytes: inout [UInt8]) {
        bytes.appendCounted(pair.key.bytes)
        bytes.appendCounted(pair.value)
        bytes.appendVarint(pair.createRevision)
        bytes.appendVarint(pair.modRevision)
        bytes.appendVarint(pair.version)
    }

    private static func append(_ broker: Broker, to bytes: inout [UInt8]) {
        bytes.appendVarint(unsigned(broker.id))
        bytes.appendCounted(broker.host)
        bytes.appendVarint(unsigned(broker.port))
        bytes.appendOptional(broker.rack)
        bytes.appendBool(broker.status == .online)
        bytes.appendZigZag(broker.registeredAt)
    }

    private static func append(_ incarnation: BrokerIncarnation, to bytes: inout [UInt8]) {
        bytes.appendCounted(incarnation.id)
        bytes.appendVarint(incarnation.epoch)
        bytes.appendCounted(incarnation.state.rawValue)
        // No epoch is 0.
        bytes.appendVarint(incarnation.shutdownVersion ?? 0)
    }

    private static func append(_ topic: Topic, to bytes: inout [UInt8]) {
        bytes.appendCounted(topic.name)
        bytes.appendVarint(unsigned(topic.partitionCount))
        bytes.appendVarint(unsigned(topic.replicationFactor))
        bytes.appendZigZag(topic.createdAt)
        bytes.appendZigZag(topic.configuration.retentionMs)
        bytes.appendZigZag(topic.configuration.retentionBytes)
        bytes.appendZigZag(topic.configuration.segmentBytes)
        bytes.appendCounted(topic.configuration.compressionType)
        bytes.appendVarint(unsigned(topic.configuration.minInsyncReplicas))
    }

    private static func append(_ partition: Partition, to bytes: inout [UInt8]) {
        bytes.appendVarint(unsigned(partition.id))
        // Ids are positive, so 0 is free for "no leader".
        bytes.appendVarint(unsigned(partition.leader ?? 0))
        append(partition.replicas, to: &bytes)
        append(partition.inSyncReplicas, to: &bytes)
        bytes.appendVarint(unsigned(partition.leaderEpoch))
    }

    private static func append(_ reassignment: Reassignment, to bytes: inout [UInt8]) {
        for brokers in [reassignment.adding, reassignment.removing, reassignment.original] {
            append(brokers, to: &bytes)
        }
        bytes.appendZigZag(reassignment.startedAt)
    }

    private static func append(_ brokers: [BrokerID], to bytes: inout [UInt8]) {
        bytes.appendVarint(UInt64(brokers.count))
        for broker in brokers { bytes.appendVarint(unsigned(broker)) }
    }

    /// A row that was damaged on the disk may hold any number. It is sent as it is: the receiver refuses it.
    private static func unsigned(_ number: some FixedWidthInteger) -> UInt64 { UInt64(truncatingIfNeeded: number) }

    // MARK: Decoding

    /// Never traps: whatever the bytes, the answer is rows whose values are all in range, or an error. Whether they
    /// fit together is for the state machine and its digest to say.
    public static func decode(chunk: [UInt8]) throws(WireError) -> [Row] {
        var reader = ByteReader(chunk, subject: "snapshot rows")
        return try decodeRows(&reader)
    }

    static func decodeRows(_ reader: inout ByteReader) throws(WireError) -> [Row] {
        var rows: [Row] = []
        while !reader.isAtEnd { rows.append(try decodeRow(&reader)) }
        return rows
    }

    private static func decodeRow(_ reader: inout ByteReader) throws(WireError) -> Row {
        let kind = try reader.byte()
        switch Kind(rawValue: kind) {
        case .broker: return .broker(try decodeBroker(&reader))
        case .incarnatedBroker, .fetchingBroker:
            var broker = try decodeBroker(&reader)
            broker.incarnation = try decodeIncarnation(&reader)
            broker.incarnation?.fetches = kind == Kind.fetchingBroker.rawValue
            return .broker(broker)
        case .restrictedBroker:
            var broker = try decodeBroker(&reader)
            broker.restrictions = try decodeRestrictions(&reader)
            guard try reader.bool() else { return .broker(broker) }
            let fetches = try reader.bool()
            broker.incarnation = try decodeIncarnation(&reader)
            broker.incarnation?.fetches = fetches
            return .broker(broker)
        case .topic: return .topic(try decodeTopic(&reader))
        case .identifiedTopic:
            var topic = try decodeTopic(&reader)
            topic.drawnID = TopicID(high: try reader.varint(), low: try reader.varint())
            return .topic(topic)
        case .partition: return .partition(topic: try decodeTopicName(&reader), try decodePartition(&reader))
        case .countedPartition, .reassignedPartition:
            let topic = try decodeTopicName(&reader)
            var partition = try decodePartition(&reader)
            partition.partitionEpoch = Int(try reader.varint(in: 1...Limits.counter.upperBound))
            if kind == Kind.reassignedPartition.rawValue { partition.reassignment = try decodeReassignment(&reader) }
            return .partition(topic: topic, partition)
        case .keyValue: return .keyValue(try decodeKeyValue(&reader, isRare: false))
        case .rareKeyValue:
            let pair = try decodeKeyValue(&reader, isRare: true)
            guard !pair.isPlain else { throw reader.error("a plain pair in the form of another") }
            return .keyValue(pair)
        case .lease:
            return .lease(
                Lease(
                    id: LeaseID(try reader.varint(in: Limits.leaseID)),
                    ttlSeconds: Int64(try reader.varint(in: Lease.ttls))))
        case .group: return .group(try decodeGroup(&reader))
        case .pastVersion:
            return .pastVersion(
                PastVersion(
                    ended: try reader.varint(in: Limits.counter), place: try reader.varint(in: Limits.counter),
                    isDeletion: try reader.bool(), pair: try decodeKeyValue(&reader, isRare: true)))
        case nil: throw reader.error("unknown kind of row \(kind)")
        }
    }

    private static func decodeBroker(_ reader: inout ByteReader) throws(WireError) -> Broker {
        Broker(
            id: BrokerID(try reader.varint(in: Limits.id)),
            host: try reader.countedString(maxBytes: Limits.maxNameBytes),
            port: Int(try reader.varint(in: Limits.port)),
            rack: try reader.optionalString(maxBytes: Limits.maxNameBytes),
            status: try reader.bool() ? .online : .offline,
            registeredAt: try reader.zigZag())
    }

    private static func decodeRestrictions(_ reader: inout ByteReader) throws(WireError) -> BrokerRestrictions {
        let restrictions = BrokerRestrictions(rawValue: try reader.byte())
        let known = BrokerRestrictions(BrokerRestrictions.names.map(\.restriction))
        guard !restrictions.isEmpty, restrictions.isSubset(of: known) else {
            throw reader.error("unknown restrictions of a broker")
        }
        return restrictions
    }

    private static func decodeIncarnation(_ reader: inout ByteReader) throws(WireError) -> BrokerIncarnation {
        let id = try reader.countedString(maxBytes: Limits.maxNameBytes)
        guard Limits.isDrawnID(id) else { throw reader.error("malformed incarnation id") }
        let epoch = try reader.varint(in: Limits.counter)
        guard let state = BrokerState(rawValue: try reader.countedString(maxBytes: Limits.maxNameBytes)) else {
            throw reader.error("unknown state of a broker")
        }
        let version = try reader.varint(in: Limits.counter)
        return BrokerIncarnation(
            id: id, epoch: epoch, state: state, shutdownVersion: version == 0 ? nil : version)
    }

    private static func decodeTopic(_ reader: inout ByteReader) throws(WireError) -> Topic {
        Topic(
            name: try decodeTopicName(&reader),
            partitionCount: Int(try reader.varint(in: Limits.partitionCount)),
            replicationFactor: Int(try reader.varint(in: Limits.replicationFactor)),
            createdAt: try reader.zigZag(),
            configuration: TopicConfiguration(
                retentionMs: try reader.zigZag(), retentionBytes: try reader.zigZag(),
                segmentBytes: try reader.zigZag(),
                compressionType: try reader.countedString(maxBytes: Limits.maxNameBytes),
                minInsyncReplicas: Int(try reader.varint(in: Limits.replicationFactor))))
    }

    private static func decodeTopicName(_ reader: inout ByteReader) throws(WireError) -> String {
        let name = try reader.countedString(maxBytes: Limits.maxNameBytes)
        guard Topic.isValidName(name) else { throw reader.error("malformed topic name") }
        return name
    }

    private static func decodePartition(_ reader: inout ByteReader) throws(WireError) -> Partition {
        let id = Int(try reader.varint(in: Limits.partition))
        let leader = BrokerID(try reader.varint(in: Limits.counter))
        return Partition(
            id: id, leader: leader == 0 ? nil : leader, replicas: try decodeBrokers(&reader),
            inSyncReplicas: try decodeBrokers(&reader), leaderEpoch: Int(try reader.varint(in: Limits.counter)))
    }

    private static func decodeReassignment(_ reader: inout ByteReader) throws(WireError) -> Reassignment {
        Reassignment(
            adding: try decodeBrokers(&reader), removing: try decodeBrokers(&reader),
            original: try decodeBrokers(&reader), startedAt: try reader.zigZag())
    }

    private static func decodeBrokers(_ reader: inout ByteReader) throws(WireError) -> [BrokerID] {
        let count = try reader.count(minimumBytes: 1)
        var brokers: [BrokerID] = []
        brokers.reserveCapacity(count)
        for _ in 0..<count { brokers.append(BrokerID(try reader.varint(in: Limits.id))) }
        return brokers
    }

    private static func decodeGroup(_ reader: inout ByteReader) throws(WireError) -> ConsumerGroup {
        let topic = try decodeTopicName(&reader)
        let appID = try reader.countedString(maxBytes: ConsumerGroup.maximumAppIDLength)
        guard ConsumerGroup.isValidAppID(appID) else { throw reader.error("malformed name of an application") }
        return ConsumerGroup(
            topic: topic, appID: appID, leader: BrokerID(try reader.varint(in: Limits.id)),
            createdAt: try reader.zigZag(), modifiedAt: try reader.zigZag())
    }

    private static func decodeKeyValue(_ reader: inout ByteReader, isRare: Bool) throws(WireError) -> KeyValue {
        let lease = isRare ? LeaseID(try reader.varint(in: 0...Int64.max)) : 0
        let place = isRare ? UInt32(try reader.varint(in: 0...Int64(UInt32.max))) : 0
        let bytes = try reader.countedBytes()
        let key: Key
        do throws(KeyError) {
            key = try Key.validateLength(bytes)
        } catch {
            throw reader.error("malformed key: \(error)")
        }
        return KeyValue(
            key: key, value: try reader.countedBytes(), createRevision: try reader.varint(),
            modRevision: try reader.varint(), version: try reader.varint(), lease: lease == 0 ? nil : lease,
            place: place)
    }
}
