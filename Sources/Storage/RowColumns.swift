import Metadata

/// State rows as columns and back.
enum RowColumns {
    static func bind(_ row: Row, to statement: Statement) {
        bind(row.key, to: statement)
        switch row {
        case .broker(let broker): bind(broker, to: statement)
        case .topic(let topic): bind(topic, to: statement)
        case .partition(_, let partition): bind(partition, to: statement)
        case .lease(let lease): statement.bind(2, lease.ttlSeconds)
        case .group(let group): bind(group, to: statement)
        case .keyValue(let pair): bind(valueOf: pair, from: 2, to: statement)
        case .pastVersion(let version): bind(version, to: statement)
        }
    }

    /// The key's columns come first, in statements that insert as in those that delete.
    static func bind(_ key: RowKey, to statement: Statement) {
        switch key {
        case .broker(let id): statement.bind(1, id)
        case .topic(let name): statement.bind(1, name)
        case .partition(let topic, let id):
            statement.bind(1, topic)
            statement.bind(2, id)
        case .lease(let id): statement.bind(1, id)
        case .group(let id): statement.bind(1, id)
        case .keyValue(let key): statement.bindKey(1, copying: key.bytes)
        case .pastVersion(let ended, let place):
            statement.bind(1, ended)
            statement.bind(2, place)
        }
    }

    private static func bind(_ group: ConsumerGroup, to statement: Statement) {
        statement.bind(2, group.topic)
        statement.bind(3, group.appID)
        statement.bind(4, group.leader)
        statement.bind(5, group.createdAt)
        statement.bind(6, group.modifiedAt)
    }

    private static func bind(_ version: PastVersion, to statement: Statement) {
        statement.bindKey(3, copying: version.pair.key.bytes)
        bind(valueOf: version.pair, from: 4, to: statement)
        statement.bind(10, version.isDeletion)
    }

    private static func bind(valueOf pair: KeyValue, from column: Int32, to statement: Statement) {
        statement.bindReadable(column, copying: pair.value)
        statement.bind(column + 1, pair.createRevision)
        statement.bind(column + 2, pair.modRevision)
        statement.bind(column + 3, pair.version)
        statement.bind(column + 4, pair.lease)
        statement.bind(column + 5, pair.place == 0 ? nil : Int64(pair.place))
    }

    private static func bind(_ broker: Broker, to statement: Statement) {
        statement.bind(2, broker.host)
        statement.bind(3, broker.port)
        statement.bind(4, broker.rack)
        statement.bind(5, broker.status.rawValue)
        statement.bind(6, broker.registeredAt)
        let incarnation = broker.incarnation
        statement.bind(7, incarnation?.id)
        statement.bind(8, incarnation.map { Int64(clamping: $0.epoch) })
        statement.bind(9, incarnation?.state.rawValue)
        statement.bind(10, incarnation?.shutdownVersion.map { Int64(clamping: $0) })
        statement.bind(11, incarnation?.fetches == true ? "fetch" : nil)
        let names = BrokerRestrictions.names.filter { broker.restrictions.contains($0.restriction) }.map(\.name)
        statement.bind(12, names.isEmpty ? nil : names.joined(separator: ","))
    }

    private static func bind(_ topic: Topic, to statement: Statement) {
        statement.bind(2, topic.partitionCount)
        statement.bind(3, topic.replicationFactor)
        statement.bind(4, topic.createdAt)
        statement.bind(5, topic.configuration.retentionMs)
        statement.bind(6, topic.configuration.retentionBytes)
        statement.bind(7, topic.configuration.segmentBytes)
        statement.bind(8, topic.configuration.compressionType)
        statement.bind(9, topic.configuration.minInsyncReplicas)
        statement.bind(10, topic.drawnID?.description)
    }

    private static func bind(_ partition: Partition, to statement: Statement) {
        statement.bind(3, partition.leader)
        statement.bind(4, IntegerArrayText.encode(partition.replicas))
        statement.bind(5, IntegerArrayText.encode(partition.inSyncReplicas))
        statement.bind(6, partition.leaderEpoch)
        statement.bind(7, partition.partitionEpoch == 0 ? nil : Int64(partition.partitionEpoch))
        let reassignment = partition.reassignment
        statement.bind(8, reassignment.map { IntegerArrayText.encode($0.adding) })
        statement.bind(9, reassignment.map { IntegerArrayText.encode($0.removing) })
        statement.bind(10, reassignment.map { IntegerArrayText.encode($0.original) })
        statement.bind(11, reassignment?.startedAt)
    }

    /// The row under the statement, or why there is none in its columns.
    static func row(of table: StateTable, in statement: Statement) -> Result<Row, RowFault> {
        switch table {
        case .broker: broker(statement)
        case .topic: topic(statement)
        case .partition: partition(statement)
        case .lease: .success(.lease(Lease(id: statement.integer(0), ttlSeconds: statement.integer(1))))
        case .group: group(statement)
        case .keyValue: .success(.keyValue(pair(statement, from: 0)))
        case .pastVersion:
            .success(
                .pastVersion(
                    PastVersion(
                        ended: statement.unsigned(0), place: statement.unsigned(1),
                        isDeletion: statement.integer(9) != 0, pair: pair(statement, from: 2))))
        }
    }

