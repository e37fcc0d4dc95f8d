import Metadata
import Server
import Wire

/// What one watch of keys is told. Holds the events of one turn. Whoever is cut off between two lines of one revision resumes
/// before both: only the last has an id.
final class KeyEvents {
    private let watch: KeyWatch
    private let options: KeyValueWatches.Options
    private var events: ArraySlice<KeyEvent> = []
    /// The last revision of which all is told with them.
    private var complete: UInt64 = 0
    private var hasBegun = false

    private init(_ watch: KeyWatch, _ options: KeyValueWatches.Options) {
        (self.watch, self.options) = (watch, options)
    }

    /// - Parameter doorbell: Rings when the watch may have something.
    static func answer(
        _ exchange: Exchange, _ watch: KeyWatch, _ options: KeyValueWatches.Options, _ doorbell: Doorbell
    ) {
        let (events, service) = (KeyEvents(watch, options), exchange.service)
        let release: @Sendable () -> Void = {
            doorbell.mute()
            service.unwatch(watch)
        }
        EventStream.answer(
            exchange, doorbell, position: "revision", quiet: options.progress, release: release, next: events.next)
    }

    private func next() -> EventStream.News {
        if !hasBegun {
            hasBegun = true
            return .event(id: watch.start, EventStream.progress("revision", watch.start))
        }
        if let event = events.popFirst() { return line(of: event) }
        switch watch.next() {
        case .events(let found, let through):
            (events, complete) = (found.filter(options.wants)[...], through)
            return events.popFirst().map(line) ?? .nothingSoFar
        case .nothing(let revision): return .nothing(through: revision)
        case .compacted(let oldest):
            return .last(
                .one { json in
                    json.object { json in
                        json.field("type", "compacted")
                        json.field("oldestRevision", oldest)
                    }
                })
        case .ended: return .ended
        }
    }

    private func line(of event: KeyEvent) -> EventStream.News {
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
        let isLastOfRevision = events.first.map { $0.revision != event.revision } ?? (event.revision <= complete)
        return .event(id: isLastOfRevision ? event.revision : nil, AnySequence(steps + [.write { $0.endObject() }]))
    }
}
