import Defects
import Metadata
import Synchronization

/// The history as of the last batch, while there are watches, for threads that read it.
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
    /// Of the watched directories: nobody watches what lies deeper. Not less than it is.
    private var longestDirectory = 0
    /// What is looked up one by one in a turn; of more all are told that there may be something.
    private static let maximumRevisions: UInt64 = 4096

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
        if case .subtree(let directory) = range { longestDirectory = max(longestDirectory, directory.bytes.count) }
        return watch
    }

    mutating func remove(_ watch: KeyWatch) {
        guard watches[watch.range]?.removeValue(forKey: ObjectIdentifier(watch)) != nil else { return }
        if watches[watch.range]?.isEmpty == true { watches[watch.range] = nil }
        count -= 1
        guard count == 0 else { return }
        // Nobody holds a second copy of what changes.
        source.publish(KeyHistory(horizon: noted))
        longestDirectory = 0
    }

    /// After each batch of applied entries: wakes those whom it concerns.
    mutating func follow(_ state: MetadataStateMachine) {
        guard count > 0, state.counters.revision > noted else { return }
        let present = state.counters.revision
        var concerned: [KeyWatch] = []
        // A snapshot has brought more than it tells one by one, or than one turn should look at.
        let isLong = present - noted > Self.maximumRevisions
        let unknown = isLong ? present : max(noted, state.history.horizon)
        if noted < unknown {
            let revisions = noted + 1...unknown
            concerned = all.filter { $0.note(revisions) }
        }
        for revision in unknown..<present {
            concerned += state.history.changes(at: revision + 1).flatMap { watches(concernedBy: $0) }
                .filter { $0.note(revision + 1...revision + 1) }
        }
        noted = present
        source.publish(state.history)
        if Defect.watchersNotWoken.isOn { return }
        for watch in concerned { watch.wake() }
    }

    private func watches(concernedBy change: Change) -> [KeyWatch] {
        switch change {
        case .keyPut(let pair, _), .keyDeleted(let pair):
            KeyRange.all(containing: pair.key, upTo: longestDirectory).flatMap { range in
                watches[range].map { Array($0.values) } ?? []
            }
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
