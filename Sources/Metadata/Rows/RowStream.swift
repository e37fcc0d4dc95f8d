import Defects

/// All rows of one state in the order of ``MetadataStateMachine/forEachRow(_:)``, handed out in chunks.
///
/// Holds a copy of the state: that costs nothing, and later changes leave it as it is. While it lives, what changes is in
/// memory twice.
public struct RowStream: Sendable {
    private let image: MetadataStateMachine
    private var broker = 0
    private var topic: TopicTable.Index
    /// Of the partitions, which come when all topics have.
    private var topicOfPartition: TopicTable.Index
    private var partition = 0
    /// The first in the last place; `nil` until their turn comes.
    private var leases: [Lease]?
    private var group: GroupTable.Index
    /// The next key is this one or a later one.
    private var key: [UInt8] = []
    private var past: PastVersions
    /// Taken, but too large for the last chunk.
    private var held: Row?

    public init(_ state: MetadataStateMachine) {
        image = state
        (topic, topicOfPartition) = (state.topicRows.startIndex, state.topicRows.startIndex)
        group = Defect.snapshotWithoutGroups.isOn ? state.groups.endIndex : state.groups.startIndex
        past = PastVersions(state.history, after: state.history.horizon)
    }

    /// Rows of about `maximumBytes` altogether (``Row/size``), at least one; empty at the end.
    public mutating func next(maximumBytes: Int) -> [Row] {
        var rows: [Row] = []
        var bytes = 0
        while let row = nextRow() {
            bytes += row.size
            guard rows.isEmpty || bytes <= maximumBytes else {
                held = row
                break
            }
            rows.append(row)
        }
        return rows
    }

    private mutating func nextRow() -> Row? {
        if let held {
            self.held = nil
            return held
        }
        if broker < image.brokerRows.count {
            broker += 1
            return .broker(image.brokerRows[broker - 1])
        }
        if topic < image.topicRows.endIndex {
            defer { topic = image.topicRows.index(after: topic) }
            return .topic(image.topicRows[topic].topic)
        }
        return nextPartition() ?? nextLease() ?? nextGroup() ?? nextKey() ?? nextPast()
    }

    private mutating func nextLease() -> Row? {
        if leases == nil { leases = image.leases.sorted.reversed() }
        return leases?.popLast().map { .lease($0) }
    }

    private mutating func nextGroup() -> Row? {
        guard group < image.groups.endIndex else { return nil }
        defer { group = image.groups.index(after: group) }
        return .group(image.groups[group])
    }

    private mutating func nextPartition() -> Row? {
        while topicOfPartition < image.topicRows.endIndex {
            let partitions = image.topicRows[topicOfPartition].partitions
            if partition < partitions.count {
                partition += 1
                return .partition(topic: image.topicRows[topicOfPartition].topic.name, partitions[partition - 1])
            }
            topicOfPartition = image.topicRows.index(after: topicOfPartition)
            partition = 0
        }
        return nil
    }

    private mutating func nextPast() -> Row? {
        Defect.snapshotWithoutPast.isOn ? nil : past.next().map { .pastVersion($0) }
    }

    private mutating func nextKey() -> Row? {
        var found: KeyValue?
        image.keys.visit(from: key, before: Key.behindAll) { pair in
            found = pair
            return false
        }
        guard let found else { return nil }
        key = found.key.bytes + [0]
        return .keyValue(found)
    }
}

extension Row {
    /// About the bytes that the row takes on the wire or in a table.
    public var size: Int {
        switch self {
        case .broker(let broker): 64 + broker.host.utf8.count + (broker.rack?.utf8.count ?? 0)
        case .topic(let topic): 128 + topic.name.utf8.count
        case .partition(let topic, let partition):
            64 + topic.utf8.count + 8 * (partition.replicas.count + partition.inSyncReplicas.count)
                + (partition.reassignment == nil ? 0 : 32 + 16 * partition.replicas.count)
        case .lease: 32
        case .group(let group): 64 + 2 * group.id.utf8.count
        case .keyValue(let pair): 64 + pair.key.bytes.count + pair.value.count
        case .pastVersion(let version): 80 + version.pair.key.bytes.count + version.pair.value.count
        }
    }
}
