import Metadata

/// The commands of administration as JSON text.
enum CommandJSON {
    // MARK: Encoding

    static func encode(_ command: Command) -> (type: String, data: [UInt8]) {
        let type = typeName(of: command)
        var json = JSONWriter(capacity: 192)
        json.object { json in
            if case .noop(let clusterID) = command {
                json.field("clusterId", clusterID)
                return
            }
            json.field("commandType", type)
            encodeFields(of: command, into: &json)
        }
        return (type, json.bytes)
    }

    private static func typeName(of command: Command) -> String {
        switch command {
        case .noop: CommandType.noop
        case .registerBroker: CommandType.registerBroker
        case .unregisterBroker: CommandType.unregisterBroker
        case .updateBrokerStatus: CommandType.updateBrokerStatus
        case .createTopic: CommandType.createTopic
        case .deleteTopic: CommandType.deleteTopic
        case .updateInSyncReplicas: CommandType.updateInSyncReplicas
        case .put: CommandType.put
        case .delete: CommandType.delete
        case .raiseLevel: CommandType.featureLevel
        case .compactHistory: CommandType.compaction
        case .transaction: CommandType.transaction
        case .grantLease: CommandType.grantLease
        case .revokeLease: CommandType.revokeLease
        case .keepLeasesAlive: CommandType.keepLeasesAlive
        case .changeBrokerState: CommandType.changeBrokerState
        case .alterPartitions: CommandType.alterPartitions
        case .electLeaders: CommandType.electLeaders
        case .alterReassignments: CommandType.alterReassignments
        case .createPartitions: CommandType.createPartitions
        case .group(let command): command.type
        case .allocateProducerIDs: CommandType.allocateProducerIDs
        case .restrictBroker: CommandType.restrictBroker
        }
    }

    private static func encodeFields(of command: Command, into json: inout JSONWriter) {
        switch command {
        case .registerBroker(let broker):
            json.field("brokerId", broker.id)
            json.field("host", broker.host)
            json.field("port", broker.port)
            if let rack = broker.rack { json.field("rack", rack) }
            if let incarnation = broker.incarnation {
                json.field("incarnationId", incarnation.id)
                json.field("isSuccessor", incarnation.isSuccessor)
                if incarnation.fetches { json.field("delivery", "fetch") }
            }
            if broker.replacing > 0 { json.field("replacesEpoch", broker.replacing) }
        case .unregisterBroker(let id):
            json.field("brokerId", id)
        case .updateBrokerStatus(let update):
            json.field("brokerId", update.id)
            json.field("status", update.status.rawValue)
            json.field("timestamp", update.timestamp)
        case .createTopic(let topic):
            json.field("topicName", topic.name)
            json.field("numPartitions", topic.partitionCount)
            json.field("replicationFactor", topic.replicationFactor)
            // Always in full: what an entry means must not hang on the defaults of the version that applies it.
            json.key("config")
            json.value(topic.configuration)
            if let id = topic.id { json.field("topicId", id.description) }
            if let assignments = topic.assignments { json.field("assignments", assignments) }
        case .deleteTopic(let deletion):
            json.field("topicName", deletion.name)
            if let id = deletion.id { json.field("topicId", id.description) }
        case .updateInSyncReplicas(let update): json.fields(of: update)
        case .raiseLevel(let feature, let level):
            json.field("name", feature.rawValue)
            json.field("featureLevel", UInt64(level))
        case .compactHistory(let revision):
            json.field("revision", revision)
        case .grantLease(let lease):
            json.field("leaseId", lease.id)
            json.field("ttlSeconds", lease.ttlSeconds)
        case .revokeLease(let id):
            json.field("leaseId", id)
        case .keepLeasesAlive(let ids):
            json.arrayField("leaseIds") { json in for id in ids { json.value(id) } }
        case .changeBrokerState(let change):
            json.field("brokerId", change.id)
            json.field("brokerEpoch", change.epoch)
            json.field("state", change.state.rawValue)
            json.field("timestamp", change.timestamp)
        case .alterPartitions(let alteration): json.fields(of: alteration)
        case .electLeaders(let election): json.fields(of: election)
        case .alterReassignments(let alteration): json.fields(of: alteration)
        case .restrictBroker(let request): json.fields(of: request)
        case .createPartitions(let creation):
            json.field("topicName", creation.topic)
            json.field("numPartitions", creation.partitionCount)
            if let assignments = creation.assignments { json.field("assignments", assignments) }
        case .group(let command): json.fields(of: command)
        case .allocateProducerIDs(let allocation):
            json.field("brokerId", allocation.broker)
            if let epoch = allocation.epoch { json.field("brokerEpoch", epoch) }
            json.field("count", allocation.count)
        case .noop, .put, .delete, .transaction:
            preconditionFailure("\(typeName(of: command)) has a form of its own")
        }
    }

