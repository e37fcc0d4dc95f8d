import HTTP
import Metadata
import Server
import Wire

/// `GET` of `/api/v1/kv`: one key, or a subtree.
enum KeyValueReads {
    /// Of one page of a subtree, in bytes of values.
    static let maxPageBytes = 4 * 1024 * 1024
    static let defaultLimit: UInt64 = 1000
    static let limits: ClosedRange<UInt64> = 1...10_000
    /// Values up to here are answered from the node's own executor.
    private static let maxInlineBytes = 16 * 1024

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        switch try KeyPath(exchange.tail) {
        case .key(let key): try get(key, exchange)
        case .directory(let key): try list(key, exchange)
        }
    }

    // MARK: One key

    private static func get(_ key: Key, _ exchange: Exchange) throws(Problem) {
        let isJSON = exchange.request.headers["Accept"].map(MediaType.acceptsJSON) ?? false
        let conditions = try Conditions(exchange.request.headers)
        exchange.read(try exchange.query.consistency(default: .linearizable)) { view in
            let revision = view.metadata.counters.revision
            guard let pair = view.metadata.value(key) else { return exchange.answer(.unknownKey(key)) }
            switch conditions.verdict(present: pair.modRevision) {
            case .holds: break
            case .matchFailed: return exchange.answer(.revisionMismatch(present: pair.modRevision))
            case .noneMatchFailed:
                return exchange.answer(HTTPResponse(status: 304, headers: headers(of: pair, revision)))
            }
            if pair.value.count <= maxInlineBytes {
                answer(pair, revision, isJSON: isJSON, exchange)
            } else {
                exchange.render { answer(pair, revision, isJSON: isJSON, exchange) }
            }
        }
    }

    private static func answer(_ pair: KeyValue, _ revision: UInt64, isJSON: Bool, _ exchange: Exchange) {
        var headers = headers(of: pair, revision)
        // A browser must not take a value for a page.
        headers.add("X-Content-Type-Options", "nosniff")
        if isJSON {
            headers.add("Content-Type", "application/json")
            var json = JSONWriter(capacity: pair.key.bytes.count + pair.value.count + 128)
            json.value(pair)
            exchange.answer(HTTPResponse(status: 200, headers: headers, body: json.bytes))
        } else {
            headers.add(
                "Content-Type", isUTF8(pair.value) ? "text/plain; charset=utf-8" : "application/octet-stream")
            exchange.answer(HTTPResponse(status: 200, headers: headers, body: pair.value))
        }
    }

    /// Those that say which version of which representation it is.
    private static func headers(of pair: KeyValue, _ revision: UInt64) -> HTTPHeaders {
        var headers = HTTPHeaders()
        headers.add("ETag", "\"\(pair.modRevision)\"")
        headers.add("X-Revision", String(revision))
        headers.add("Vary", "Accept")
        return headers
    }

    private static func isUTF8(_ bytes: [UInt8]) -> Bool {
        do {
            _ = try UTF8Span(validating: bytes.span)
            return true
        } catch {
            return false
        }
    }

    // MARK: Subtrees

    private static func list(_ directory: Key, _ exchange: Exchange) throws(Problem) {
        let query = exchange.query
        let isRecursive = try query.bool("recursive") ?? true
        let limit = Int(try query.integer("limit", in: limits) ?? defaultLimit)
        let after = try after(query)
        exchange.read(try query.consistency(default: .linearizable)) { view in
            let revision = view.metadata.counters.revision
            let listing = view.metadata.list(
                below: directory, isRecursive: isRecursive, after: after, limit: limit, byteLimit: maxPageBytes)
            exchange.render { answer(listing, revision, exchange) }
        }
    }

    /// A key, or with a slash at its end a directory, as `next` gives them.
    private static func after(_ query: QueryParameters) throws(Problem) -> Key? {
        guard let bytes = try query.bytes("after") else { return nil }
        do throws(KeyError) {
            _ = try Key.validateDirectory(bytes)
        } catch {
            throw Problem(.invalidParameter, "parameter `after`: \(error.description)")
        }
        return Key(validated: bytes)
    }

    private static func answer(_ listing: Listing, _ revision: UInt64, _ exchange: Exchange) {
        exchange.answerJSON(
            headers: [(name: "X-Revision", value: String(revision))], capacity: 64 + 128 * listing.entries.count
        ) { json in
            json.object { json in
                json.field("revision", revision)
                json.arrayField("entries") { json in
                    for entry in listing.entries { json.value(entry) }
                }
                json.field("next", listing.next?.description)
            }
        }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ pair: KeyValue) {
        object { json in
            json.field("key", pair.key.description)
            json.bytesField("value", base64: "valueBase64", pair.value)
            json.field("createRevision", pair.createRevision)
            json.field("modRevision", pair.modRevision)
            json.field("version", pair.version)
        }
    }

    fileprivate mutating func value(_ entry: Listing.Entry) {
        switch entry {
        case .keyValue(let pair): value(pair)
        case .directory(let bytes):
            object { $0.field("directory", String(decoding: bytes, as: UTF8.self)) }
        }
    }
}
