import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/leases`: promises to come again, and what goes when nobody does.
enum Leases {
    /// `{"ttlSeconds":30,"id":"7"}`, the id if the client wants to choose it.
    @Sendable static func grant(_ exchange: Exchange) throws(Problem) {
        let (ttl, id) = try exchange.decodeFields { json throws(JSONInputError) in
            (try json.integer("ttlSeconds", in: Lease.ttls), try json.leaseIDIfPresent("id"))
        }
        grant(Lease(id: id ?? .random(in: Limits.leaseID), ttlSeconds: ttl), isDrawn: id == nil, exchange) { lease in
            exchange.answerJSON(status: 201) { json in
                json.object { json in
                    json.field("id", lease: lease.id)
                    json.field("ttlSeconds", lease.ttlSeconds)
                }
            }
        }
    }

    /// - Parameter isDrawn: Then another one will do as well.
    static func grant(
        _ lease: Lease, isDrawn: Bool, _ exchange: Exchange, _ granted: @escaping @Sendable (Lease) -> Void
    ) {
        exchange.service.submit(.grantLease(lease)) { result in
            switch result {
            case .success(.lease(let lease)): granted(lease)
            case .success(.refused(.leaseExists)) where isDrawn:
                let another = Lease(id: .random(in: Limits.leaseID), ttlSeconds: lease.ttlSeconds)
                grant(another, isDrawn: true, exchange, granted)
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .success(let result): exchange.answerUnexpected(result)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    /// In ascending id, by pages: `next` is the `after` of the one behind.
    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        let limit = Int(try exchange.query.integer("limit", in: KeyValueReads.limits) ?? KeyValueReads.defaultLimit)
        let after = try exchange.query.integer("after", in: 0...UInt64(Int64.max)).map { LeaseID($0) } ?? 0
        exchange.read(try exchange.query.consistency(default: .linearizable)) { view in
            let all = view.metadata.leases(after: after, limit: limit + 1)
            let page = all.prefix(limit)
            exchange.answerJSON(capacity: 64 + 80 * page.count) { json in
                json.object { json in
                    json.arrayField("leases") { json in
                        for lease in page { json.object { $0.fields(of: lease, view) } }
                    }
                    json.field("next", all.count > limit ? page.last.map { String($0.id) } : nil)
                }
            }
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let (id, verb) = try subject(exchange)
        guard verb == nil else { throw Problem(.unknownPath, "there is nothing at \(exchange.request.path)") }
        exchange.read(try exchange.query.consistency(default: .linearizable)) { view in
            guard let lease = view.metadata.lease(id) else { return exchange.answer(.unknownLease(id)) }
            let keys = view.metadata.keys(of: id)
            exchange.answerJSON(capacity: 128 + 64 * keys.count) { json in
                json.object { json in
                    json.fields(of: lease, view)
                    json.arrayField("keys") { json in for key in keys { json.value(key.description) } }
                }
            }
        }
    }

    @Sendable static func keepAlive(_ exchange: Exchange) throws(Problem) {
        let (id, verb) = try subject(exchange)
        guard verb == "keepalive" else {
            throw Problem(.unknownPath, "of a lease POST …/keepalive is all that there is")
        }
        exchange.service.keepAlive(id) { result in
            switch result {
            case .success(let lease?):
                exchange.answerJSON { json in
                    json.object { json in
                        json.field("id", lease: lease.id)
                        json.field("ttlSeconds", lease.ttlSeconds)
                        json.field("remainingSeconds", lease.ttlSeconds)
                    }
                }
            case .success(nil): exchange.answer(.unknownLease(id))
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    @Sendable static func revoke(_ exchange: Exchange) throws(Problem) {
        let (id, verb) = try subject(exchange)
        guard verb == nil else { throw Problem(.methodNotAllowed, "only a lease itself can be deleted") }
        exchange.submit(.revokeLease(id)) { result in
            guard case .deleted(let count, let revision) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON { json in
                json.object { json in
                    json.field("deleted", count)
                    json.field("revision", revision)
                }
            }
        }
    }

    /// `{id}` or `{id}/{verb}`.
    private static func subject(_ exchange: Exchange) throws(Problem) -> (LeaseID, verb: String?) {
        let parts = exchange.tail.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        let text = String(decoding: parts.first ?? [], as: UTF8.self)
        guard let id = LeaseID(text), Limits.leaseID.contains(id), String(id) == text else {
            throw Problem(.invalidParameter, "a lease's id is an integer from 1 to \(Int64.max)")
        }
        return (id, parts.count > 1 ? String(decoding: parts[1], as: UTF8.self) : nil)
    }
}

extension JSONWriter {
    fileprivate mutating func fields(of lease: Lease, _ view: NodeView) {
        field("id", lease: lease.id)
        field("ttlSeconds", lease.ttlSeconds)
        field("remainingSeconds", view.remaining(of: lease.id).map { $0.wholeSeconds })
    }
}

extension Duration {
    /// Begun ones count.
    var wholeSeconds: Int64 { components.seconds + (components.attoseconds > 0 ? 1 : 0) }
}
