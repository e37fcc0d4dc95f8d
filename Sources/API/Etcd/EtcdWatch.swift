import HTTP
import Metadata
import Server
import Wire

/// The service Watch: one watch to a stream.
enum EtcdWatch {
    /// What one is asked for.
    struct Request: Sendable {
        let keys: KeySpan
        /// From which revision on; `nil`: from now on.
        let start: Int64?
        var arePutsWanted = true
        var areDeletionsWanted = true
        let showsPrevious: Bool
        let notifies: Bool
        let id: Int64
        /// Times that the client asked how far the watch is, in the same body.
        let progressRequests: Int

        init(_ messages: [JSONObject]) throws {
            guard let create = try messages.first?.message("create_request") else {
                throw EtcdError("etcdserver: the first message must be a create_request", .invalidArgument)
            }
            keys = try KeySpan(etcd: create, isKeyNeeded: false)
            let revision = try create.int64("start_revision")
            start = revision == 0 ? nil : revision
            showsPrevious = try create.flag("prev_kv")
            notifies = try create.flag("progress_notify")
            id = try create.int64("watch_id")
            for filter in try create.enumerators("filters", ["NOPUT", "NODELETE"]) {
                if filter == 0 { arePutsWanted = false } else { areDeletionsWanted = false }
            }
            progressRequests = messages.dropFirst().count { $0.hasField("progress_request") }
        }

        func wants(_ event: KeyEvent) -> Bool {
            if case .put = event { arePutsWanted } else { areDeletionsWanted }
        }
    }

    private static let maxMessages = 64

    static func begin(_ exchange: Exchange, _ body: [UInt8]) throws {
        let request = try Request(try JSONObject.sequence(body, limit: maxMessages))
        if request.keys.isEmpty { return answerEmptyRange(exchange) }
        if let start = request.start, start < 0 { return answerCompacted(nil, request, exchange) }
        let doorbell = Doorbell()
        // The event at the revision that it is to begin with is told, too.
        let after = request.start.map { UInt64(max(0, $0 - 1)) }
        let completion: @Sendable (Result<KeyWatch, WatchFailure>) -> Void = { result in
            switch result {
            case .success(let watch):
                let stream = EtcdWatchBody.stream(of: watch, request, exchange, doorbell)
                exchange.answer(HTTPResponse(status: 200, headers: EtcdStream.headers, stream: stream))
            case .failure(.revision(.compacted(let oldest))): answerCompacted(oldest, request, exchange)
            case .failure(.revision(.future)): exchange.answer(EtcdStream.head(.future))
            case .failure(.request(let failure)): exchange.answer(EtcdStream.head(EtcdError(failure)))
            }
        }
        exchange.service.watch(request.keys, after: after, wake: { doorbell.ring() }, completion: completion)
    }

    private static func answerEmptyRange(_ exchange: Exchange) {
        answerLines(exchange) { json in
            json.field("watch_id", "-1")
            json.field("created", true)
            json.field("canceled", true)
            json.field("cancel_reason", "mvcc: watcher range is empty")
        }
    }

    /// - Parameter oldest: `nil` for whatever is.
    private static func answerCompacted(_ oldest: UInt64?, _ request: Request, _ exchange: Exchange) {
        answerLines(exchange) { json in
            json.proto("watch_id", request.id)
            json.field("created", true)
        } _: { json, present in
            json.proto("watch_id", request.id)
            json.field("canceled", true)
            json.proto("compact_revision", oldest ?? present)
        }
    }

    /// One or two messages, and the end. Each is a chunk of its own.
    private static func answerLines(
        _ exchange: Exchange, _ first: @escaping @Sendable (inout JSONWriter) -> Void,
        _ second: (@Sendable (inout JSONWriter, _ oldest: UInt64) -> Void)? = nil
    ) {
        exchange.service.read(.stale) { view in
            let state = (try? view.get())?.metadata ?? MetadataStateMachine()
            let (revision, oldest) = (state.counters.revision, state.oldestRevision)
            var lines = [message(exchange, revision, first)]
            if let second { lines.append(message(exchange, revision) { second(&$0, oldest) }) }
            let waiting = lines
            var next = 0
            let stream = HTTPBodyStream(live: { out, _ in
                guard next < waiting.count else { return .ended }
                out.append(contentsOf: waiting[next])
                next += 1
                return next == waiting.count ? .ended : .more
            })
            exchange.answer(HTTPResponse(status: 200, headers: EtcdStream.headers, stream: stream))
        }
    }

    /// `{"result":{"header":{…},…}}` and the end of the line.
    static func message(
        _ exchange: Exchange, _ revision: UInt64, _ write: (inout JSONWriter) -> Void
    ) -> [UInt8] {
        var json = JSONWriter(capacity: 512)
        json.object { json in
            json.objectField("result") { json in
                json.header(exchange.service, revision: revision)
                write(&json)
            }
        }
        return json.bytes + [UInt8(ascii: "\n")]
    }
}
