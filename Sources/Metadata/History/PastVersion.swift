/// A version of a key that is not the present one any more, and until when it was.
public struct PastVersion: Equatable, Sendable {
    /// The revision that ended it.
    public var ended: UInt64
    /// The number, from 0, of the change among those of that revision.
    public var place: UInt64
    /// Whether its key was deleted, and not written anew.
    public var isDeletion: Bool
    public var pair: KeyValue

    public init(ended: UInt64, place: UInt64, isDeletion: Bool, pair: KeyValue) {
        (self.ended, self.place, self.isDeletion, self.pair) = (ended, place, isDeletion, pair)
    }
}

/// The past versions that revisions behind one ended, in order.
struct PastVersions: Sequence, IteratorProtocol, Sendable {
    private let history: KeyHistory
    private var revision: UInt64
    private var changes: ArraySlice<Change> = []
    private var place: UInt64 = 0
    private var sweep: DeletedKeys.Iterator?

    /// - Parameter revision: Those up to there are left out.
    init(_ history: KeyHistory, after revision: UInt64) {
        self.history = history
        self.revision = Swift.max(revision, history.horizon)
    }

    mutating func next() -> PastVersion? {
        while true {
            if let pair = sweep?.next() { return version(pair, isDeletion: true) }
            sweep = nil
            switch changes.popFirst() {
            case .keyPut(_, let previous?): return version(previous, isDeletion: false)
            case .keyPut(_, nil): place += 1
            case .keyDeleted(let pair): return version(pair, isDeletion: true)
            case .keysDeleted(let deleted): sweep = deleted.makeIterator()
            case nil:
                guard revision < history.last else { return nil }
                revision += 1
                place = 0
                changes = history.changes(at: revision)[...]
            default: continue
            }
        }
    }

    private mutating func version(_ pair: KeyValue, isDeletion: Bool) -> PastVersion {
        defer { place += 1 }
        return PastVersion(ended: revision, place: place, isDeletion: isDeletion, pair: pair)
    }
}
