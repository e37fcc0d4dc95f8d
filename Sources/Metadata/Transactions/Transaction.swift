/// Comparisons, and what is done if all of them hold, or else: in one step, under one revision.
public struct Transaction: Equatable, Sendable {
    /// What must be so for anything to be done at all.
    public var fence: Fence?
    public var comparisons: [Comparison]
    public var success: [Operation]
    public var failure: [Operation]

    /// Of all operations, those of nested transactions included, and of all comparisons.
    public static let maximumOperations = 2048
    /// Of transactions within each other.
    public static let maximumDepth = 8

    public init(
        fence: Fence? = nil, comparisons: [Comparison] = [], success: [Operation] = [], failure: [Operation] = []
    ) {
        self.fence = fence
        self.comparisons = comparisons
        self.success = success
        self.failure = failure
    }

    /// Whether it changes nothing, whatever is there.
    public var isReadOnly: Bool {
        (success + failure).allSatisfy { operation in
            switch operation {
            case .read: true
            case .transaction(let nested): nested.isReadOnly
            case .put, .delete: false
            }
        }
    }

    /// What its operations may delete, those of nested transactions included.
    public var deletions: [KeySpan] {
        (success + failure).flatMap { operation -> [KeySpan] in
            switch operation {
            case .delete(let keys): [keys]
            case .transaction(let nested): nested.deletions
            case .put, .read: []
            }
        }
    }

    public enum Operation: Equatable, Sendable {
        case put(Write)
        case delete(KeySpan)
        /// What of these is there at this point of the transaction, or was at a revision.
        case read(KeySpan, at: UInt64?)
        case transaction(Transaction)
    }

    public struct Write: Equatable, Sendable {
        public var key: Key
        /// `nil`: as it is.
        public var value: [UInt8]?
        public var lease: LeaseChoice

        public init(key: Key, value: [UInt8]?, lease: LeaseChoice = .none) {
            self.key = key
            self.value = value
            self.lease = lease
        }
    }

    public enum LeaseChoice: Equatable, Sendable {
        case none
        /// The one that the key has.
        case same
        case lease(LeaseID)
    }
}

/// What must hold of all keys of a span. Of a key that does not exist all numbers are 0, and nothing holds of its value.
public struct Comparison: Equatable, Sendable {
    public enum Relation: UInt8, Sendable, CaseIterable {
        case equal, greater, less, notEqual
    }

    public enum Operand: Equatable, Sendable {
        case version(Int64)
        case createRevision(Int64)
        case modRevision(Int64)
        case lease(LeaseID)
        /// In byte order.
        case value([UInt8])
    }

    public var keys: KeySpan
    public var relation: Relation
    public var operand: Operand

    public init(_ keys: KeySpan, _ relation: Relation, _ operand: Operand) {
        self.keys = keys
        self.relation = relation
        self.operand = operand
    }
}

/// That somebody is the first in a queue: of the keys of a span the one that came first came at revision `token`.
public struct Fence: Equatable, Sendable {
    public var queue: KeySpan
    public var token: UInt64

    public init(queue: KeySpan, token: UInt64) {
        self.queue = queue
        self.token = token
    }
}
