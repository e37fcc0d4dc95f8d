import HTTP
import Metadata
import Server
import Wire

/// `GET /stop-check`: whether brokers may be stopped together.
enum StopChecks {
    static let maximumBrokers = 1000

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let selection = try selection(exchange.query)
        exchange.fork(try exchange.query.consistency(default: .linearizable)) { state in
            do throws(BrokerSelection.Flaw) {
                let check = state.stopCheck(try state.brokers(selection))
                exchange.answerJSON(headers: Exchange.tag(check.version), capacity: 1024) { $0.value(check) }
            } catch {
                exchange.answer(Problem(error))
            }
        }
    }

    /// `brokers=101,102` or `rack=a`.
    private static func selection(_ query: QueryParameters) throws(Problem) -> BrokerSelection {
        switch (try query.text("brokers"), try query.text("rack")) {
        case (let text?, nil):
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            let ids = parts.compactMap { BrokerID($0) }.filter(Limits.id.contains)
            guard ids.count == parts.count, ids.count <= maximumBrokers else {
                throw Problem(
                    .invalidParameter, "parameter `brokers` must be ids, at most \(maximumBrokers), such as 101,102")
            }
            return .listed(ids)
        case (nil, let rack?) where !rack.isEmpty: return .rack(rack)
        default: throw Problem(.invalidParameter, "give `brokers` or `rack`, and not both")
        }
    }
}

extension Problem {
    init(_ flaw: BrokerSelection.Flaw) {
        switch flaw {
        case .unknownBroker(let id): self.init(Refusal.unknownBroker(id))
        case .emptyRack(let rack): self.init(.unknownBroker, "no broker is in rack \(rack)")
        }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ check: StopCheck) {
        object { json in
            json.field("safe", check.isSafe)
            json.field("leaderless", check.leaderless.first)
            json.field("belowMinIsr", check.belowMinISR.first)
            json.key("counts")
            json.object { json in
                json.field("leaderless", check.leaderless.count)
                json.field("belowMinIsr", check.belowMinISR.count)
                json.field("moves", check.moves)
            }
            json.key("before")
            json.object { json in
                json.field("leaderless", check.before[.offline])
                json.field("belowMinIsr", check.before[.underMinISR])
            }
            json.field("limit", StopCheck.maximumListed)
            json.field("version", check.version)
        }
    }

    private mutating func field(_ name: StaticString, _ places: [PartitionSearch.Place]) {
        arrayField(name) { json in
            for place in places {
                json.object { json in
                    json.field("topic", place.topic)
                    json.field("partition", place.partition)
                }
            }
        }
    }
}
