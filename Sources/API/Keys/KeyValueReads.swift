import HTTP
import Metadata
import Server
import Wire

/// `GET` of `/api/v1/kv`: one key, or a subtree.
enum KeyValueReads {
    /// Of one page of a subtree, in bytes of keys and values.
    static let maxPageBytes = 4 * 1024 * 1024
    static let defaultLimit: UInt64 = 1000
    static let limits: ClosedRange<UInt64> = 1...10_000

    static let parameters = ["consistency", "recursive", "limit", "after", "revision", "history", "before"]

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let query = exchange.query
        let path = try KeyPath(exchange.tail)
        if try KeyValueWatches.answer(path, exchange) { return }
        let isOfHistory = try KeyValueHistory.isAskedFor(query)
        switch path {
        case .key(let key) where isOfHistory: try KeyValueHistory.list(key, exchange)
        case .directory where isOfHistory: throw Problem(.invalidParameter, "history=true is for one key")
        case .key(let key):
            try get(
                key, at: try KeyValueHistory.revision(query), try query.consistency(default: .linearizable), exchange)
        case .directory(let key): try list(try Page(key, query), exchange)
        }
    }

    /// What is there now, as this node has it.
    static func answerStale(_ path: KeyPath, _ exchange: Exchange) throws(Problem) {
        switch path {
        case .key(let key): try get(key, at: nil, .stale, exchange)
        case .directory(let directory): try list(Page(directory), exchange)
        }
    }

    // MARK: One key

    private static func get(
        _ key: Key, at wanted: UInt64?, _ consistency: Consistency, _ exchange: Exchange
    ) throws(Problem) {
        let isJSON = exchange.request.headers["Accept"].map(MediaType.acceptsJSON) ?? false
        let conditions = try Conditions(exchange.request.headers)
        exchange.read(consistency) { view in
            let revision = view.metadata.counters.revision
            let found: KeyValue?
            do throws(RevisionFault) {
                found = if let wanted { try view.metadata.value(key, at: wanted) } else { view.metadata.value(key) }
            } catch { return exchange.answer(Problem(error)) }
            guard let pair = found else { return exchange.answer(.unknownKey(key)) }
            var headers = headers(of: pair, revision)
            switch conditions.verdict(present: pair.modRevision) {
            case .holds: break
            case .matchFailed: return exchange.answer(.revisionMismatch(present: pair.modRevision))
            case .noneMatchFailed: return exchange.answer(HTTPResponse(status: 304, headers: headers))
            }
            // A browser must not take a value for a page.
            headers.add("X-Content-Type-Options", "nosniff")
            if isJSON {
                exchange.answerJSON(headers: headers, stream: JSONStream.body(.each([pair], JSONStream.steps)))
            } else {
                headers.add(
                    "Content-Type", isUTF8(pair.value) ? "text/plain; charset=utf-8" : "application/octet-stream")
                exchange.answer(
                    pair.value.count <= HTTPBodyStream.pieceBytes / 4
                        ? HTTPResponse(status: 200, headers: headers, body: pair.value)
                        : HTTPResponse(status: 200, headers: headers, stream: HTTPBodyStream(sharing: pair.value)))
            }
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

    // MARK: Subtrees

    /// Which page of a subtree is wanted.
    private struct Page {
        let directory: Key
        var revision: UInt64?
        var isRecursive = true
        var limit = Int(defaultLimit)
        var after: Key?
        var consistency = Consistency.stale

        init(_ directory: Key) { self.directory = directory }

        init(_ directory: Key, _ query: QueryParameters) throws(Problem) {
            self.directory = directory
            isRecursive = try query.bool("recursive") ?? true
            limit = Int(try query.integer("limit", in: limits) ?? defaultLimit)
            after = try KeyValueReads.after(query)
            consistency = try query.consistency(default: .linearizable)
            revision = try KeyValueHistory.revision(query)
        }
    }

    private static func list(_ page: Page, _ exchange: Exchange) throws(Problem) {
        guard let revision = page.revision else {
            return exchange.read(page.consistency) { view in
                let revision = view.metadata.counters.revision
                let listing = view.metadata.list(
                    below: page.directory, isRecursive: page.isRecursive, after: page.after, limit: page.limit,
                    byteLimit: maxPageBytes)
                answer(listing, of: revision, at: revision, exchange)
            }
        }
        // Looks at all changes since then.
        exchange.readAside(page.consistency) { state in
            do throws(RevisionFault) {
                let listing = try state.list(
                    below: page.directory, at: revision, isRecursive: page.isRecursive, after: page.after,
                    limit: page.limit, byteLimit: maxPageBytes)
                answer(listing, of: revision, at: state.counters.revision, exchange)
            } catch { exchange.answer(Problem(error)) }
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

    /// - Parameters:
    ///   - revision: Which state it shows.
    ///   - present: The state's when it was asked for.
    private static func answer(
        _ listing: Listing, of revision: UInt64, at present: UInt64, _ exchange: Exchange
    ) {
        let body = JSONStream.body(
            .object(
                .one { $0.field("revision", revision) },
                .array("entries", .each(listing.entries, JSONStream.steps)),
                .one { json in
                    json.field("next", listing.next.map { isUTF8($0.bytes) ? $0.description : nil } ?? nil)
                    if let next = listing.next, !isUTF8(next.bytes) { json.base64Field("nextBase64", next.bytes) }
                }))
        exchange.answerJSON(headers: HTTPHeaders([(name: "X-Revision", value: String(present))]), stream: body)
    }
}

extension JSONStream {
    static func steps(_ entry: Listing.Entry) -> [Step] {
        switch entry {
        case .keyValue(let pair): steps(pair)
        case .directory(let bytes):
            [.write { json in json.object { $0.field("directory", String(decoding: bytes, as: UTF8.self)) } }]
        }
    }
}
