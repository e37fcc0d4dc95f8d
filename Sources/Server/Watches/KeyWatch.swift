import Defects
import Metadata
import Synchronization

/// One change that a watch is told of.
public enum KeyEvent: Equatable, Sendable {
    case put(KeyValue, previous: KeyValue?)
    case delete(revision: UInt64, previous: KeyValue)

    public var revision: UInt64 {
        switch self {
        case .put(let pair, _): pair.modRevision
        case .delete(let revision, _): revision
        }
    }

    var key: Key {
        switch self {
        case .put(let pair, _): pair.key
        case .delete(_, let previous): previous.key
        }
    }
}

/// Somebody who wants to know of each change of some keys, in order: a position in the history, and nothing more. So who
/// does not read costs no memory, and is told when what he has not read is given up.
public final class KeyWatch: Sendable {
    /// What there is to tell.
    public enum News: Sendable {
        /// All up to revision `through` is told with these; of the one behind it they may have the beginning.
        case events([KeyEvent], through: UInt64)
        /// Nothing up to this revision.
        case nothing(through: UInt64)
        /// What follows the last events is not kept any more.
        case compacted(oldest: UInt64)
        /// The node ends.
        case ended
    }

    private struct State {
        /// All up to there has been told, or concerns nobody.
        var told: UInt64
        /// The first revision behind it that may have something; `nil` while none has.
        var due: UInt64?
        /// How many changes of revision `due` have been told, and what is left of those that the next one deleted.
        var changesTold = 0
        var sweep: DeletedKeys.Iterator?
        var hasEnded = false
    }

    public let range: KeySpan
    /// Changes behind this revision are told.
    public let start: UInt64
    let wake: @Sendable () -> Void
    private let source: PublishedHistory
    private let state: Mutex<State>

    /// Of one turn: bounds on what is looked at, and on what is handed out.
    private static let maximumRevisions = 4096
    private static let maximumEvents = 256

    init(
        _ range: KeySpan, after revision: UInt64, _ source: PublishedHistory, wake: @escaping @Sendable () -> Void
    ) {
        (self.range, start, self.source, self.wake) = (range, revision, source, wake)
        state = Mutex(State(told: revision, due: nil))
    }

    /// These revisions may have something; true if it is to be woken. (It may begin in the middle of them, where it is ahead of
    /// the node.)
    func note(_ revisions: ClosedRange<UInt64>) -> Bool {
        state.withLock { state in
            guard revisions.upperBound > state.told, state.due == nil else { return false }
            state.due = max(revisions.lowerBound, state.told + 1)
            return true
        }
    }

    func end() {
        state.withLock { $0.hasEnded = true }
        wake()
    }

    /// What comes next, a bounded number at a time. By one thread at a time.
    public func next() -> News {
        state.withLock { state in
            if state.hasEnded { return .ended }
            let history = source.latest
            guard let due = state.due else {
                state.told = max(state.told, history.last)
                return .nothing(through: state.told)
            }
            guard due > history.horizon else { return .compacted(oldest: history.horizon) }
            // It is on its way here.
            guard due <= history.last else { return .nothing(through: state.told) }
            return advance(from: due, in: history, &state)
        }
    }

    private func advance(from due: UInt64, in history: KeyHistory, _ state: inout State) -> News {
        var events: [KeyEvent] = []
        var revision = due
        let isAmidRevision = state.changesTold > 0 || state.sweep != nil
        let end = min(history.last, due + UInt64(Self.maximumRevisions) - 1)
        while revision <= end, events.count < Self.maximumEvents {
            guard collect(history.changes(at: revision), at: revision, &events, &state) else { break }
            state.told = revision
            revision += 1
        }
        state.due = revision <= history.last ? revision : nil
        return events.isEmpty && state.due == nil && !isAmidRevision
            ? .nothing(through: state.told) : .events(events, through: state.told)
    }

    /// False when something of the revision is left.
    private func collect(
        _ changes: [Change], at revision: UInt64, _ events: inout [KeyEvent], _ state: inout State
    ) -> Bool {
        for index in state.changesTold..<changes.count {
            switch changes[index] {
            case .keyPut(let pair, let previous) where range.contains(pair.key):
                events.append(.put(pair, previous: previous))
            case .keyDeleted where Defect.watchWithoutDeletions.isOn: break
            case .keyDeleted(let pair) where range.contains(pair.key):
                events.append(.delete(revision: revision, previous: pair))
            case .keysDeleted(let deleted):
                var rest = state.sweep ?? deleted.makeIterator()
                state.sweep = nil
                while let pair = rest.next() {
                    if range.contains(pair.key) { events.append(.delete(revision: revision, previous: pair)) }
                    guard events.count >= Self.maximumEvents else { continue }
                    (state.changesTold, state.sweep) = (index, rest)
                    return false
                }
            default: break
            }
        }
        state.changesTold = 0
        return true
    }
}
