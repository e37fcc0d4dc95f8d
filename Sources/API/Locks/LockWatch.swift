import Dispatch
import HTTP
import Metadata
import Server
import Synchronization
import Wire

/// `?watch=true` of a lock: a line for each holder, from the present one on; who leads, where the lock is an election. Who reads
/// slowly is told of the latest.
final class LockWatch: @unchecked Sendable {
    private static let quiet: Duration = .seconds(10)

    private let name: LockName
    private let watch: KeyWatch
    private let exchange: Exchange
    private let release: @Sendable () -> Void
    private weak var stream: HTTPBodyStream?
    /// What has not been told yet.
    private let latest = Mutex<(state: LockState, revision: UInt64)?>(nil)
    private let isProgressDue = Atomic(false)
    private let hasNodeEnded = Atomic(false)
    private var alarm: Alarm?

    // Touched by the producer only.
    private var told: LockState?
    private var revision: UInt64 = 0
    private var hasEnded = false

    static func begin(_ name: LockName, _ exchange: Exchange) {
        let headers = HTTPHeaders([
            (name: "Content-Type", value: "application/x-ndjson"), (name: "Cache-Control", value: "no-store"),
        ])
        let doorbell = Doorbell()
        exchange.watch(name.queue, after: nil, doorbell) { watch in
            let body = LockWatch(name, watch, exchange, doorbell)
            let stream = HTTPBodyStream(live: { out, isLast in body.produce(&out, isLast: isLast) })
            body.stream = stream
            body.alarm = Alarm(on: exchange.timers) { [weak body] in
                body?.isProgressDue.store(true, ordering: .relaxed)
                body?.stream?.wake()
            }
            body.alarm?.set(after: quiet)
            doorbell.answer { [weak body] in exchange.looking.async { [weak body] in body?.look() } }
            doorbell.ring()
            exchange.answer(HTTPResponse(status: 200, headers: headers, stream: stream))
        }
    }

    private init(_ name: LockName, _ watch: KeyWatch, _ exchange: Exchange, _ doorbell: Doorbell) {
        (self.name, self.watch, self.exchange) = (name, watch, exchange)
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

    private func look() {
        var news = watch.next()
        while case .events = news { news = watch.next() }
        if case .ended = news { hasNodeEnded.store(true, ordering: .relaxed) }
        exchange.service.read(.stale) { [self] view in
            if case .success(let view) = view {
                let state = LockState(name, in: view.metadata)
                latest.withLock { $0 = (state, view.metadata.counters.revision) }
            }
            stream?.wake()
        }
    }

    private func produce(_ out: inout [UInt8], isLast: Bool) -> HTTPBodyStream.Progress {
        if hasEnded {
            release()
            return .ended
        }
        if let (state, revision) = latest.withLock({ $0 }), state != told {
            (told, self.revision) = (state, revision)
            write(&out) { json in
                json.field("type", "lock")
                state.write(to: &json)
                json.field("revision", revision)
            }
            alarm?.set(after: Self.quiet)
            return .more
        }
        if isLast || hasNodeEnded.load(ordering: .relaxed) {
            hasEnded = true
            write(&out) { $0.field("type", "bye") }
            return .more
        }
        guard isProgressDue.exchange(false, ordering: .relaxed) else { return .waiting }
        alarm?.set(after: Self.quiet)
        write(&out) { [revision] json in
            json.field("type", "progress")
            json.field("revision", revision)
        }
        return .more
    }

    private func write(_ out: inout [UInt8], _ fields: (inout JSONWriter) -> Void) {
        var json = JSONWriter()
        json.object(fields)
        out += json.bytes
        out.append(UInt8(ascii: "\n"))
    }
}
