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
/// A change that nobody watches costs a lookup for each length of a beginning that somebody watches, a comparison for each
/// other span, and nothing while there are no watches.
struct KeyWatches {
    private typealias Group = [ObjectIdentifier: KeyWatch]

    private var ofKeys: [Key: Group] = [:]
    /// By what all keys begin with.
    private var ofPrefixes: [Key: Group] = [:]
    private var prefixLengths: [Int: Int] = [:]
    /// Of spans that are neither.
    private var ofRanges: [KeySpan: Group] = [:]
    private(set) var count = 0
    private let source: PublishedHistory
    /// Up to where the watches have been told what may concern them.
    private var noted: UInt64
    /// What is looked up one by one in a turn; of more all are told that there may be something.
    private static let maximumRevisions: UInt64 = 4096
    /// Spans that each change is compared with.
    static let maximumRanges = 1000

    init(_ state: MetadataStateMachine) {
        source = PublishedHistory(KeyHistory(horizon: state.counters.revision))
        noted = state.counters.revision
    }

    /// Behind which revision a watch begins that is to tell all behind `revision`, or from now on.
    static func start(after revision: UInt64?, _ state: MetadataStateMachine) throws(RevisionFault) -> UInt64 {
        guard let revision else { return state.counters.revision }
        let oldest = state.oldestRevision
        // At revision 1 the store is empty: nothing lies between 0 and 1.
        guard revision >= oldest || oldest == 1 else { throw .compacted(oldest: oldest) }
        return max(revision, oldest)
    }

    /// Whether one more span can be watched.
    func hasRoom(for keys: KeySpan, limit: Int) -> Bool {
        guard count < limit else { return false }
        if case .key = keys { return true }
        return keys.commonPrefix != nil || ofRanges[keys] != nil || ofRanges.count < Self.maximumRanges
    }

    /// - Parameter revision: All behind it is told.
    mutating func add(
        _ range: KeySpan, after revision: UInt64, _ state: MetadataStateMachine, wake: @escaping @Sendable () -> Void
    ) -> KeyWatch {
        if count == 0 {
            source.publish(state.history)
            noted = state.counters.revision
        }
        let watch = KeyWatch(range, after: revision, source, wake: wake)
        if revision < noted, !Defect.watchResumesLate.isOn { _ = watch.note(revision + 1...noted) }
        insert(watch)
        count += 1
        return watch
    }

    private mutating func insert(_ watch: KeyWatch) {
        let id = ObjectIdentifier(watch)
        if case .key(let key) = watch.range {
            ofKeys[key, default: [:]][id] = watch
        } else if let prefix = watch.range.commonPrefix {
            if ofPrefixes[Key(validated: prefix)] == nil { prefixLengths[prefix.count, default: 0] += 1 }
            ofPrefixes[Key(validated: prefix), default: [:]][id] = watch
        } else {
            ofRanges[watch.range, default: [:]][id] = watch
        }
    }

    mutating func remove(_ watch: KeyWatch) {
        guard erase(watch) else { return }
        count -= 1
        // Nobody holds a second copy of what changes.
        if count == 0 { source.publish(KeyHistory(horizon: noted)) }
    }

    /// False if it was not there.
    private mutating func erase(_ watch: KeyWatch) -> Bool {
        let id = ObjectIdentifier(watch)
        if case .key(let key) = watch.range { return Self.erase(id, from: &ofKeys, at: key).found }
        guard let prefix = watch.range.commonPrefix else {
            return Self.erase(id, from: &ofRanges, at: watch.range).found
        }
        let (found, isLast) = Self.erase(id, from: &ofPrefixes, at: Key(validated: prefix))
        if isLast {
            prefixLengths[prefix.count, default: 0] -= 1
            if prefixLengths[prefix.count] == 0 { prefixLengths[prefix.count] = nil }
        }
        return found
    }

    private static func erase<Span>(
        _ id: ObjectIdentifier, from groups: inout [Span: Group], at span: Span
    ) -> (found: Bool, isLast: Bool) {
        guard groups[span]?.removeValue(forKey: id) != nil else { return (false, false) }
        guard groups[span]?.isEmpty == true else { return (true, false) }
        groups[span] = nil
        return (true, true)
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
        case .keyPut(let pair, _), .keyDeleted(let pair): watches(of: pair.key)
        // A million keys, maybe.
        case .keysDeleted(let deleted):
            groups.filter { group in
                group.first.map { deleted.hasAny(from: $0.value.range.lower, before: $0.value.range.end) } ?? false
            }.flatMap(\.values)
        default: []
        }
    }

    private func watches(of key: Key) -> [KeyWatch] {
        var found = ofKeys[key].map { Array($0.values) } ?? []
        for length in prefixLengths.keys where length <= key.bytes.count {
            let prefix = Key(validated: length == key.bytes.count ? key.bytes : Array(key.bytes[..<length]))
            if let group = ofPrefixes[prefix] { found += group.values }
        }
        for (span, group) in ofRanges where span.contains(key) { found += group.values }
        return found
    }

    /// Of each span.
    private var groups: [Group] { Array(ofKeys.values) + ofPrefixes.values + ofRanges.values }

    private var all: [KeyWatch] { groups.flatMap(\.values) }

    /// The node ends.
    func end() { for watch in all { watch.end() } }
}

extension Node {
    func watch(
        _ range: KeySpan, after revision: UInt64?, wake: @escaping @Sendable () -> Void
    ) -> Result<KeyWatch, WatchFailure> {
        if let outOfService { return .failure(.request(.unavailable(outOfService))) }
        guard metadata.keepsHistory else { return .failure(.request(.levelTooLow(needed: 2))) }
        guard keyWatches.hasRoom(for: range, limit: settings.maximumWatches) else {
            return .failure(.request(.overloaded))
        }
        do throws(RevisionFault) {
            let start = try KeyWatches.start(after: revision, metadata)
            return .success(keyWatches.add(range, after: start, metadata, wake: wake))
        } catch { return .failure(.revision(error)) }
    }
}
