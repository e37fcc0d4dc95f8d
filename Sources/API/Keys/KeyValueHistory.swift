import HTTP
import Metadata
import Server
import Wire

/// What keys were: `?revision=` and `?history=true` of `/api/v1/kv`, and `/api/v1/kv-compaction`.
enum KeyValueHistory {
    /// The parameter `revision`: of which the state is to be shown.
    static func revision(_ query: QueryParameters) throws(Problem) -> UInt64? {
        try query.integer("revision", in: 0...UInt64(Limits.maxInteger))
    }

    static func isAskedFor(_ query: QueryParameters) throws(Problem) -> Bool {
        if try query.bool("history") ?? false { return true }
        guard try end(query) == nil else { throw Problem(.invalidParameter, "parameter `before` is for history=true") }
        return false
    }

    private static func end(_ query: QueryParameters) throws(Problem) -> UInt64? {
        try query.integer("before", in: 1...UInt64(Limits.maxInteger))
    }

    // MARK: Versions of a key

    /// `{"key","revision","versions":[…the newest first…],"next":null}`; `before=next` for the page behind.
    static func list(_ key: Key, _ exchange: Exchange) throws(Problem) {
        let query = exchange.query
        let limit = Int(try query.integer("limit", in: KeyValueReads.limits) ?? KeyValueReads.defaultLimit)
        let end = try end(query) ?? .max
        exchange.readAside(try query.consistency(default: .linearizable)) { state in
            let found = state.versions(of: key, before: end, limit: limit + 1)
            guard !found.isEmpty else { return exchange.answer(.unknownKey(key)) }
            answer(key, Page(found, limit: limit), state.counters.revision, exchange)
        }
    }

    /// Cut to what one answer may hold.
    private struct Page {
        var versions: ArraySlice<KeyVersion>
        var next: UInt64?

        init(_ found: [KeyVersion], limit: Int) {
            var bytes = 0
            versions = found.prefix(limit).prefix { version in
                bytes += version.byteCount
                return bytes <= KeyValueReads.maxPageBytes
            }
            // One in any case.
            if versions.isEmpty { versions = found.prefix(1) }
            if versions.count < found.count { next = versions.last?.revision }
        }
    }

    private static func answer(_ key: Key, _ page: Page, _ revision: UInt64, _ exchange: Exchange) {
        let body = JSONStream.body(
            .object(
                .one { json in
                    json.field(key: key)
                    json.field("revision", revision)
                },
                .array("versions", .each(page.versions, JSONStream.steps)), .one { $0.field("next", page.next) }))
        exchange.answerJSON(headers: HTTPHeaders([(name: "X-Revision", value: String(revision))]), stream: body)
    }

    // MARK: Compaction

    /// `{"revision":N}`: what was before N is given up.
    @Sendable static func compact(_ exchange: Exchange) throws(Problem) {
        let revision = try exchange.decodeFields { json throws(JSONInputError) in
            UInt64(try json.integer("revision", in: 1...Limits.maxInteger))
        }
        exchange.submit(.compactHistory(through: revision)) { _ in
            exchange.answerJSON { json in json.object { $0.field("oldestRevision", revision) } }
        }
    }
}

extension KeyVersion {
    fileprivate var byteCount: Int {
        if case .put(let pair) = self { 64 + pair.value.count } else { 64 }
    }
}

extension JSONStream {
    fileprivate static func steps(_ version: KeyVersion) -> [Step] {
        switch version {
        case .put(let pair): steps(pair)
        case .deletion(let revision):
            [
                .write { json in
                    json.object { json in
                        json.field("deleted", true)
                        json.field("modRevision", revision)
                    }
                }
            ]
        }
    }
}
