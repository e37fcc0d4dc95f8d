import Metadata
import Raft
import Wire

/// One message to a broker, or a line to somebody who watches, read as the contract writes it (§6, §10).
struct Push {
    enum Kind: String {
        case controllerChanged = "CONTROLLER_CHANGED"
        case topicCreated = "TOPIC_CREATED"
        case topicDeleted = "TOPIC_DELETED"
        case brokerUpdate = "BROKER_UPDATE"
        case leaderUpdate = "LEADER_UPDATE"
        case isrUpdate = "ISR_UPDATE"
        case fullSnapshot = "FULL_SNAPSHOT"
    }

    let kind: Kind
    let version: UInt64
    /// `nil` from a node that knows none.
    let controller: UInt64?
    let controllerURL: String?
    let term: UInt64
    let brokers: [(id: BrokerID, broker: BrokerView.Broker)]?
    let partitions: [(name: BrokerView.PartitionName, partition: BrokerView.Partition)]?
    let deletedTopics: [String]?

    init(_ body: [UInt8]) throws(JSONInputError) {
        let json = try JSONObject(parsing: body)
        let name = try json.string("updateType")
        guard let kind = Kind(rawValue: name) else {
            throw JSONInputError(code: .outOfRange, field: "updateType", problem: "is \(name)")
        }
        self.kind = kind
        version = UInt64(try json.integer("version", in: Limits.counter))
        controller = try json.counterIfPresent("controllerId")
        controllerURL = try json.stringIfPresent("controllerUrl")
        term = UInt64(try json.integer("controllerTerm", in: Limits.counter))
        _ = try json.integer("timestamp", in: Limits.counter)
        guard try json.integer("term", in: Limits.counter) == Int64(term) else {
            throw JSONInputError(code: .outOfRange, field: "term", problem: "differs from controllerTerm")
        }
        brokers = try json.objectsIfPresent("brokers") { json throws(JSONInputError) in
            let broker = BrokerView.Broker(
                host: try json.string("host"), port: Int(try json.integer("port", in: 1...65_535)),
                isAlive: try json.bool("alive"))
            return (id: try json.integer("id", in: Limits.id), broker: broker)
        }
        partitions = try json.objectsIfPresent("partitions") { json throws(JSONInputError) in
            let name = BrokerView.PartitionName(
                topic: try json.string("topic"), number: Int(try json.integer("partition", in: Limits.counter)))
            let partition = BrokerView.Partition(
                leader: try json.integerIfPresent("leaderId", in: Limits.id),
                followers: try json.integersIfPresent("followerIds") ?? [],
                inSync: try json.integersIfPresent("isrIds") ?? [],
                epoch: Int(try json.integer("leaderEpoch", in: Limits.counter)))
            return (name: name, partition: partition)
        }
        deletedTopics = try json.stringsIfPresent("deletedTopics")
    }
}
