/// Names a lease, in the whole cluster.
public typealias LeaseID = Int64

/// A promise to come again: unless somebody keeps it alive, the keys that were written with it are deleted. How much of it is
/// left is no part of the state: each node counts for itself from when it saw the lease granted or kept alive, and the
/// leader proposes its end.
public struct Lease: Equatable, Sendable {
    /// Above 0.
    public var id: LeaseID
    public var ttlSeconds: Int64

    /// A second to a year.
    public static let ttls: ClosedRange<Int64> = 1...31_536_000
    /// How many there may be.
    public static let maximumCount = 1_000_000
    /// How many keys may be written with one: with it they are deleted in one turn.
    public static let maximumKeys = 100_000

    public init(id: LeaseID, ttlSeconds: Int64) {
        self.id = id
        self.ttlSeconds = ttlSeconds
    }

    var isValid: Bool { id > 0 && Self.ttls.contains(ttlSeconds) }
}
