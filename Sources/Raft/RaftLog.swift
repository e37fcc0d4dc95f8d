import Defects

/// The log behind the last compaction, in memory: entries without a gap from `base.index + 1` on.
///
/// Beside each entry stands the number of the last write that carried it. A write that completes late makes durable
/// only what it was the last to carry, so an entry that was overwritten meanwhile never counts (the "ABA" case: index
/// 11 written in term 1, replaced in term 2, replaced again while the first write is still on its way).
public struct RaftLog: Sendable {
    /// The position just before the first entry.
    public private(set) var base: LogPosition
    /// The position of the last entry, or the base.
    public private(set) var last: LogPosition
    private var entries: [LogEntry]
    private var writes: [WriteID]
    /// `entries[..<durableCount]` are on this node's disk.
    private var durableCount: Int
    /// For each entry the sizes of all that ever came up to it; and those up to the base.
    private var sums: [Int]
    private var baseSum = 0
    /// Who was a member when: the configuration at the base, and those that entries brought.
    public private(set) var configurations: ConfigurationHistory

    /// A log as it was stored, all of it durable.
    /// - Parameter configuration: The one in force at `base`.
    public init(
        base: LogPosition = .zero, entries: [LogEntry] = [], configuration: PlacedConfiguration = PlacedConfiguration()
    ) {
        self.base = base
        configurations = ConfigurationHistory(base: configuration)
        last = base
        self.entries = []
        writes = []
        durableCount = 0
        sums = []
        append(entries, write: WriteID(0))
        durableCount = entries.count
    }

    /// The list that the cluster was started with stands where the log knows of no configuration.
    mutating func found(_ ids: [NodeID]) {
        guard configurations.base.configuration.isEmpty else { return }
        configurations.found(Configuration(founding: ids))
    }

    public var firstIndex: LogIndex { base.index.next }
    /// The sum of the entries' sizes.
    public var byteCount: Int { (sums.last ?? baseSum) - baseSum }

    /// The sum of the sizes of the entries behind `index`, which is the base's or that of an entry.
    public func bytes(behind index: LogIndex) -> Int {
        (sums.last ?? baseSum) - (contains(index) ? sums[offset(of: index)] : baseSum)
    }

    public var durableIndex: LogIndex { base.index + durableCount }

    private func offset(of index: LogIndex) -> Int { Int(index.number - base.index.number) - 1 }

    public func contains(_ index: LogIndex) -> Bool { index > base.index && index <= last.index }

    public subscript(index: LogIndex) -> LogEntry {
        precondition(contains(index), "entry \(index) is not in the log \(firstIndex)...\(last.index)")
        return entries[offset(of: index)]
    }

    /// The term of the entry at `index`, or of the base; `nil` for what was compacted and what does not exist.
    public func term(at index: LogIndex) -> Term? {
        if index == base.index { return base.term }
        return contains(index) ? entries[offset(of: index)].term : nil
    }

    /// The last write that carried the entry at `index`.
    func write(of index: LogIndex) -> WriteID { writes[offset(of: index)] }

    public func contains(_ position: LogPosition) -> Bool { term(at: position.index) == position.term }

    /// Entries from `first` on, at least one if there is one, then no more than the bounds allow.
    public func slice(from first: LogIndex, maximumCount: Int, maximumBytes: Int) -> [LogEntry] {
        guard contains(first) else { return [] }
        let start = offset(of: first)
        var end = start + 1
        var bytes = entries[start].size
        while end < entries.count, end - start < maximumCount, bytes + entries[end].size <= maximumBytes {
            bytes += entries[end].size
            end += 1
        }
        return Array(entries[start..<end])
    }

    /// Adds entries behind the last. Every gateway to the log checks that there is no gap.
    mutating func append(_ new: [LogEntry], write: WriteID) {
        for entry in new {
            precondition(entry.index == last.index.next, "gap in the log: \(entry.position) after \(last)")
            precondition(entry.term >= last.term, "terms of the log fall: \(entry.position) after \(last)")
            entries.append(entry)
            writes.append(write)
            last = entry.position
            sums.append((sums.last ?? baseSum) + entry.size)
            if let configuration = entry.configuration, entry.index > configurations.latest.index {
                configurations.append(configuration, at: entry.index)
            }
        }
    }

    /// Removes the entries from `index` on.
    mutating func truncate(from index: LogIndex) {
        precondition(index > base.index, "truncation at \(index) reaches into the compacted log up to \(base)")
        guard contains(index) else { return }
        let keep = offset(of: index)
        entries.removeSubrange(keep...)
        configurations.truncate(from: index)
        sums.removeSubrange(keep...)
        writes.removeSubrange(keep...)
        last = entries.last?.position ?? base
        durableCount = min(durableCount, keep)
    }

    /// Everything that `write` or an earlier one was the last to carry is durable.
    mutating func persisted(through write: WriteID) {
        while durableCount < entries.count, writes[durableCount] <= write || Defect.lateWriteMakesAllDurable.isOn {
            durableCount += 1
        }
    }

    /// Forgets the entries up to `index`, which must be durable.
    mutating func compact(through index: LogIndex) {
        guard index > base.index else { return }
        precondition(index <= durableIndex, "compaction through \(index) beyond durable \(durableIndex)")
        let count = offset(of: index) + 1
        base = entries[count - 1].position
        configurations.compact(through: index)
        baseSum = sums[count - 1]
        entries.removeSubrange(..<count)
        sums.removeSubrange(..<count)
        writes.removeSubrange(..<count)
        durableCount -= count
    }

    /// Replaces everything by a snapshot that ends at `position`.
    mutating func reset(to position: LogPosition, _ configuration: PlacedConfiguration) {
        self = RaftLog(base: position, configuration: configuration)
    }

    /// The first index of the run of entries with the same term that `index` is in, as far as it is held.
    func firstIndex(ofTermAt index: LogIndex) -> LogIndex {
        var first = index
        while first > firstIndex, term(at: first.previous) == term(at: index) { first = first.previous }
        return first
    }

    /// The last index at or before `limit` whose entry has `term`.
    func lastIndex(of term: Term, before limit: LogIndex) -> LogIndex? {
        var index = min(limit, last.index)
        while let found = self.term(at: index), index > .zero {
            if found == term { return index }
            if found < term { return nil }
            index = index.previous
        }
        return nil
    }
}
