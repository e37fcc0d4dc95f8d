/// What the last commands changed of brokers, topics and partitions, each under the metadata version it gave: the same on
/// every node from where its history begins. Who follows it (pushes to brokers) remembers how far it is, and either goes on
/// from there or is told that it is too late and begins with the state.
///
/// Bounded by the number of changes: one broker that fails changes all its partitions, of which only the names are held.
/// What keys were is a part of the state; see ``KeyHistory``.
public struct ChangeHistory: Sendable {
    public struct Entry: Sendable {
        public let version: UInt64
        public let changes: [Change]
    }

    /// The version behind which the history begins: whoever has less can not go on from it.
    public private(set) var floor: UInt64
    private let maximumChanges: Int
    private var entries: [Entry] = []
    /// Entries before this one are gone.
    private var head = 0
    private var changeCount = 0

    /// Begins behind the state with these counters.
    public init(behind counters: Counters, maximumChanges: Int = 65_536) {
        floor = counters.version
        self.maximumChanges = maximumChanges
    }

    /// Of the last entry; `floor` when there is none.
    public var last: UInt64 { floor + UInt64(entries.count - head) }

    /// The entries behind `version`, in order; `nil` if some of them are gone, or `version` is not reached yet.
    public func entries(after version: UInt64) -> ArraySlice<Entry>? {
        guard version >= floor, version <= last else { return nil }
        return entries[(head + Int(version - floor))...]
    }

    /// Adds what a command came to, `counters` being those of the state behind it. Every outcome is to be recorded.
    public mutating func record(_ outcome: consuming Outcome, counters: Counters) {
        guard let first = outcome.changes.first, !first.isOfKey else { return }
        precondition(counters.version == last + 1, "version \(counters.version) recorded behind \(last)")
        changeCount += outcome.changes.count
        entries.append(Entry(version: counters.version, changes: outcome.changes))
        while changeCount > maximumChanges { removeFirst() }
    }

    private mutating func removeFirst() {
        let gone = entries[head]
        floor = gone.version
        changeCount -= gone.changes.count
        // What it held is let go now, not when the array is cut.
        entries[head] = Entry(version: gone.version, changes: [])
        head += 1
        if head == entries.count || head >= 1024 && head * 2 >= entries.count {
            entries.removeFirst(head)
            head = 0
        }
    }
}

extension Change {
    fileprivate var isOfKey: Bool {
        switch self {
        case .keyPut, .keyDeleted, .keysDeleted: true
        default: false
        }
    }
}
