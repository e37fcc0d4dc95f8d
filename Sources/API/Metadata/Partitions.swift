import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/metadata/partitions`: those of all topics, or those in a condition.
enum Partitions {
    static let parameters = ["consistency", "state", "broker", "leader", "topic", "limit", "after"]
    static let limits: ClosedRange<UInt64> = 1...10_000
    static let defaultLimit: UInt64 = 2000

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        let search = try search(exchange.query)
        let after = try place(exchange.query)
        let limit = Int(try exchange.query.integer("limit", in: limits) ?? defaultLimit)
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            let (version, total) = (view.metadata.counters.version, view.metadata.count(of: search))
            let page = view.metadata.page(of: search, after: after, limit: limit)
            exchange.answerJSON(
                headers: Exchange.tag(version),
                stream: JSONStream.body(
                    .object(
                        .one { $0.field("version", version) },
                        .array(
                            "partitions",
                            .each(page.rows) { row in [.write { $0.fullValue(row.partition, in: row.topic) }] }),
                        .one { json in
                            json.field("total", total)
                            json.field("next", page.next.map { "\($0.topic)/\($0.partition)" })
                        })))
        }
    }

    static func search(_ query: QueryParameters) throws(Problem) -> PartitionSearch {
        let ids = UInt64(Limits.id.lowerBound)...UInt64(Limits.id.upperBound)
        var search = PartitionSearch(topic: try query.text("topic"))
        if let topic = search.topic, !Topic.isValidName(topic) {
            throw Problem(.invalidParameter, "parameter `topic` must be the name of a topic")
        }
        search.broker = try query.integer("broker", in: ids).map { BrokerID($0) }
        search.leader = try query.integer("leader", in: ids).map { BrokerID($0) }
        if let name = try query.text("state") {
            guard let condition = PartitionCondition(rawValue: name) else {
                let names = PartitionCondition.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(.invalidParameter, "parameter `state` must be one of \(names)")
            }
            search.condition = condition
        }
        return search
    }

    /// `topic/partition`.
    static func place(_ query: QueryParameters) throws(Problem) -> PartitionSearch.Place? {
        guard let text = try query.text("after") else { return nil }
        guard let place = PartitionSearch.Place(text) else {
            throw Problem(.invalidParameter, "parameter `after` must be a topic and a partition, such as orders/17")
        }
        return place
    }
}

extension PartitionSearch.Place {
    /// From `topic/partition`.
    init?(_ text: String) {
        guard let slash = text.lastIndex(of: "/"), let id = UInt32(text[text.index(after: slash)...]) else {
            return nil
        }
        self.init(topic: String(text[..<slash]), partition: Int(id))
    }
}

extension JSONWriter {
    /// As operators see it: the preferred leader is the first of the assignment.
    mutating func fullValue(_ partition: Partition, in topic: Topic) {
        object { json in
            json.fields(of: partition, in: topic)
            json.field("effectiveMinIsr", PartitionCondition.effectiveMinISR(of: partition, in: topic))
            json.arrayField("states") { json in
                for condition in PartitionCondition.allCases where condition.holds(for: partition, in: topic) {
                    json.value(condition.rawValue)
                }
            }
        }
    }

    mutating func fields(of partition: Partition, in topic: Topic) {
        field("topic", topic.name)
        field("topicId", topic.id.description)
        field("partition", partition.id)
        field("leader", partition.leader)
        assignment(of: partition)
        arrayField("isr") { json in for replica in partition.inSyncReplicas { json.value(replica) } }
        field("leaderEpoch", partition.leaderEpoch)
        field("partitionEpoch", partition.partitionEpoch)
    }

    /// Where it is, what comes, and what goes.
    mutating func assignment(of partition: Partition) {
        arrayField("assignment") { json in for replica in partition.replicas { json.value(replica) } }
        arrayField("adding") { json in for replica in partition.reassignment?.adding ?? [] { json.value(replica) } }
        arrayField("removing") { json in for replica in partition.reassignment?.removing ?? [] { json.value(replica) } }
    }

    mutating func fields(of counts: PartitionCounts) {
        field("partitions", counts.all)
        field("offline", counts[.offline])
        field("underReplicated", counts[.underReplicated])
        field("underMinIsr", counts[.underMinISR])
        field("atMinIsr", counts[.atMinISR])
        field("notPreferred", counts[.notPreferred])
        field("reassigning", counts[.reassigning])
    }
}
