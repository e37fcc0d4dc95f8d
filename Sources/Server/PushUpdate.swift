import Metadata
import Raft
import Wire

/// What brokers are told of (contract: pushes).
enum PushKind: String {
    case controllerChanged = "CONTROLLER_CHANGED"
    case topicCreated = "TOPIC_CREATED"
    case topicDeleted = "TOPIC_DELETED"
    case brokerUpdate = "BROKER_UPDATE"
    case leaderUpdate = "LEADER_UPDATE"
    case isrUpdate = "ISR_UPDATE"
    case fullSnapshot = "FULL_SNAPSHOT"
}

/// What one message to brokers says. Its rows are those of the state at one version, so that the body can be made
/// anywhere and at any time.
struct PushUpdate: Sendable {
    enum Partitions: Sendable {
        case all([TopicRows])
        case chosen([(topic: String, partition: Partition)])
    }

    var kind: PushKind
    var version: UInt64
    var controller: Member
    var term: Term
    /// Unix milliseconds.
    var timestamp: Int64
    var brokers: [Broker]?
    /// Only those that are ONLINE, of `brokers`.
    var isOnlineOnly = false
    var partitions: Partitions?
    var deletedTopics: [String]?

    /// How many rows it carries: what it costs to make.
    var rowCount: Int {
        let partitionCount =
            switch partitions {
            case .all(let topics): topics.reduce(0) { $0 + $1.partitions.count }
            case .chosen(let rows): rows.count
            case nil: 0
            }
        return partitionCount + (brokers?.count ?? 0) + (deletedTopics?.count ?? 0)
    }

    var body: [UInt8] {
        var json = JSONWriter(capacity: 256 + 128 * rowCount)
        json.object { json in
            json.field("updateType", kind.rawValue)
            json.field("version", version)
            json.field("controllerId", controller.id.number)
            json.field("controllerUrl", controller.url)
            json.field("controllerTerm", term.number)
            json.field("term", term.number)
            json.field("timestamp", timestamp)
            json.nullableArray("brokers", brokers) { json, brokers in
                for broker in brokers where !isOnlineOnly || broker.status == .online { json.value(broker) }
            }
            json.nullableArray("partitions", partitions) { json, partitions in partitions.write(to: &json) }
            json.nullableArray("deletedTopics", deletedTopics) { json, topics in
                for topic in topics { json.value(topic) }
            }
        }
        return json.bytes
    }
}

extension PushUpdate.Partitions {
    fileprivate func write(to json: inout JSONWriter) {
        switch self {
        case .all(let topics):
            for rows in topics {
                for partition in rows.partitions { json.value(partition, of: rows.topic.name) }
            }
        case .chosen(let rows): for (topic, partition) in rows { json.value(partition, of: topic) }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ broker: Broker) {
        object { json in
            json.field("id", broker.id)
            json.field("host", broker.host)
            json.field("port", broker.port)
            json.field("alive", broker.status == .online)
        }
    }

    fileprivate mutating func value(_ partition: Partition, of topic: String) {
        object { json in
            json.field("topic", topic)
            json.field("partition", partition.id)
            json.field("leaderId", partition.leader)
            json.arrayField("followerIds") { json in
                for replica in partition.replicas where replica != partition.leader { json.value(replica) }
            }
            json.arrayField("isrIds") { json in
                for replica in partition.inSyncReplicas { json.value(replica) }
            }
            json.field("leaderEpoch", partition.leaderEpoch)
        }
    }

    /// `null` where there is no array: brokers tell "nothing changed" from "there are none".
    fileprivate mutating func nullableArray<Elements>(
        _ name: StaticString, _ elements: Elements?, _ write: (inout JSONWriter, Elements) -> Void
    ) {
        guard let elements else { return nullField(name) }
        arrayField(name) { write(&$0, elements) }
    }
}
