/// What the last commands changed, in order: the same on every node from where its history begins. Who follows it (pushes
/// to brokers, a watch) remembers how far it is, and either goes on from there or is told that it is too late and begins
/// with the state.
///
/// Metadata and keys have a history each: a busy day of one must not push the other out.
public struct ChangeHistory: Sendable {
    /// Of brokers, topics and partitions, by metadata version.
    public private(set) var metadata: ChangeRing
    /// Of keys, by revision.
    public private(set) var keys: ChangeRing

    /// Begins behind the state with these counters. One broker that fails changes all its partitions, of which only the
    /// names are held.
    public init(
        behind counters: Counters, maximumMetadataChanges: Int = 65_536, maximumKeyChanges: Int = 8192,
        maximumBytes: Int = 16 * 1024 * 1024
    ) {
        metadata = ChangeRing(
            behind: counters.version, maximumChanges: maximumMetadataChanges, maximumBytes: maximumBytes)
        keys = ChangeRing(
            behind: counters.revision, maximumChanges: maximumKeyChanges, maximumBytes: maximumBytes)
    }

    /// Adds what a command came to, `counters` being those of the state behind it. Every outcome is to be recorded.
    public mutating func record(_ outcome: consuming Outcome, counters: Counters) {
        guard let first = outcome.changes.first else { return }
        if first.isOfKey {
            keys.append(outcome.changes, number: counters.revision)
        } else {
            metadata.append(outcome.changes, number: counters.version)
        }
    }
}

/// The last changes of one counter, each command's under the number it gave. Bounded by the number of changes and by the
/// memory they hold.
public struct ChangeRing: Sendable {
    public struct Entry: Sendable {
        public let number: UInt64
        public let changes: [Change]
        fileprivate let count: Int
        fileprivate let bytes: Int
    }

    /// The number behind which the history begins: whoever has less can not go on from it.
    public private(set) var floor: UInt64
    private let maximumChanges: Int
    private let maximumBytes: Int
    private var entries: [Entry] = []
    /// Entries before this one are gone.
    private var head = 0
    private(set) var changeCount = 0
    private(set) var byteCount = 0

    init(behind floor: UInt64, maximumChanges: Int, maximumBytes: Int) {
        self.floor = floor
        self.maximumChanges = maximumChanges
        self.maximumBytes = maximumBytes
    }

    /// Of the last entry; `floor` when there is none.
    public var last: UInt64 { floor + UInt64(entries.count - head) }

    /// The entries behind `number`, in order; `nil` if some of them are gone, or `number` is not reached yet.
    public func entries(after number: UInt64) -> ArraySlice<Entry>? {
        guard number >= floor, number <= last else { return nil }
        return entries[(head + Int(number - floor))...]
    }

    mutating func append(_ changes: [Change], number: UInt64) {
        precondition(number == last + 1, "change \(number) recorded behind \(last)")
        let count = changes.reduce(0) { $0 + $1.count }
        // What is not kept need not be measured: it may be a million keys.
        let bytes = count > maximumChanges ? 0 : changes.reduce(0) { $0 + $1.byteCount }
        let entry = Entry(number: number, changes: changes, count: count, bytes: bytes)
        entries.append(entry)
        changeCount += count
        byteCount += entry.bytes
        while changeCount > maximumChanges || byteCount > maximumBytes { removeFirst() }
    }

    private mutating func removeFirst() {
        let gone = entries[head]
        floor = gone.number
        changeCount -= gone.count
        byteCount -= gone.bytes
        // What it held is let go now, not when the array is cut.
        entries[head] = Entry(number: gone.number, changes: [], count: 0, bytes: 0)
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

    fileprivate var count: Int {
        if case .keysDeleted(let deleted) = self { deleted.count } else { 1 }
    }

    /// About what it holds in memory. A new value counts as well: it is held on when the key gets its next one.
    fileprivate var byteCount: Int {
        switch self {
        case .keyPut(let pair, let previous):
            128 + pair.key.bytes.count + pair.value.count + (previous?.value.count ?? 0)
        case .keyDeleted(let pair): 128 + pair.key.bytes.count + pair.value.count
        case .keysDeleted(let deleted): deleted.reduce(0) { $0 + 128 + $1.key.bytes.count + $1.value.count }
        default: 64
        }
    }
}
