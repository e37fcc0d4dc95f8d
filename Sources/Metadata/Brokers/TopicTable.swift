import Defects

/// A topic with its partitions, whose ids are their indices.
public struct TopicRows: Sendable {
    public fileprivate(set) var topic: Topic
    public fileprivate(set) var partitions: [Partition]
    public fileprivate(set) var counts = PartitionCounts()
    /// Of all its partitions together.
    fileprivate(set) var replicaCount = 0
    let number: ReplicaIndex.TopicNumber
    /// The version at which it came to be.
    private let createdAt: UInt64
    /// The version at which its own row last changed.
    fileprivate(set) var topicChangedAt: UInt64
    /// The last version that changed any of it.
    fileprivate var changedAt: UInt64
    /// Of each partition the version at which it last changed; empty while all are as they were made.
    private var stamps: [UInt64] = []

    init(topic: Topic, partitions: [Partition], number: ReplicaIndex.TopicNumber, at version: UInt64) {
        (self.topic, self.partitions, self.number) = (topic, partitions, number)
        (createdAt, topicChangedAt, changedAt) = (version, version, version)
        for partition in partitions {
            counts += PartitionCounts(partition, of: topic)
            replicaCount += partition.replicas.count
        }
    }

    func stamp(of partition: Int) -> UInt64 { stamps.isEmpty ? createdAt : stamps[partition] }

    fileprivate mutating func stamp(_ partition: Int, with version: UInt64) {
        if Defect.partitionChangeNotStamped.isOn { return }
        if stamps.isEmpty { stamps = Array(repeating: createdAt, count: partitions.count) }
        stamps[partition] = version
        changedAt = version
    }

    /// Those that have come last.
    fileprivate mutating func stampLast(_ count: Int, with version: UInt64) {
        let present = partitions.count - count
        if stamps.isEmpty { stamps = Array(repeating: createdAt, count: present) }
        stamps += Array(repeating: version, count: count)
        changedAt = version
    }
}

/// The topics in byte order of their names, in chunks: a new topic moves the rows of one chunk, and the first change behind an
/// image copies one. Each chunk knows how many of its partitions are in which condition, so that these are found without a look
/// at the others.
public struct TopicTable: Sendable {
    private struct Chunk {
        var rows: [TopicRows]
        var counts = PartitionCounts()
        /// No topic of it changed behind this version.
        var changedAt: UInt64
    }

    public struct Index: Comparable, Sendable {
        fileprivate var chunk: Int
        fileprivate var offset: Int

        public static func < (a: Self, b: Self) -> Bool { (a.chunk, a.offset) < (b.chunk, b.offset) }
    }

    static let maximumChunk = 256
    /// None is empty.
    private var chunks: [Chunk] = []
    public private(set) var count = 0
    /// Of all partitions.
    public private(set) var counts = PartitionCounts()
    /// How many topics have each ``Topic/metricName(of:)``.
    private var metricNames: [String: Int] = [:]

    // MARK: Looking

    /// Names are ASCII, for which the order of `String` is that of bytes; another text is merely not found.
    func index(of name: String) -> Index? {
        let index = lowerBound(of: name)
        return index < endIndex && isSameText(self[index].topic.name, name) ? index : nil
    }

    /// Whether there is a topic whose name differs only in `.` and `_`, or not at all.
    func hasSimilarName(to name: String) -> Bool { Topic.metricName(of: name).map { metricNames[$0] != nil } ?? false }

    /// The first topic that is not before this name.
    func lowerBound(of name: String) -> Index {
        let chunk = chunks.partitioningIndex { $0.rows[$0.rows.count - 1].topic.name >= name }
        guard chunk < chunks.count else { return endIndex }
        return Index(chunk: chunk, offset: chunks[chunk].rows.partitioningIndex { $0.topic.name >= name })
    }

    /// The first topic from `index` on that has partitions in this condition, and how many topics or chunks were looked at.
    func first(with condition: PartitionCondition, from index: Index) -> (index: Index, looks: Int) {
        var (index, looks) = (index, 1)
        while index < endIndex {
            if chunks[index.chunk].counts[condition] == 0 {
                index = Index(chunk: index.chunk + 1, offset: 0)
            } else if self[index].counts[condition] == 0 {
                index = self.index(after: index)
            } else {
                break
            }
            looks += 1
        }
        return (index, looks)
    }

    /// The first topic from `index` on that changed behind a version, itself or a partition, and how many topics or chunks were
    /// looked at.
    func first(changedAfter version: UInt64, from index: Index) -> (index: Index, looks: Int) {
        var (index, looks) = (index, 1)
        while index < endIndex {
            if chunks[index.chunk].changedAt <= version {
                index = Index(chunk: index.chunk + 1, offset: 0)
            } else if self[index].changedAt <= version {
                index = self.index(after: index)
            } else {
                break
            }
            looks += 1
        }
        return (index, looks)
    }

    // MARK: Changing

    mutating func insert(_ rows: TopicRows) {
        if let name = Topic.metricName(of: rows.topic.name) { metricNames[name, default: 0] += 1 }
        count += 1
        counts += rows.counts
        var chunk = chunks.partitioningIndex { $0.rows[$0.rows.count - 1].topic.name > rows.topic.name }
        // Behind the last one: names that come in order fill their chunks.
        if chunk == chunks.count {
            if chunks.isEmpty || chunks[chunk - 1].rows.count >= Self.maximumChunk {
                return chunks.append(Chunk(rows: [rows], counts: rows.counts, changedAt: rows.changedAt))
            }
            chunk -= 1
        }
        let offset = chunks[chunk].rows.partitioningIndex { $0.topic.name > rows.topic.name }
        chunks[chunk].rows.insert(rows, at: offset)
        chunks[chunk].counts += rows.counts
        chunks[chunk].changedAt = Swift.max(chunks[chunk].changedAt, rows.changedAt)
        if chunks[chunk].rows.count > Self.maximumChunk { split(chunk) }
    }

