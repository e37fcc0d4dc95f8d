import Defects
import Metadata
import Synchronization

/// The history as of the last batch that concerned a watch, for threads that read it.
final class PublishedHistory: Sendable {
    private let history: Mutex<KeyHistory>

    init(_ history: KeyHistory) { self.history = Mutex(history) }

    var latest: KeyHistory { history.withLock { $0 } }

    func publish(_ history: KeyHistory) { self.history.withLock { $0 = history } }
}

/// Who watches which keys. Confined to the node's executor, but for the watches themselves.
///
/// A change that nobody watches costs a lookup for each directory above its key, and nothing while there are no watches.
struct KeyWatches {
    private var watches: [KeyRange: [ObjectIdentifier: KeyWatch]] = [:]
    private(set) var count = 0
    private let source: PublishedHistory
    /// Up to where the watches have been told what may concern them.
    private var noted: UInt64
    private(set) var started: UInt64 = 0

    init(_ state: MetadataStateMachine) {
        source = PublishedHistory(KeyHistory(horizon: state.counters.revision))
        noted = state.counters.revision
    }

    /// - Parameter revision: All behind it is told.
    mutating func add(
        _ range: KeyRange, after revision: UInt64, _ state: MetadataStateMachine, wake: @escaping @Sendable () -> Void
    ) -> KeyWatch {
        if count == 0 {
            source.publish(state.history)
            noted = state.counters.revision
        }
        let watch = KeyWatch(range, after: revision, source, wake: wake)
        if revision < noted, !Defect.watchResumesLate.isOn { _ = watch.note(revision + 1...noted) }
        watches[range, default: [:]][ObjectIdentifier(watch)] = watch
        count += 1
        started += 1
        return watch
    }

    mutating func remove(_ watch: KeyWatch) {
        guard watches[watch.range]?.removeValue(forKey: ObjectIdentifier(watch)) != nil else { return }
        if watches[watch.range]?.isEmpty == true { watches[watch.range] = nil }
        count -= 1
        // Nobody holds a second copy of what changes.
        if count == 0 { source.publish(KeyHistory(horizon: noted)) }
    }

    /// After each batch of applied entries: wakes those whom it concerns.
    mutating func follow(_ state: MetadataStateMachine) {
        guard count > 0, state.counters.revision > noted else { return }
        var concerned: [KeyWatch] = []
        let first = max(noted, state.history.horizon) + 1
        // A snapshot has brought more than it tells one by one.
        if noted < state.history.horizon {
            let unknown = noted + 1...state.history.horizon
            concerned = all.filter { $0.note(unknown) }
        }
        for revision in first..<(state.counters.revision + 1) {
            concerned += state.history.changes(at: revision).flatMap { watches(concernedBy: $0) }
                .filter { $0.note(revision...revision) }
        }
        noted = state.counters.revision
        source.publish(state.history)
        if Defect.watchersNotWoken.isOn { return }
        for watch in concerned { watch.wake() }
    }

    private func watches(concernedBy change: Change) -> [KeyWatch] {
        switch change {
        case .keyPut(let pair, _), .keyDeleted(let pair):
            KeyRange.all(containing: pair.key).flatMap { watches[$0].map { Array($0.values) } ?? [] }
        // A million keys, maybe.
        case .keysDeleted(let deleted): watches.filter { $0.key.meets(deleted) }.flatMap(\.value.values)
        default: []
        }
    }

    private var all: [KeyWatch] { watches.values.flatMap(\.values) }

    /// The node ends.
    func end() { for watch in all { watch.end() } }
}

extension Node {
    func watch(
        _ range: KeyRange, after revision: UInt64?, wake: @escaping @Sendable () -> Void
    ) -> Result<KeyWatch, WatchFailure> {
        if let outOfService { return .failure(.request(.unavailable(outOfService))) }
        guard metadata.keepsHistory else { return .failure(.request(.levelTooLow(needed: 2))) }
        guard keyWatches.count < settings.maximumWatches else { return .failure(.request(.overloaded)) }
        if let revision, revision < metadata.oldestRevision {
            return .failure(.revision(.compacted(oldest: metadata.oldestRevision)))
        }
        return .success(keyWatches.add(range, after: revision ?? metadata.counters.revision, metadata, wake: wake))
    }
}
