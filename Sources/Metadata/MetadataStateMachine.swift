// Skeleton: the signatures other targets build on.

/// The replicated state machine.
public struct MetadataStateMachine: Sendable {
    public private(set) var counters: Counters

    /// An empty state, or, with what was stored, the start of a restoration by ``restore(_:)``.
    public init(counters: Counters = Counters()) { self.counters = counters }

    /// The digest of all rows and counters.
    public var digest: Digest { Digest() }

    public mutating func apply(_ command: Command, timestamp: Int64) -> Outcome { Outcome(result: .done) }

    /// The rows that changed since the last call, each once with its present value, in a fixed order.
    public mutating func takeChangedRows() -> [RowChange] { [] }

    /// How many rows ``takeChangedRows()`` would return.
    public var changedRowCount: Int { 0 }

    /// Puts back a stored row. A row that contradicts those before it (a partition without its topic) is an error.
    public mutating func restore(_ row: Row) throws(RestoreError) {}

    // Reading

    /// In ascending id.
    public var brokers: [Broker] { [] }
    public func broker(_ id: BrokerID) -> Broker? { nil }
    /// Topic names in byte order.
    public var topicNames: [String] { [] }
    public func topic(_ name: String) -> (Topic, [Partition])? { nil }
    public var partitionCount: Int { 0 }
    public var keyCount: Int { 0 }
    public func value(_ key: Key) -> KeyValue? { nil }

    /// The subtree below `directory` in key order; see ``Listing``.
    public func list(
        below directory: Key, isRecursive: Bool, after: Key?, limit: Int, byteLimit: Int
    ) -> Listing { Listing(entries: [], next: nil) }
}

public struct RestoreError: Error, Equatable {
    public var description: String
    public init(description: String) { self.description = description }
}

/// One page of a subtree.
public struct Listing: Equatable, Sendable {
    public enum Entry: Equatable, Sendable {
        case keyValue(KeyValue)
        /// A child that has keys below it, with its trailing slash; only in listings that are not recursive.
        case directory([UInt8])
    }

    public var entries: [Entry]
    /// What to pass as `after` for the next page; `nil` on the last.
    public var next: Key?

    public init(entries: [Entry], next: Key?) {
        self.entries = entries
        self.next = next
    }
}
