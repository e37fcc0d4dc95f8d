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

/// What one message to brokers says, or one line to somebody who watches the cluster. Its rows are those of the state at one
/// version, so that the text can be made anywhere and at any time.
public struct PushUpdate: Sendable {
    enum Partitions: Sendable {
        case all(TopicTable)
        case chosen([(topic: String, partition: Partition)])
    }

    var kind: PushKind
    /// Of the metadata, that it brings its recipient to.
    public internal(set) var version: UInt64
    /// Brokers are told by it; `nil` while the node that somebody watches knows none.
    var controller: Member?
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

    /// All of its JSON text.
    public var body: [UInt8] {
        var json = JSONWriter(capacity: 256 + 128 * rowCount)
        for write in steps { write(&json) }
        return json.bytes
    }

    /// Its JSON text row by row.
    public var steps: AnySequence<Step> {
        let brokers = brokers?.lazy.filter { !isOnlineOnly || $0.status == .online }
        return AnySequence(
            [
                AnySequence([writeHead]), Self.field("brokers", brokers.map { AnySequence($0.map(Self.row)) }),
                Self.field("partitions", partitions?.steps),
                Self.field("deletedTopics", deletedTopics.map { AnySequence($0.lazy.map(Self.row)) }),
                AnySequence([{ $0.endObject() }]),
            ].joined())
    }

    private func writeHead(to json: inout JSONWriter) {
        json.beginObject()
        json.field("updateType", kind.rawValue)
        json.field("version", version)
        json.field("controllerId", controller?.id.number)
        json.field("controllerUrl", controller?.url)
        json.field("controllerTerm", term.number)
        json.field("term", term.number)
        json.field("timestamp", timestamp)
    }

    public typealias Step = (inout JSONWriter) -> Void

    /// `null` where there is no array: brokers tell "nothing changed" from "there are none".
    private static func field(_ name: StaticString, _ rows: AnySequence<Step>?) -> AnySequence<Step> {
        guard let rows else { return AnySequence([{ $0.nullField(name) }]) }
        let begin: Step = { json in
            json.key(name)
            json.beginArray()
        }
        return AnySequence([AnySequence([begin]), rows, AnySequence([{ $0.endArray() }])].joined())
    }

    private static func row(_ broker: Broker) -> Step { { $0.value(broker) } }

    private static func row(_ topic: String) -> Step { { $0.value(topic) } }
}

extension PushUpdate.Partitions {
    fileprivate var steps: AnySequence<PushUpdate.Step> {
        switch self {
        case .all(let topics):
            AnySequence(
                topics.lazy.flatMap { rows in
                    rows.partitions.lazy.map { partition in { $0.value(partition, of: rows.topic.name) } }
                })
        case .chosen(let rows):
            AnySequence(rows.lazy.map { topic, partition in { $0.value(partition, of: topic) } })
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
}
