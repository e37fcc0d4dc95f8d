/// A key, its value, and how it came about.
public struct KeyValue: Equatable, Sendable {
    public var key: Key
    public var value: [UInt8]
    public var createRevision: UInt64
    public var modRevision: UInt64
    /// 1 for a new key, +1 for each change.
    public var version: UInt64
    /// What few have stands elsewhere: a million pairs without it pay for one word.
    private var rare: Rare?

    // Not private: what is printed of a private type has an address in it, which differs from run to run.
    final class Rare: Equatable, Sendable {
        let lease: LeaseID?
        let place: UInt32

        init(lease: LeaseID?, place: UInt32) { (self.lease, self.place) = (lease, place) }

        static func == (a: Rare, b: Rare) -> Bool { a.lease == b.lease && a.place == b.place }
    }

    /// - Parameters:
    ///   - lease: With which it is deleted.
    ///   - place: Its number among the changes of `modRevision`, from 0.
    public init(
        key: Key, value: [UInt8], createRevision: UInt64, modRevision: UInt64, version: UInt64, lease: LeaseID? = nil,
        place: UInt32 = 0
    ) {
        self.key = key
        self.value = value
        self.createRevision = createRevision
        self.modRevision = modRevision
        self.version = version
        if lease != nil || place != 0 { rare = Rare(lease: lease, place: place) }
    }

    public var lease: LeaseID? { rare?.lease }
    public var place: UInt32 { rare?.place ?? 0 }
    /// Whether it has no lease and is the first change of its revision.
    public var isPlain: Bool { rare == nil }
}
