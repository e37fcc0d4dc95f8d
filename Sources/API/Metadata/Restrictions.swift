import HTTP
import Metadata
import Server
import Wire

/// `/brokers/{id}/cordon` and `/brokers/{id}/maintenance`: what an operator takes from a broker, and gives back.
enum Restrictions {
    @Sendable static func cordon(_ exchange: Exchange) throws(Problem) { try set(.cordoned, true, exchange) }
    @Sendable static func uncordon(_ exchange: Exchange) throws(Problem) { try set(.cordoned, false, exchange) }

    @Sendable static func beginMaintenance(_ exchange: Exchange) throws(Problem) {
        try set(.maintenance, true, exchange, isForced: try exchange.query.bool("force") ?? false)
    }

    @Sendable static func endMaintenance(_ exchange: Exchange) throws(Problem) {
        try set(.maintenance, false, exchange)
    }

    private static func set(
        _ restriction: BrokerRestrictions, _ isOn: Bool, _ exchange: Exchange, isForced: Bool = false
    ) throws(Problem) {
        let request = RestrictBroker(
            id: try exchange.brokerID(), restriction: restriction, isOn: isOn, isForced: isForced)
        exchange.change(.restrictBroker(request)) { result in
            guard case .broker(let broker, _) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON { json in
                json.object { json in
                    json.field("brokerId", broker.id)
                    json.fields(of: broker.restrictions)
                }
            }
        }
    }

    /// Whether the broker leads anything yet, and why.
    @Sendable static func maintenance(_ exchange: Exchange) throws(Problem) {
        let id = try exchange.brokerID()
        exchange.readAside(try exchange.query.consistency(default: .stale)) { state in
            guard let broker = state.broker(id) else { return exchange.answer(.unknownBroker(id)) }
            let isOn = broker.restrictions.contains(.maintenance)
            let stuck = isOn ? state.led(by: id, atMost: maximumListed) : ([], 0)
            exchange.answerJSON(headers: Exchange.tag(state.counters.version)) { json in
                json.object { json in
                    json.field("maintenance", isOn)
                    json.field("finished", isOn && state.leaderCount(of: id) == 0)
                    json.field("leaderships", state.leaderCount(of: id))
                    json.arrayField("stuck") { json in for row in stuck.0 { json.value(row) } }
                    json.field("stuckTotal", stuck.1)
                }
            }
        }
    }

    private static let maximumListed = 128
}

extension JSONWriter {
    mutating func fields(of restrictions: BrokerRestrictions) {
        field("cordoned", restrictions.contains(.cordoned))
        field("maintenance", restrictions.contains(.maintenance))
    }

    fileprivate mutating func value(_ row: (topic: String, partition: Partition)) {
        object { json in
            json.field("topic", row.topic)
            json.field("partition", row.partition.id)
            json.field("why", row.partition.replicas.count == 1 ? "only_replica" : "no_other_in_sync")
        }
    }
}