    private static func group(_ statement: Statement) -> Result<Row, RowFault> {
        let group = ConsumerGroup(
            topic: statement.text(1), appID: statement.text(2), leader: statement.integer(3),
            createdAt: statement.integer(4), modifiedAt: statement.integer(5))
        guard statement.text(0) == group.id else {
            return .failure(RowFault(finding: "the group of \(group.topic) and \(group.appID) has another id"))
        }
        return .success(.group(group))
    }

    private static func pair(_ statement: Statement, from column: Int32) -> KeyValue {
        KeyValue(
            key: Key(validated: statement.bytes(column)), value: statement.bytes(column + 1),
            createRevision: statement.unsigned(column + 2), modRevision: statement.unsigned(column + 3),
            version: statement.unsigned(column + 4), lease: statement.optionalInteger(column + 5),
            place: UInt32(clamping: statement.integer(column + 6)))
    }

    private static func broker(_ statement: Statement) -> Result<Row, RowFault> {
        guard let status = BrokerStatus(rawValue: statement.text(4)) else {
            return .failure(
                RowFault(finding: "broker \(statement.integer(0)) has the status \"\(statement.text(4))\""))
        }
        var broker = Broker(
            id: statement.integer(0), host: statement.text(1), port: Int(statement.integer(2)),
            rack: statement.optionalText(3), status: status, registeredAt: statement.integer(5))
        if let id = statement.optionalText(6) {
            guard let state = BrokerState(rawValue: statement.text(8)) else {
                return .failure(
                    RowFault(finding: "broker \(broker.id) has the state \"\(statement.text(8))\""))
            }
            broker.incarnation = BrokerIncarnation(
                id: id, epoch: statement.unsigned(7), state: state,
                shutdownVersion: statement.optionalInteger(9).map { UInt64(clamping: $0) },
                fetches: statement.optionalText(10) == "fetch")
        }
        for name in (statement.optionalText(11) ?? "").split(separator: ",") {
            guard let known = BrokerRestrictions.names.first(where: { $0.name == name }) else {
                return .failure(RowFault(finding: "broker \(broker.id) has the restriction \"\(name)\""))
            }
            broker.restrictions.insert(known.restriction)
        }
        return .success(.broker(broker))
    }

    private static func topic(_ statement: Statement) -> Result<Row, RowFault> {
        let name = statement.text(0)
        let drawnID = statement.optionalText(9)
        let id = drawnID.flatMap { TopicID($0) }
        guard drawnID == nil || id != nil else {
            return .failure(RowFault(finding: "topic \(name) has an unreadable id"))
        }
        let topic = Topic(
            name: name, partitionCount: Int(statement.integer(1)),
            replicationFactor: Int(statement.integer(2)), createdAt: statement.integer(3),
            configuration: TopicConfiguration(
                retentionMs: statement.integer(4), retentionBytes: statement.integer(5),
                segmentBytes: statement.integer(6), compressionType: statement.text(7),
                minInsyncReplicas: Int(statement.integer(8))), drawnID: id)
        return .success(.topic(topic))
    }

    private static func partition(_ statement: Statement) -> Result<Row, RowFault> {
        let topic = statement.text(0)
        let id = Int(statement.integer(1))
        guard let replicas = IntegerArrayText.decode(statement.rawBytes(3)),
            let inSyncReplicas = IntegerArrayText.decode(statement.rawBytes(4))
        else {
            return .failure(RowFault(finding: "partition \(topic)/\(id) has unreadable replicas"))
        }
        var reassignment: Reassignment?
        if let startedAt = statement.optionalInteger(10) {
            let lists = (7...9).map { IntegerArrayText.decode(statement.rawBytes($0)) }
            guard let adding = lists[0], let removing = lists[1], let original = lists[2] else {
                return .failure(RowFault(finding: "partition \(topic)/\(id) has an unreadable reassignment"))
            }
            reassignment = Reassignment(adding: adding, removing: removing, original: original, startedAt: startedAt)
        }
        return .success(
            .partition(
                topic: topic,
                Partition(
                    id: id, leader: statement.optionalInteger(2), replicas: replicas, inSyncReplicas: inSyncReplicas,
                    leaderEpoch: Int(statement.integer(5)),
                    partitionEpoch: Int(statement.optionalInteger(6) ?? 0), reassignment: reassignment)))
    }
}

/// What is wrong with a stored row.
struct RowFault: Error {
    var finding: String
}

/// `[1,2,3]`: a JSON array of integers without white space.
enum IntegerArrayText {
    static func encode(_ numbers: [Int64]) -> String {
        "[" + numbers.map { String($0) }.joined(separator: ",") + "]"
    }

    /// `nil` for anything that ``encode(_:)`` does not write.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> [Int64]? {
        guard bytes.count >= 2, bytes.first == UInt8(ascii: "["), bytes.last == UInt8(ascii: "]") else { return nil }
        if bytes.count == 2 { return [] }
        var numbers: [Int64] = []
        for part in bytes[1..<(bytes.count - 1)].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            guard let number = Int64(String(decoding: part, as: UTF8.self)) else { return nil }
            numbers.append(number)
        }
        // `Int64` reads a plus sign and leading zeros as well.
        return bytes.elementsEqual(encode(numbers).utf8) ? numbers : nil
    }
}
