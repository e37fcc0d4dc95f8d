import HTTP
import Metadata
import Raft
import Server
import Wire

/// `GET /controller` and `GET /cluster`.
enum ClusterState {
    @Sendable static func controller(_ exchange: Exchange) throws(Problem) {
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            guard let controller = ControllerInfo(view.status, members: exchange.service.members) else {
                return exchange.answerNotLeader(nil)
            }
            exchange.answerJSON { controller.write(to: &$0, timestamp: view.now) }
        }
    }

    @Sendable static func cluster(_ exchange: Exchange) throws(Problem) {
        if try exchange.query.bool("watch") ?? false { return try ClusterWatch.begin(exchange) }
        guard try exchange.query.bytes("after") == nil else {
            throw Problem(.invalidParameter, "parameter `after` is for watch=true")
        }
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            exchange.answerJSON(stream: Cluster(view, members: exchange.service.members).body)
        }
    }

    /// What `GET /cluster` shows of one moment. Holds rows, not the state machine: a second reference to that would make
    /// the next change copy it.
    private struct Cluster: Sendable {
        let version: UInt64
        let timestamp: Int64
        let controller: ControllerInfo?
        let partitionCount: Int
        let members: [Member]
        let brokers: [Broker]
        let topics: TopicTable

        init(_ view: NodeView, members: [Member]) {
            version = view.metadata.counters.version
            timestamp = view.now
            controller = ControllerInfo(view.status, members: members)
            partitionCount = view.metadata.partitionCount
            self.members = members
            brokers = view.metadata.brokers
            topics = view.metadata.topics
        }

        var body: HTTPBodyStream {
            JSONStream.body(
                .object(
                    .one(writeHead), .array("brokers", .each(brokers) { broker in [.write { $0.value(broker) }] }),
                    .array("topics", JSONStream.topics(topics.lazy.map { ($0.topic, $0.partitions) }))))
        }

        private func writeHead(to json: inout JSONWriter) {
            json.field("version", version)
            json.field("timestamp", timestamp)
            json.field("controllerLeaderId", controller?.leader.id.number)
            json.key("controllerInfo")
            if let controller { controller.write(to: &json, timestamp: timestamp) } else { json.null() }
            json.field("totalPartitions", partitionCount)
            json.arrayField("activeMetadataNodes") { json in
                for member in members { write(member, to: &json) }
            }
        }

        private func write(_ member: Member, to json: inout JSONWriter) {
            json.object { json in
                json.field("id", member.id.number)
                json.field("url", member.url)
                json.field("isLeader", member.id == controller?.leader.id)
            }
        }
    }
}
