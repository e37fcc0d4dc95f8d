/// Which rows changed since they were last taken.
///
/// Keys come by the hundred thousand, so they go into a plain list. A key is in it already if it was modified after
/// ``takenRevision``; only one that went and came again stands in it twice, which harms nobody.
struct ChangedRows: Sendable {
    /// The key-values' revision when the rows were last taken.
    let takenRevision: UInt64
    private var brokers: Set<BrokerID> = []
    private var topics: Set<String> = []
    private var partitions: [String: Set<Int>] = [:]
    private var partitionCount = 0
    private var leases: Set<LeaseID> = []
    private var groups: Set<String> = []
    private var keys: [Key] = []
    private var sweeps: [DeletedKeys] = []
    private var sweptCount = 0
    private var pastCount = 0

    init(takenRevision: UInt64) { self.takenRevision = takenRevision }

    var count: Int {
        brokers.count + topics.count + partitionCount + leases.count + groups.count + keys.count + sweptCount
            + pastCount
    }

    mutating func insert(broker id: BrokerID) { brokers.insert(id) }

    mutating func insert(topic name: String) { topics.insert(name) }

    mutating func insert(partition id: Int, of topic: String) {
        if partitions[topic, default: []].insert(id).inserted { partitionCount += 1 }
    }

    mutating func insert(lease id: LeaseID) { leases.insert(id) }

    mutating func insert(group id: String) { groups.insert(id) }

    mutating func insertCreated(_ key: Key) { keys.append(key) }

    @inline(__always)
    mutating func insertOverwritten(_ key: Key, previousRevision: UInt64) {
        if previousRevision <= takenRevision { keys.append(key) }
    }

    mutating func insertDeleted(_ pair: KeyValue) {
        insertOverwritten(pair.key, previousRevision: pair.modRevision)
    }

    /// Which they are the history knows.
    mutating func insert(pastVersions count: Int) { pastCount += count }

    /// Which of them are new is looked up when they are read.
    mutating func insert(_ deleted: DeletedKeys) {
        sweeps.append(deleted)
        sweptCount += deleted.count
    }

    /// Sorted: the order of a set differs from process to process.
    func rowKeys() -> [RowKey] {
        var rows: [RowKey] = []
        rows.reserveCapacity(count)
        for id in brokers.sorted() { rows.append(.broker(id)) }
        for name in topics.sorted() { rows.append(.topic(name)) }
        for (topic, ids) in partitions.sorted(by: { $0.key < $1.key }) {
            for id in ids.sorted() { rows.append(.partition(topic: topic, id: id)) }
        }
        for id in leases.sorted() { rows.append(.lease(id)) }
        for id in groups.sorted() { rows.append(.group(id)) }
        var last: Key?
        let swept = sweeps.joined().lazy.filter { $0.modRevision <= takenRevision }.map(\.key)
        for key in Self.sorted(keys + swept) where key != last {
            rows.append(.keyValue(key))
            last = key
        }
        return rows
    }

    /// In ascending order.
    var partitionsByTopic: [(topic: String, ids: [Int])] {
        partitions.sorted { $0.key < $1.key }.map { ($0.key, $0.value.sorted()) }
    }

    /// Heads first: there may be hundreds of thousands, all over the memory.
    private static func sorted(_ keys: some Collection<Key>) -> [Key] {
        zip(KeyHeads(keys).heads, keys).sorted { $0.0 == $1.0 ? $0.1 < $1.1 : $0.0 < $1.0 }.map(\.1)
    }

    /// The keys of the rows in portions of bounded size, each in ascending order: to sort a million at once takes seconds.
    struct Portions: Sendable {
        private static let size = 8192

        private var brokers: ArraySlice<BrokerID>
        private var topics: ArraySlice<String>
        private var partitions: ArraySlice<(key: String, value: Set<Int>)>
        private var leases: ArraySlice<LeaseID>
        private var groups: ArraySlice<String>
        private var keys: ArraySlice<Key>
        /// The first in the last place.
        private var sweeps: [DeletedKeys]
        private let takenRevision: UInt64

        init(_ changed: ChangedRows) {
            brokers = changed.brokers.sorted()[...]
            topics = changed.topics.sorted()[...]
            partitions = changed.partitions.sorted { $0.key < $1.key }[...]
            leases = changed.leases.sorted()[...]
            groups = changed.groups.sorted()[...]
            keys = changed.keys[...]
            sweeps = changed.sweeps.reversed()
            takenRevision = changed.takenRevision
        }

        /// The next portion; `nil` behind the last.
        mutating func next() -> [RowKey]? {
            if !brokers.isEmpty { return take(&brokers).map { .broker($0) } }
            if !topics.isEmpty { return take(&topics).map { .topic($0) } }
            if let (topic, ids) = partitions.popFirst() { return ids.sorted().map { .partition(topic: topic, id: $0) } }
            if !leases.isEmpty { return take(&leases).map { .lease($0) } }
            if !groups.isEmpty { return take(&groups).map { .group($0) } }
            if !keys.isEmpty { return ChangedRows.sorted(take(&keys)).map { .keyValue($0) } }
            return sweeps.isEmpty ? nil : takeSwept()
        }

        /// In order already. Those that are new stand among the other keys.
        private mutating func takeSwept() -> [RowKey] {
            var rows: [RowKey] = []
            while rows.count < Self.size, !sweeps.isEmpty {
                guard let pairs = sweeps[sweeps.count - 1].popLeaf() else {
                    sweeps.removeLast()
                    continue
                }
                for pair in pairs where pair.modRevision <= takenRevision { rows.append(.keyValue(pair.key)) }
            }
            return rows
        }

        private func take<Element>(_ elements: inout ArraySlice<Element>) -> ArraySlice<Element> {
            defer { elements = elements.dropFirst(Self.size) }
            return elements.prefix(Self.size)
        }
    }
}
