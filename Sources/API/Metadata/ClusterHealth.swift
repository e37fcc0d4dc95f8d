import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/metadata/health/cluster`: whether brokers can do their work, and if not, why.
enum ClusterHealth {
    private enum Status: String { case ok, degraded, critical }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            let metadata = view.metadata
            let (counts, online) = (metadata.topics.counts, metadata.onlineBrokerCount)
            let absent = metadata.brokers.count { $0.status == .offline && metadata.replicaCount(of: $0.id) > 0 }
            let (status, reasons) = judge(counts, absent: absent)
            exchange.answerJSON(headers: Exchange.tag(metadata.counters.version)) { json in
                json.object { json in
                    json.field("status", status.rawValue)
                    json.field("version", metadata.counters.version)
                    json.field("brokersOnline", online)
                    json.field("brokersOffline", metadata.brokers.count - online)
                    json.field("topics", metadata.topicCount)
                    json.fields(of: counts)
                    json.arrayField("reasons") { json in for reason in reasons { json.value(reason) } }
                }
            }
        }
    }

    /// Nobody can read or write a partition that is offline; of others a copy is missing.
    ///
    /// - Parameter absent: How many brokers are OFFLINE and have replicas.
    private static func judge(_ counts: PartitionCounts, absent: Int) -> (Status, reasons: [String]) {
        let reasons: [(count: Int, one: String, more: String)] = [
            (counts[.offline], "partition is offline", "partitions are offline"),
            (counts[.underMinISR], "partition is under its minimum ISR", "partitions are under their minimum ISR"),
            (counts[.underReplicated], "partition is under-replicated", "partitions are under-replicated"),
            (absent, "broker with replicas is OFFLINE", "brokers with replicas are OFFLINE"),
        ]
        let present = reasons.filter { $0.count > 0 }.map { "\($0.count) \($0.count == 1 ? $0.one : $0.more)" }
        return (counts[.offline] > 0 ? .critical : present.isEmpty ? .ok : .degraded, present)
    }
}
