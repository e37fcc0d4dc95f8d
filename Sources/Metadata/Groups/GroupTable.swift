import Defects

/// The groups in ascending id, in chunks: the first change behind an image copies one. Which of them a broker leads is known
/// without a look at the others.
struct GroupTable: Sendable {
    private struct Row {
        var group: ConsumerGroup
        var changedAt: UInt64
    }

    private struct Chunk {
        var rows: [Row]
        /// No group of it changed behind this version.
        var changedAt: UInt64
    }

    struct Index: Comparable, Sendable {
        fileprivate var chunk: Int
        fileprivate var offset: Int

        static func < (a: Self, b: Self) -> Bool { (a.chunk, a.offset) < (b.chunk, b.offset) }
    }

    static let maximumChunk = 256
    /// None is empty.
    private var chunks: [Chunk] = []
    private(set) var count = 0
    /// Never iterated where the order could be seen.
    private var led: [BrokerID: Set<String>] = [:]

    // MARK: Looking

    subscript(_ id: String) -> ConsumerGroup? {
        let index = lowerBound(of: id)
        return index < endIndex && self[index].id == id ? self[index] : nil
    }

    /// How many the broker leads.
    func count(of broker: BrokerID) -> Int { led[broker]?.count ?? 0 }

    /// Those that the broker leads, in ascending order.
    func ids(of broker: BrokerID) -> [String] { led[broker]?.sorted() ?? [] }

    /// Those that others lead.
    func ids(notOf broker: BrokerID) -> [String] {
        led.filter { $0.key != broker }.flatMap(\.value).sorted()
    }

    /// The first one that is not before `id`.
    func lowerBound(of id: String) -> Index {
        let chunk = chunks.partitioningIndex { $0.rows[$0.rows.count - 1].group.id >= id }
        guard chunk < chunks.count else { return endIndex }
        return Index(chunk: chunk, offset: chunks[chunk].rows.partitioningIndex { $0.group.id >= id })
    }

    /// The first one from `index` on that changed behind a version, and how many groups or chunks were looked at.
    func first(changedAfter version: UInt64, from index: Index) -> (index: Index, looks: Int) {
        var (index, looks) = (index, 1)
        while index < endIndex {
            if chunks[index.chunk].changedAt <= version {
                index = Index(chunk: index.chunk + 1, offset: 0)
            } else if chunks[index.chunk].rows[index.offset].changedAt <= version {
                index = self.index(after: index)
            } else {
                break
            }
            looks += 1
        }
        return (index, looks)
    }

    // MARK: Changing

    /// In the place of the one with that id, if there is one.
    ///
    /// - Returns: That one.
    @discardableResult
    mutating func put(_ group: ConsumerGroup, at version: UInt64) -> ConsumerGroup? {
        let row = Row(group: group, changedAt: version)
        let index = lowerBound(of: group.id)
        let isThere = index < endIndex && self[index].id == group.id
        let previous = isThere ? self[index] : nil
        if isThere {
            chunks[index.chunk].rows[index.offset] = row
            touch(index.chunk, version)
        } else {
            insert(row, at: index)
        }
        if let previous, !Defect.groupIndexStays.isOn { forget(previous) }
        led[group.leader, default: []].insert(group.id)
        return previous
    }

    private mutating func insert(_ row: Row, at index: Index) {
        count += 1
        guard !chunks.isEmpty else { return chunks.append(Chunk(rows: [row], changedAt: row.changedAt)) }
        // Behind all others: ids that come in order fill their chunks.
        let place =
            index < endIndex ? index : Index(chunk: chunks.count - 1, offset: chunks[chunks.count - 1].rows.count)
        if place.offset == Self.maximumChunk { return chunks.append(Chunk(rows: [row], changedAt: row.changedAt)) }
        chunks[place.chunk].rows.insert(row, at: place.offset)
        touch(place.chunk, row.changedAt)
        let (rows, changedAt) = (chunks[place.chunk].rows, chunks[place.chunk].changedAt)
        guard rows.count > Self.maximumChunk else { return }
        let halves = [rows[..<(rows.count / 2)], rows[(rows.count / 2)...]]
        chunks.replaceSubrange(
            place.chunk...place.chunk, with: halves.map { Chunk(rows: Array($0), changedAt: changedAt) })
    }

    private mutating func touch(_ chunk: Int, _ version: UInt64) {
        chunks[chunk].changedAt = Swift.max(chunks[chunk].changedAt, version)
    }

    mutating func remove(_ id: String) -> ConsumerGroup? {
        let index = lowerBound(of: id)
        guard index < endIndex, self[index].id == id else { return nil }
        let group = chunks[index.chunk].rows.remove(at: index.offset).group
        count -= 1
        forget(group)
        let (left, next) = (chunks[index.chunk].rows.count, index.chunk + 1)
        if next < chunks.count, left + chunks[next].rows.count <= Self.maximumChunk / 2 {
            let merged = chunks.remove(at: next)
            chunks[index.chunk].rows += merged.rows
            touch(index.chunk, merged.changedAt)
        } else if left == 0 {
            chunks.remove(at: index.chunk)
        }
        return group
    }

    private mutating func forget(_ group: ConsumerGroup) {
        led[group.leader]?.remove(group.id)
        if led[group.leader]?.isEmpty == true { led[group.leader] = nil }
    }
}

extension GroupTable: Collection {
    var startIndex: Index { Index(chunk: 0, offset: 0) }
    var endIndex: Index { Index(chunk: chunks.count, offset: 0) }

    subscript(index: Index) -> ConsumerGroup { chunks[index.chunk].rows[index.offset].group }

    func index(after index: Index) -> Index {
        index.offset + 1 < chunks[index.chunk].rows.count
            ? Index(chunk: index.chunk, offset: index.offset + 1) : Index(chunk: index.chunk + 1, offset: 0)
    }
}