    private mutating func split(_ chunk: Int) {
        let (rows, changedAt) = (chunks[chunk].rows, chunks[chunk].changedAt)
        let halves = [rows[..<(rows.count / 2)], rows[(rows.count / 2)...]].map { half in
            half.reduce(into: Chunk(rows: Array(half), changedAt: changedAt)) { $0.counts += $1.counts }
        }
        chunks.replaceSubrange(chunk...chunk, with: halves)
    }

    mutating func remove(at index: Index) -> TopicRows {
        let rows = chunks[index.chunk].rows.remove(at: index.offset)
        if let name = Topic.metricName(of: rows.topic.name), let count = metricNames[name] {
            metricNames[name] = count > 1 ? count - 1 : nil
        }
        count -= 1
        if !Defect.countsKeepDeletedTopics.isOn {
            counts -= rows.counts
            chunks[index.chunk].counts -= rows.counts
        }
        let left = chunks[index.chunk].rows.count
        let next = index.chunk + 1
        if next < chunks.count, left + chunks[next].rows.count <= Self.maximumChunk / 2 {
            let merged = chunks.remove(at: next)
            chunks[index.chunk].rows += merged.rows
            chunks[index.chunk].counts += merged.counts
            chunks[index.chunk].changedAt = Swift.max(chunks[index.chunk].changedAt, merged.changedAt)
        } else if left == 0 {
            chunks.remove(at: index.chunk)
        }
        return rows
    }

    /// By new partitions, whose ids follow those of the present ones.
    mutating func extend(_ index: Index, by partitions: [Partition], version: UInt64) {
        for partition in partitions { append(partition, at: index) }
        chunks[index.chunk].rows[index.offset].stampLast(partitions.count, with: version)
        chunks[index.chunk].changedAt = Swift.max(chunks[index.chunk].changedAt, version)
    }

    mutating func append(_ partition: Partition, at index: Index) {
        let added = PartitionCounts(partition, of: self[index].topic)
        chunks[index.chunk].rows[index.offset].partitions.append(partition)
        chunks[index.chunk].rows[index.offset].replicaCount += partition.replicas.count
        chunks[index.chunk].rows[index.offset].counts += added
        chunks[index.chunk].counts += added
        counts += added
    }

    /// In the same place, with the same name.
    mutating func replace(_ topic: Topic, at index: Index, version: UInt64) {
        chunks[index.chunk].rows[index.offset].topic = topic
        chunks[index.chunk].rows[index.offset].topicChangedAt = version
        chunks[index.chunk].rows[index.offset].changedAt = version
        chunks[index.chunk].changedAt = Swift.max(chunks[index.chunk].changedAt, version)
    }

    mutating func replace(_ partition: Partition, at index: Index, version: UInt64) {
        let topic = self[index].topic
        chunks[index.chunk].rows[index.offset].stamp(partition.id, with: version)
        chunks[index.chunk].changedAt = Swift.max(chunks[index.chunk].changedAt, version)
        let previous = self[index].partitions[partition.id]
        chunks[index.chunk].rows[index.offset].replicaCount += partition.replicas.count - previous.replicas.count
        let gone = PartitionCounts(previous, of: topic)
        chunks[index.chunk].rows[index.offset].partitions[partition.id] = partition
        let come = PartitionCounts(partition, of: topic)
        guard gone != come, !Defect.countsStay.isOn else { return }
        chunks[index.chunk].rows[index.offset].counts += come
        chunks[index.chunk].rows[index.offset].counts -= gone
        chunks[index.chunk].counts += come
        chunks[index.chunk].counts -= gone
        counts += come
        counts -= gone
    }
}

extension TopicTable: BidirectionalCollection {
    public var startIndex: Index { Index(chunk: 0, offset: 0) }
    public var endIndex: Index { Index(chunk: chunks.count, offset: 0) }

    public subscript(index: Index) -> TopicRows { chunks[index.chunk].rows[index.offset] }

    public func index(after index: Index) -> Index {
        index.offset + 1 < chunks[index.chunk].rows.count
            ? Index(chunk: index.chunk, offset: index.offset + 1) : Index(chunk: index.chunk + 1, offset: 0)
    }

    public func index(before index: Index) -> Index {
        index.offset > 0
            ? Index(chunk: index.chunk, offset: index.offset - 1)
            : Index(chunk: index.chunk - 1, offset: chunks[index.chunk - 1].rows.count - 1)
    }
}

extension TopicTable {
    /// What the counts have that the rows do not; `nil` if they are what they should be.
    public var flaw: String? {
        var sum = PartitionCounts()
        for (number, chunk) in chunks.enumerated() {
            var inChunk = PartitionCounts()
            for rows in chunk.rows {
                let right = rows.partitions.reduce(into: PartitionCounts()) {
                    $0 += PartitionCounts($1, of: rows.topic)
                }
                let replicaCount = rows.partitions.reduce(0) { $0 + $1.replicas.count }
                guard rows.replicaCount == replicaCount else {
                    return "topic \(rows.topic.name) counts \(rows.replicaCount) replicas, has \(replicaCount)"
                }
                guard rows.counts == right else {
                    return "topic \(rows.topic.name) counts \(rows.counts), has \(right)"
                }
                inChunk += right
            }
            guard chunk.counts == inChunk else { return "chunk \(number) counts \(chunk.counts), has \(inChunk)" }
            sum += inChunk
        }
        return counts == sum ? nil : "all count \(counts), have \(sum)"
    }
}
