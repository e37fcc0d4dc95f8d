import HTTP
import Synchronization
import Wire

/// What happens, told line by line for as long as somebody listens (contract §10), as NDJSON or as the server-sent events of
/// HTML. Holds one line, which is written in pieces however long it is; what comes next is asked for when that is taken.
final class EventStream: @unchecked Sendable {
    enum News {
        /// - Parameter id: What an EventSource resumes behind.
        case event(id: UInt64?, AnySequence<JSONStream.Step>)
        /// Nothing up to this position; whoever has more wakes the stream.
        case nothing(through: UInt64)
        /// Much was looked at that does not concern it: others come first.
        case nothingSoFar
        /// Nothing follows this.
        case last(AnySequence<JSONStream.Step>)
        /// The node ends.
        case ended

        static func event(id: UInt64?, _ fields: @escaping (inout JSONWriter) -> Void) -> Self {
            .event(id: id, .one { $0.object(fields) })
        }
    }

    private let isSSE: Bool
    private let position: StaticString
    private let quiet: Duration
    private let release: @Sendable () -> Void
    private let next: () -> News
    private weak var body: HTTPBodyStream?

    // Touched by the producer only.
    private var line: JSONStream?
    private var hasEnded = false

    /// Rings when it is time to say that nothing happened.
    private var alarm: Alarm?
    private let isProgressDue = Atomic(false)

    private init(
        _ exchange: Exchange, position: StaticString, quiet: Duration, release: @escaping @Sendable () -> Void,
        next: @escaping () -> News
    ) {
        isSSE = Self.areServerSentEventsWanted(exchange)
        (self.position, self.quiet, self.next) = (position, quiet, next)
        let connection = exchange.request.connection
        let number = connection.onClose(release)
        self.release = {
            connection.callOff(number)
            release()
        }
    }

    /// Answers with a stream.
    ///
    /// - Parameters:
    ///   - bell: Rings when there may be something behind ``News/nothing(through:)``.
    ///   - position: How lines that say that nothing happened name where that was.
    ///   - quiet: How long nothing is said at most.
    ///   - release: Called when nobody listens any more, once or twice.
    ///   - next: What comes next. By one thread at a time, and not once it has said that it was the last.
    static func answer(
        _ exchange: Exchange, _ bell: Doorbell, position: StaticString, quiet: Duration,
        release: @escaping @Sendable () -> Void, next: @escaping () -> News
    ) {
        let stream = EventStream(exchange, position: position, quiet: quiet, release: release, next: next)
        let body = HTTPBodyStream(live: { out, isLast in stream.produce(&out, isLast: isLast) })
        stream.body = body
        stream.alarm = Alarm(on: exchange.timers) { [weak stream] in
            stream?.isProgressDue.store(true, ordering: .relaxed)
            stream?.body?.wake()
        }
        stream.alarm?.set(after: quiet)
        bell.answer { [weak body] in body?.wake() }
        exchange.answer(HTTPResponse(status: 200, headers: headers(exchange), stream: body))
    }

    /// Whether nothing but the head of the answer was asked for; answers that then.
    static func answerHead(_ exchange: Exchange) -> Bool {
        guard exchange.method == .head else { return false }
        exchange.answer(HTTPResponse(status: 200, headers: headers(exchange), stream: HTTPBodyStream { _ in false }))
        return true
    }

    /// Behind what the client wants to be told, if it says so: the parameter, or what a browser's EventSource sends when it comes again.
    static func start(_ exchange: Exchange, parameter: String = "after") throws(Problem) -> UInt64? {
        let all = 0...UInt64(Limits.maxInteger)
        if let after = try exchange.query.integer(parameter, in: all) { return after }
        guard let last = exchange.request.headers["Last-Event-ID"] else { return nil }
        guard let position = UInt64(last), all.contains(position) else {
            throw Problem(.invalidParameter, "Last-Event-ID must be the id of an event")
        }
        return position
    }

    private static func areServerSentEventsWanted(_ exchange: Exchange) -> Bool {
        exchange.request.headers["Accept"].map { MediaType.isSame($0, "text/event-stream") } ?? false
    }

    private static func headers(_ exchange: Exchange) -> HTTPHeaders {
        let type = areServerSentEventsWanted(exchange) ? "text/event-stream" : "application/x-ndjson"
        return HTTPHeaders([(name: "Content-Type", value: type), (name: "Cache-Control", value: "no-store")])
    }

    // MARK: Lines

    private func produce(_ out: inout [UInt8], isLast: Bool) -> HTTPBodyStream.Progress {
        let taken = out.count
        defer { if out.count > taken { alarm?.set(after: quiet) } }
        while out.count < HTTPBodyStream.pieceBytes / 2 {
            if line != nil {
                writeLine(&out)
            } else if hasEnded {
                release()
                return .ended
            } else if let progress = tell(isLast ? .ended : next(), &out) {
                return progress
            }
        }
        return .more
    }

    /// Begins a line, or says why there is none.
    private func tell(_ news: News, _ out: inout [UInt8]) -> HTTPBodyStream.Progress? {
        switch news {
        case .event(let id, let steps): begin(id, &out, steps)
        case .nothing(let through):
            guard isProgressDue.exchange(false, ordering: .relaxed) else { return .waiting }
            begin(through, &out, Self.progress(position, through))
        case .nothingSoFar: return .more
        case .last(let steps):
            hasEnded = true
            begin(nil, &out, steps)
        case .ended:
            hasEnded = true
            begin(nil, &out, .one { json in json.object { $0.field("type", "bye") } })
        }
        return nil
    }

    static func progress(_ position: StaticString, _ through: UInt64) -> AnySequence<JSONStream.Step> {
        .one { json in
            json.object { json in
                json.field("type", "progress")
                json.field(position, through)
            }
        }
    }

    /// Of server-sent events the field names (HTML, "Server-sent events").
    private func begin(_ id: UInt64?, _ out: inout [UInt8], _ steps: AnySequence<JSONStream.Step>) {
        if isSSE {
            if let id { out.append(contentsOf: "id: \(id)\n".utf8) }
            out.append(contentsOf: "data: ".utf8)
        }
        line = JSONStream(steps)
    }

    private func writeLine(_ out: inout [UInt8]) {
        guard line?.produce(&out) == false else { return }
        line = nil
        out.append(contentsOf: (isSSE ? "\n\n" : "\n").utf8)
    }
}
