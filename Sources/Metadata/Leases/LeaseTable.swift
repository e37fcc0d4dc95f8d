/// The leases, and which keys hang on each. In buckets: while somebody holds a copy, the first change of a lease copies one of
/// them, not all.
struct LeaseTable: Sendable {
    private struct Entry {
        let lease: Lease
        /// Never iterated where the order could be seen.
        var keys: Set<Key> = []
    }

    private static let bucketBits = 8
    private var buckets: [[LeaseID: Entry]] = []
    private(set) var count = 0
    /// Of the keys of all leases.
    private(set) var keyCount = 0

    subscript(_ id: LeaseID) -> Lease? { count == 0 ? nil : buckets[Self.bucket(id)][id]?.lease }

    mutating func insert(_ lease: Lease) {
        if buckets.isEmpty { buckets = Array(repeating: [:], count: 1 << Self.bucketBits) }
        buckets[Self.bucket(lease.id)][lease.id] = Entry(lease: lease)
        count += 1
    }

    /// Takes a lease out; with its keys in byte order.
    mutating func remove(_ id: LeaseID) -> (lease: Lease, keys: [Key])? {
        guard count > 0, let entry = buckets[Self.bucket(id)].removeValue(forKey: id) else { return nil }
        count -= 1
        keyCount -= entry.keys.count
        return (entry.lease, entry.keys.sorted())
    }

    mutating func attach(_ key: Key, to id: LeaseID) {
        guard buckets[Self.bucket(id)][id]?.keys.insert(key).inserted == true else { return }
        keyCount += 1
    }

    mutating func detach(_ key: Key, from id: LeaseID) {
        guard count > 0, buckets[Self.bucket(id)][id]?.keys.remove(key) != nil else { return }
        keyCount -= 1
    }

    func keyCount(of id: LeaseID) -> Int { count == 0 ? 0 : buckets[Self.bucket(id)][id]?.keys.count ?? 0 }

    /// In byte order.
    func keys(of id: LeaseID) -> [Key] { count == 0 ? [] : buckets[Self.bucket(id)][id]?.keys.sorted() ?? [] }

    /// The first ones behind `id`, in ascending order.
    func sorted(after id: LeaseID, limit: Int) -> [Lease] {
        Array(sorted.drop { $0.id <= id }.prefix(limit))
    }

    /// In ascending id.
    var sorted: [Lease] { buckets.flatMap { $0.values.map(\.lease) }.sorted { $0.id < $1.id } }

    private static func bucket(_ id: LeaseID) -> Int {
        Int((UInt64(bitPattern: id) &* 0x9e37_79b9_7f4a_7c15) >> UInt64(64 - bucketBits))
    }
}

extension MetadataStateMachine {
    public func lease(_ id: LeaseID) -> Lease? { leases[id] }

    public var leaseCount: Int { leases.count }

    /// At most `limit` of those behind `id`, in ascending order.
    public func leases(after id: LeaseID, limit: Int) -> [Lease] { leases.sorted(after: id, limit: limit) }

    /// In ascending id.
    public var allLeases: [Lease] { leases.sorted }

    /// The keys that go with the lease, in byte order.
    public func keys(of lease: LeaseID) -> [Key] { leases.keys(of: lease) }
}
