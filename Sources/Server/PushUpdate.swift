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

/// One message to brokers.
struct PushUpdate {
    var kind: PushKind
    var version: UInt64
    var body: [UInt8]
}

/// Everything that the body of an update can carry.
struct PushContents {
    var brokers: [Broker]?
    var partitions: [(topic: String, partition: Partition)]?
    var deletedTopics: [String]?
}

extension PushUpdate {
    init(
        _ kind: PushKind, version: UInt64, controller: Member, term: Term, timestamp: Int64, _ contents: PushContents
    ) {
        var json = JSONWriter()
        json.object { json in
            json.field("updateType", kind.rawValue)
            json.field("version", version)
            json.field("controllerId", controller.id.number)
            json.field("controllerUrl", controller.url)
            json.field("controllerTerm", term.number)
            json.field("term", term.number)
            json.field("timestamp", timestamp)
            json.nullableArray("brokers", contents.brokers) { json, broker in
                json.object { json in
                    json.field("id", broker.id)
                    json.field("host", broker.host)
                    json.field("port", broker.port)
                    json.field("alive", broker.status == .online)
                }
            }
            json.nullableArray("partitions", contents.partitions) { json, item in
                json.object { Self.write(item.partition, of: item.topic, into: &$0) }
            }
            json.nullableArray("deletedTopics", contents.deletedTopics) { $0.value($1) }
        }
        self.init(kind: kind, version: version, body: json.bytes)
    }

    private static func write(_ partition: Partition, of topic: String, into json: inout JSONWriter) {
        json.field("topic", topic)
        json.field("partition", partition.id)
        json.field("leaderId", partition.leader)
        json.nullableArray("followerIds", partition.replicas.filter { $0 != partition.leader }) { $0.value($1) }
        json.nullableArray("isrIds", partition.inSyncReplicas) { $0.value($1) }
        json.field("leaderEpoch", partition.leaderEpoch)
    }
}

extension JSONWriter {
    /// `null` where there is no array: brokers tell "nothing changed" from "there are none".
    fileprivate mutating func nullableArray<Element>(
        _ name: StaticString, _ elements: [Element]?, _ write: (inout JSONWriter, Element) -> Void
    ) {
        guard let elements else { return nullField(name) }
        arrayField(name) { json in
            for element in elements { write(&json, element) }
        }
    }
}