    // MARK: Decoding

    static func decode(type: String, _ data: [UInt8]) throws(WireError) -> Command {
        do {
            return try decodeFields(type: type, data)
        } catch {
            throw WireError("\(type): \(error)")
        }
    }

    private static func decodeFields(type: String, _ data: [UInt8]) throws -> Command {
        guard let decode = decoders[type] else { throw WireError("no command of this version") }
        let json = try JSONObject(parsing: data)
        if type != CommandType.noop, try json.string("commandType") != type {
            throw JSONInputError(code: .outOfRange, field: "commandType", problem: "must be \(type) as outside")
        }
        return try decode(json)
    }

    private static let decoders: [String: @Sendable (JSONObject) throws -> Command] = [
        CommandType.noop: { json in
            let clusterID = try json.string("clusterId")
            guard Limits.isDrawnID(clusterID) else {
                throw JSONInputError(
                    code: .outOfRange, field: "clusterId", problem: "must be 32 hexadecimal digits in lower case")
            }
            return .noop(clusterID: clusterID)
        },
        CommandType.registerBroker: { json in
            var broker = try RegisterBroker(json: json)
            broker.incarnation = try RegisterBroker.Incarnation(json: json)
            broker.replacing = try json.counterIfPresent("replacesEpoch") ?? 0
            return .registerBroker(broker)
        },
        CommandType.changeBrokerState: { .changeBrokerState(try ChangeBrokerState(json: $0)) },
        CommandType.unregisterBroker: { .unregisterBroker(try $0.integer("brokerId", in: Limits.id)) },
        CommandType.updateBrokerStatus: { .updateBrokerStatus(try UpdateBrokerStatus(json: $0)) },
        CommandType.createTopic: { json in
            var topic = try CreateTopic(json: json)
            topic.id = try json.topicIDIfPresent("topicId")
            return .createTopic(topic)
        },
        CommandType.restrictBroker: { .restrictBroker(try RestrictBroker(json: $0)) },
        CommandType.createPartitions: { json in
            .createPartitions(try CreatePartitions(topic: try json.topicName("topicName"), json: json))
        },
        CommandType.deleteTopic: { json in
            .deleteTopic(DeleteTopic(try json.topicName("topicName"), id: try json.topicIDIfPresent("topicId")))
        },
        CommandType.electLeaders: { json in
            let places = try json.objects("partitions", atMost: Limits.maxElections) { json throws(JSONInputError) in
                ElectLeaders.Place(
                    topic: try json.topicName("topic"),
                    partition: Int(try json.integer("partition", in: Limits.partition)))
            }
            return .electLeaders(ElectLeaders(places))
        },
        CommandType.alterPartitions: { .alterPartitions(try AlterPartitions(json: $0)) },
        CommandType.alterReassignments: { .alterReassignments(try AlterReassignments(json: $0)) },
        CommandType.updateInSyncReplicas: { .updateInSyncReplicas(try UpdateInSyncReplicas(json: $0)) },
        CommandType.findGroup: { .group(try GroupCommand.find(json: $0)) },
        CommandType.moveGroup: { .group(try GroupCommand.move(json: $0)) },
        CommandType.deleteGroup: { .group(try GroupCommand.delete(json: $0)) },
        CommandType.allocateProducerIDs: { .allocateProducerIDs(try AllocateProducerIDs(json: $0)) },
        CommandType.featureLevel: { json in
            guard let feature = Feature(rawValue: try json.string("name")) else {
                throw JSONInputError(code: .outOfRange, field: "name", problem: "is no feature of this version")
            }
            return .raiseLevel(
                of: feature, to: Int(try json.integer("featureLevel", in: 1...Limits.maxFeatureLevel)))
        },
        CommandType.grantLease: { json in
            .grantLease(
                Lease(
                    id: try json.integer("leaseId", in: Limits.leaseID),
                    ttlSeconds: try json.integer("ttlSeconds", in: Lease.ttls)))
        },
        CommandType.revokeLease: { .revokeLease(try $0.integer("leaseId", in: Limits.leaseID)) },
        CommandType.keepLeasesAlive: { json in
            let ids = try json.integersIfPresent("leaseIds") ?? []
            guard ids.count <= Limits.maxLeasesAtOnce, ids.allSatisfy(Limits.leaseID.contains) else {
                throw JSONInputError(
                    code: .outOfRange, field: "leaseIds", problem: "must be at most \(Limits.maxLeasesAtOnce) ids")
            }
            return .keepLeasesAlive(ids)
        },
        CommandType.compaction: { .compactHistory(through: UInt64(try $0.integer("revision", in: Limits.counter))) },
    ]
}

