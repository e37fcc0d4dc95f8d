import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/locks/{name}`: who has it, and who waits, first come, first served. A lock is a queue of keys with leases; so it is
/// let go when its holder is not heard any more, and can be watched, stored and read like all keys.
enum Locks {
    static let waitSeconds: ClosedRange<Int64> = 0...300
    /// In one queue.
    static let maxPlaces = 10_000

    struct Request: Sendable {
        let lease: LeaseID?
        let ttlSeconds: Int64?
        let wait: Int64
        let holder: String

        init(json: JSONObject) throws(JSONInputError) {
            lease = try json.leaseIDIfPresent("lease")
            ttlSeconds = try json.integerIfPresent("ttlSeconds", in: Lease.ttls)
            wait = try json.integerIfPresent("wait", in: waitSeconds) ?? 0
            holder = try json.stringIfPresent("holder") ?? ""
            guard (lease == nil) != (ttlSeconds == nil) else {
                throw JSONInputError(
                    code: lease == nil ? .missingField : .outOfRange, field: "lease",
                    problem: "or ttlSeconds must be there, one of them")
            }
            guard holder.utf8.count <= LockPlace.maxHolderBytes else {
                throw JSONInputError(
                    code: .outOfRange, field: "holder", problem: "has at most \(LockPlace.maxHolderBytes) bytes")
            }
        }
    }

    /// `{"lease":"7" or "ttlSeconds":30,"wait":10,"holder":"free text"}`
    @Sendable static func acquire(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        let request = try exchange.decodeFields { json throws(JSONInputError) in try Request(json: json) }
        if let lease = request.lease {
            return LockAcquisition(name, request, lease: lease, ownsLease: false, exchange).begin()
        }
        let lease = Lease(id: .random(in: Limits.leaseID), ttlSeconds: request.ttlSeconds ?? 1)
        Leases.grant(lease, isDrawn: true, exchange) { lease in
            LockAcquisition(name, request, lease: lease.id, ownsLease: true, exchange).begin()
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        if try exchange.query.bool("watch") ?? false { return LockWatch.begin(name, exchange) }
        exchange.read(try exchange.query.consistency(default: .linearizable)) { view in
            let state = LockState(name, in: view.metadata)
            exchange.answerJSON(
                headers: HTTPHeaders([(name: "X-Revision", value: String(view.metadata.counters.revision))])
            ) {
                json in json.object { state.write(to: &$0) }
            }
        }
    }

    @Sendable static func release(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        guard let token = try exchange.query.integer("token", in: 1...UInt64(Limits.maxInteger)) else {
            throw Problem(.invalidParameter, "parameter `token` is needed: that of whoever lets the lock go")
        }
        exchange.read(.linearizable) { view in
            guard let held = LockState(name, in: view.metadata).held, held.token == token else {
                return exchange.answer(.staleFence)
            }
            exchange.submit(release(held, of: name)) { _ in exchange.answer(status: 204) }
        }
    }

    /// Whoever holds it then, it is not he any more: the token says who is meant.
    private static func release(_ held: LockState.Held, of name: LockName) -> Command {
        if held.content.ownsLease, let lease = held.lease { return .revokeLease(lease) }
        return .transaction(
            Transaction(fence: Fence(queue: name.queue, token: held.token), success: [.delete(.key(held.place))]))
    }

    private static func name(_ exchange: Exchange) throws(Problem) -> LockName {
        let text = PercentDecoding.decode(exchange.tail).flatMap { String(validating: $0, as: UTF8.self) }
        guard let name = text.flatMap({ LockName($0) }) else {
            throw Problem(.invalidParameter, "a lock's name is 1 to 255 of A-Z, a-z, 0-9, dot, hyphen, underscore")
        }
        return name
    }
}

extension Problem {
    static func lockHeld(_ state: LockState) -> Problem {
        let holder = state.held.map { "by \"\($0.content.holder)\" with token \($0.token)" } ?? "by somebody else"
        return Problem(
            .lockHeld, "lock \(state.name.text) is held \(holder); \(state.waiting) wait for it",
            members: state.held.map { [(name: "token" as StaticString, value: $0.token)] } ?? [],
            texts: state.held.map { [(name: "holder" as StaticString, value: $0.content.holder)] } ?? [])
    }
}
