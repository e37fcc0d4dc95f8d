import HTTP
import Metadata
import Server
import Synchronization
import Wire

/// Rings for whoever has been put behind it. What rang before is nobody's: who comes looks once by himself.
final class Doorbell: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func ring() { action.withLock { $0 }?() }

    func answer(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }

    func mute() { action.withLock { $0 = nil } }
}

/// The lines that one watch is told, as a body that grows. Holds no events but those of one turn; a value of any length is
/// written in pieces.
final class WatchBody: @unchecked Sendable {
    private let watch: KeyWatch
    private let options: KeyValueWatches.Options
    private let isSSE: Bool
    /// Called when nobody listens any more.
    private let release: @Sendable () -> Void
    private weak var stream: HTTPBodyStream?

    // Touched by the producer only.
    private var line: JSONStream?
    private var events: ArraySlice<KeyEvent> = []
    private var hasBegun = false
    private var hasEnded = false

    /// Rings when it is time to say that nothing happened.
    private var alarm: Alarm?
    private let isProgressDue = Atomic(false)

    private init(
        _ watch: KeyWatch, _ options: KeyValueWatches.Options, isSSE: Bool, _ exchange: Exchange, _ doorbell: Doorbell
    ) {
        (self.watch, self.options, self.isSSE) = (watch, options, isSSE)
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

    /// - Parameter doorbell: Rings when the watch may have something.
    static func stream(
        of watch: KeyWatch, _ options: KeyValueWatches.Options, isSSE: Bool, _ exchange: Exchange,
        _ doorbell: Doorbell
    ) -> HTTPBodyStream {
        let body = WatchBody(watch, options, isSSE: isSSE, exchange, doorbell)
        let stream = HTTPBodyStream(live: { out, isLast in body.produce(&out, isLast: isLast) })
        body.stream = stream
        doorbell.answer { [weak stream] in stream?.wake() }
        body.alarm = Alarm(on: exchange.timers) { [weak body] in
            body?.isProgressDue.store(true, ordering: .relaxed)
            body?.stream?.wake()
        }
        return stream
    }

    private func produce(_ out: inout [UInt8], isLast: Bool) -> HTTPBodyStream.Progress {
        while out.count < HTTPBodyStream.pieceBytes / 2 {
            if line != nil {
                writeLine(&out)
            } else if hasEnded {
                release()
                return .ended
            } else if isLast {
                sayGoodbye(&out)
            } else if !hasBegun {
                hasBegun = true
                tellProgress(watch.start, &out)
            } else if let event = events.popFirst() {
                begin(event, &out)
            } else if !lookForNews(&out) {
                return .waiting
            } else if events.isEmpty, line == nil, !hasEnded {
                // Much that does not concern it: others come first.
                return .more
            }
        }
        return .more
    }

    /// False when there are none.
    private func lookForNews(_ out: inout [UInt8]) -> Bool {
        switch watch.next() {
        case .events(let found):
            events = found.filter(options.wants)[...]
            alarm?.set(after: options.progress)
        case .nothing(let revision):
            let isDue = isProgressDue.exchange(false, ordering: .relaxed)
            guard isDue else { return false }
            tellProgress(revision, &out)
        case .compacted(let oldest):
            hasEnded = true
            begin(nil, &out) { json in
                json.field("type", "compacted")
                json.field("oldestRevision", oldest)
            }
        case .ended: sayGoodbye(&out)
        }
        return true
    }

    private func tellProgress(_ revision: UInt64, _ out: inout [UInt8]) {
        alarm?.set(after: options.progress)
        begin(revision, &out) { json in
            json.field("type", "progress")
            json.field("revision", revision)
        }
    }

    private func sayGoodbye(_ out: inout [UInt8]) {
        hasEnded = true
        begin(nil, &out) { $0.field("type", "bye") }
    }

    // MARK: Lines

    private func writeLine(_ out: inout [UInt8]) {
        guard line?.produce(&out) == false else { return }
        line = nil
        out.append(contentsOf: (isSSE ? "\n\n" : "\n").utf8)
    }

    /// Of server-sent events the field names (HTML, "Server-sent events").
    private func begin(_ revision: UInt64?, _ out: inout [UInt8], _ steps: [JSONStream.Step]) {
        if isSSE {
            if let revision { out.append(contentsOf: "id: \(revision)\n".utf8) }
            out.append(contentsOf: "data: ".utf8)
        }
        line = JSONStream(steps)
    }

    private func begin(_ revision: UInt64?, _ out: inout [UInt8], _ write: @escaping (inout JSONWriter) -> Void) {
        begin(revision, &out, [.write { json in json.object(write) }])
    }

    private func begin(_ event: KeyEvent, _ out: inout [UInt8]) {
        var steps: [JSONStream.Step]
        let replaced: KeyValue?
        switch event {
        case .put(let pair, let previous):
            replaced = previous
            steps = [
                .write { json in
                    json.beginObject()
                    json.field("type", "put")
                    json.field(key: pair.key)
                },
                .bytes(name: "value", base64: "valueBase64", pair.value),
                .write { json in
                    json.field("modRevision", pair.modRevision)
                    json.field("createRevision", pair.createRevision)
                    json.field("version", pair.version)
                    if let lease = pair.lease { json.field("lease", lease: lease) }
                },
            ]
        case .delete(let revision, let previous):
            replaced = previous
            steps = [
                .write { json in
                    json.beginObject()
                    json.field("type", "delete")
                    json.field(key: previous.key)
                    json.field("modRevision", revision)
                }
            ]
        }
        if options.isPreviousWanted, let replaced {
            steps += [.write { $0.key("previous") }] + JSONStream.steps(replaced)
        }
        begin(event.revision, &out, steps + [.write { $0.endObject() }])
    }
}
