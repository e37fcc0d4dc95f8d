import HTTP
import Metadata
import Server
import Synchronization
import Wire

/// The messages of one watch, as a body that grows. All events of one revision stand in one message, which is one chunk; only a
/// revision of more than ``maxMessageBytes`` is told in several.
final class EtcdWatchBody: @unchecked Sendable {
    static let maxMessageBytes = 1024 * 1024
    /// How long nothing must have happened to be told so, if the client wants that.
    private static let quiet: Duration = .seconds(600)

    private let watch: KeyWatch
    private let request: EtcdWatch.Request
    private let exchange: Exchange
    private let release: @Sendable () -> Void
    private weak var stream: HTTPBodyStream?

    // Touched by the producer only.
    private var hasBegun = false
    private var hasEnded = false
    private var progressOwed: Int
    /// Taken from the watch, and not told: the beginning of a revision.
    private var held: [KeyEvent] = []

    private var alarm: Alarm?
    private let isProgressDue = Atomic(false)

    private init(_ watch: KeyWatch, _ request: EtcdWatch.Request, _ exchange: Exchange, _ doorbell: Doorbell) {
        (self.watch, self.request, self.exchange) = (watch, request, exchange)
        progressOwed = request.progressRequests
        let (service, connection) = (exchange.service, exchange.request.connection)
        let end: @Sendable () -> Void = {
            doorbell.mute()
            service.unwatch(watch)
        }
        let number = connection.onClose(end)
        release = {
            connection.callOff(number)
            end()
        }
    }

    static func stream(
        of watch: KeyWatch, _ request: EtcdWatch.Request, _ exchange: Exchange, _ doorbell: Doorbell
    ) -> HTTPBodyStream {
        let body = EtcdWatchBody(watch, request, exchange, doorbell)
        let stream = HTTPBodyStream(live: { out, isLast in body.produce(&out, isLast: isLast) })
        body.stream = stream
        doorbell.answer { [weak stream] in stream?.wake() }
        guard request.notifies else { return stream }
        body.alarm = Alarm(on: exchange.timers) { [weak body] in
            body?.isProgressDue.store(true, ordering: .relaxed)
            body?.stream?.wake()
        }
        body.alarm?.set(after: quiet)
        return stream
    }

    /// One message at most: what is appended in one call is one chunk.
    private func produce(_ out: inout [UInt8], isLast: Bool) -> HTTPBodyStream.Progress {
        if hasEnded { return .ended }
        if isLast { return end(&out, EtcdStream.line(EtcdError("transport is closing", .unavailable))) }
        if !hasBegun {
            hasBegun = true
            out += message(watch.start) { $0.field("created", true) }
            return .more
        }
        switch watch.next() {
        case .events(let events, let through): return tell(events.filter(request.wants), through: through, &out)
        case .nothing(let revision):
            if progressOwed > 0 {
                progressOwed -= 1
                out += EtcdWatch.message(exchange, revision) { $0.field("watch_id", "-1") }
                return .more
            }
            guard isProgressDue.exchange(false, ordering: .relaxed) else { return .waiting }
            alarm?.set(after: Self.quiet)
            out += message(revision) { _ in }
            return .more
        case .compacted(let oldest):
            let line = message(oldest) { json in
                json.field("canceled", true)
                json.proto("compact_revision", oldest)
            }
            return end(&out, line)
        case .ended: return end(&out, EtcdStream.line(EtcdError("transport is closing", .unavailable)))
        }
    }

    private func end(_ out: inout [UInt8], _ line: [UInt8]) -> HTTPBodyStream.Progress {
        hasEnded = true
        release()
        out += line
        return .ended
    }

    private func tell(
        _ events: [KeyEvent], through revision: UInt64, _ out: inout [UInt8]
    ) -> HTTPBodyStream.Progress {
        held += events
        let isLong = held.reduce(0) { $0 + $1.byteCount } > Self.maxMessageBytes
        let complete = isLong ? held[...] : held.prefix { $0.revision <= revision }
        guard let last = complete.last?.revision else { return .more }
        out += message(max(revision, last)) { write(complete, to: &$0) }
        held.removeFirst(complete.count)
        alarm?.set(after: Self.quiet)
        return .more
    }

    private func message(_ revision: UInt64, _ write: (inout JSONWriter) -> Void) -> [UInt8] {
        EtcdWatch.message(exchange, revision) { json in
            json.proto("watch_id", request.id)
            write(&json)
        }
    }

    private func write(_ events: ArraySlice<KeyEvent>, to json: inout JSONWriter) {
        json.arrayField("events") { json in
            for event in events { json.object { write(event, to: &$0) } }
        }
    }

    private func write(_ event: KeyEvent, to json: inout JSONWriter) {
        let previous: KeyValue?
        switch event {
        case .put(let pair, let replaced):
            previous = replaced
            json.key("kv")
            json.proto(pair)
        case .delete(let revision, let deleted):
            previous = deleted
            json.field("type", "DELETE")
            json.objectField("kv") { json in
                json.base64Field("key", deleted.key.bytes)
                json.proto("mod_revision", revision)
            }
        }
        if request.showsPrevious { json.previous(previous) }
    }
}

extension KeyEvent {
    fileprivate var byteCount: Int {
        switch self {
        case .put(let pair, _): 128 + pair.key.bytes.count + pair.value.count
        case .delete(_, let previous): 128 + previous.key.bytes.count
        }
    }
}
