import Metadata

/// The state tables of a platter, in the order that a restoration wants: brokers, topics, partitions, leases, groups, keys, each in ascending
/// order. Kept in it, for snapshots are opened far more often than rows change.
struct SortedRows {
    private var ranked: [(rank: Rank, row: Row)] = []

    init() {}

    /// Of equal keys the last one stays.
    init(_ rows: [Row]) { for row in rows { self[row.key] = row } }

    var inOrder: [Row] { ranked.map(\.row) }

    subscript(key: RowKey) -> Row? {
        get {
            let (position, isThere) = find(Rank(key))
            return isThere ? ranked[position].row : nil
        }
        set {
            let rank = Rank(key)
            let (position, isThere) = find(rank)
            switch (newValue, isThere) {
            case (let row?, true): ranked[position].row = row
            case (let row?, false): ranked.insert((rank, row), at: position)
            case (nil, true): ranked.remove(at: position)
            case (nil, false): break
            }
        }
    }

    /// Drops the versions that revisions up to this one ended.
    mutating func forgetPast(through horizon: UInt64) {
        let first = find(Rank(.pastVersion(ended: 0, place: 0))).position
        let end = find(Rank(.pastVersion(ended: horizon + 1, place: 0))).position
        ranked.removeSubrange(first..<end)
    }

    private func find(_ rank: Rank) -> (position: Int, isThere: Bool) {
        var (low, high) = (0, ranked.count)
        while low < high {
            let middle = (low + high) / 2
            if ranked[middle].rank < rank { low = middle + 1 } else { high = middle }
        }
        return (low, low < ranked.count && ranked[low].rank == rank)
    }

    private struct Rank: Comparable {
        private let table: Int
        private let name: [UInt8]
        private let number: Int64

        init(_ key: RowKey) {
            switch key {
            case .broker(let id): (table, name, number) = (0, [], id)
            case .topic(let topic): (table, name, number) = (1, Array(topic.utf8), 0)
            case .partition(let topic, let id): (table, name, number) = (2, Array(topic.utf8), Int64(id))
            case .lease(let id): (table, name, number) = (3, [], id)
            case .group(let id): (table, name, number) = (4, Array(id.utf8), 0)
            case .keyValue(let key): (table, name, number) = (5, key.bytes, 0)
            case .pastVersion(let ended, let place):
                let bytes = (0..<8).map { UInt8(truncatingIfNeeded: ended >> (56 - 8 * $0)) }
                (table, name, number) = (6, bytes, Int64(place))
            }
        }

        static func < (a: Self, b: Self) -> Bool {
            if a.table != b.table { return a.table < b.table }
            if a.name != b.name { return a.name.lexicographicallyPrecedes(b.name) }
            return a.number < b.number
        }
    }
}
