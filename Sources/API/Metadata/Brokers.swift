import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/metadata/brokers`.
enum Brokers {
    @Sendable static func register(_ exchange: Exchange) throws(Problem) {
        let registration = try exchange.decodeFields { json throws(JSONInputError) in
            let broker = try RegisterBroker(json: json)
            // Here, and not where commands are read: logs hold what was let in before.
            guard HostSyntax.isHost(broker.host) else {
                throw JSONInputError(
                    code: .outOfRange, field: "host", problem: "must be a host name or an address, without a port")
            }
            return BrokerRegistration(
                broker, incarnation: try json.drawnIDIfPresent("incarnationId"),
                clusterID: try json.drawnIDIfPresent("clusterId"),
                successorOf: try json.drawnIDIfPresent("replacesIncarnationId"),
                fetches: try json.fetchesIfPresent("delivery"))
        }
        exchange.service.register(registration) { result in
            switch result {
            case .success(.registered(let broker, let isNew)):
                exchange.answerJSON(status: isNew ? 201 : 200) {
                    $0.value(registered: broker, exchange.service.brokerTiming)
                }
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .success(.duplicate(let broker, let remaining)):
                exchange.answer(Problem(duplicate: broker, remaining: remaining))
            case .success(.otherCluster(let id)):
                exchange.answer(Problem(.clusterIDMismatch, "this is cluster \(id ?? "without a name yet")"))
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    @Sendable static func unregister(_ exchange: Exchange) throws(Problem) {
        exchange.submit(.unregisterBroker(try exchange.brokerID())) { _ in exchange.answer(status: 204) }
    }

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        let consistency = try exchange.query.consistency(default: .stale)
        if try exchange.query.isFullView() { return listFully(consistency, exchange) }
        exchange.read(consistency) { view in
            let brokers = view.metadata.brokers
            exchange.answerJSON(
                stream: JSONStream.body(.array(.each(brokers) { broker in [.write { $0.value(broker) }] })))
        }
    }

    private static func listFully(_ consistency: Consistency, _ exchange: Exchange) {
        exchange.read(consistency) { view in
            let rows = view.metadata.brokers.map { FullBroker($0, view) }
            exchange.answerJSON(
                headers: Exchange.tag(view.metadata.counters.version),
                stream: JSONStream.body(.array(.each(rows) { row in [.write { $0.value(row) }] })))
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let id = try exchange.brokerID()
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            guard let broker = view.metadata.broker(id) else { return exchange.answer(.unknownBroker(id)) }
            exchange.answerJSON { $0.value(broker) }
        }
    }
}