extension UpdateBrokerStatus {
    init(json: JSONObject) throws(JSONInputError) {
        let id = try json.integer("brokerId", in: Limits.id)
        guard let status = BrokerStatus(rawValue: try json.string("status")) else {
            throw JSONInputError(code: .outOfRange, field: "status", problem: "must be ONLINE or OFFLINE")
        }
        self.init(id: id, status: status, timestamp: try json.integer("timestamp", in: Limits.counter))
    }
}

extension RegisterBroker.Incarnation {
    /// `nil` where no process is named.
    fileprivate init?(json: JSONObject) throws(JSONInputError) {
        guard let id = try json.drawnIDIfPresent("incarnationId") else { return nil }
        self.init(id: id, isSuccessor: try json.bool("isSuccessor"), fetches: try json.fetchesIfPresent("delivery"))
    }
}

extension JSONWriter {
    fileprivate mutating func fields(of request: RestrictBroker) {
        field("brokerId", request.id)
        for (restriction, name) in BrokerRestrictions.names where restriction == request.restriction {
            field("restriction", name)
        }
        field("isOn", request.isOn)
        if request.isForced { field("force", true) }
    }
}

extension RestrictBroker {
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        let (id, name) = (try json.integer("brokerId", in: Limits.id), try json.string("restriction"))
        guard let restriction = BrokerRestrictions.names.first(where: { $0.name == name })?.restriction else {
            throw JSONInputError(code: .outOfRange, field: "restriction", problem: "is none that this version knows")
        }
        self.init(
            id: id, restriction: restriction, isOn: try json.bool("isOn"),
            isForced: try json.boolIfPresent("force") ?? false)
    }
}

extension ChangeBrokerState {
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        let id = try json.integer("brokerId", in: Limits.id)
        guard let state = BrokerState(rawValue: try json.string("state")) else {
            throw JSONInputError(code: .outOfRange, field: "state", problem: "is no state of a broker")
        }
        self.init(
            id: id, epoch: UInt64(try json.integer("brokerEpoch", in: Limits.counter)), state: state,
            timestamp: try json.integer("timestamp", in: Limits.counter))
    }
}

extension UpdateInSyncReplicas {
    init(json: JSONObject) throws(JSONInputError) {
        let broker = try json.integer("brokerId", in: Limits.id)
        let epoch = try json.counterIfPresent("brokerEpoch")
        let changes = try json.objects("changes") { json throws(JSONInputError) in
            Change(
                topic: try json.topicName("topic"),
                partition: Int(try json.integer("partition", in: Limits.partition)),
                isInSync: try json.bool("isInSync"), leaderEpoch: try json.epochIfPresent("leaderEpoch"))
        }
        self.init(broker: broker, epoch: epoch, changes: changes)
    }
}
