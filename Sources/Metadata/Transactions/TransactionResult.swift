/// What came of a transaction: one result for each operation of the branch that was taken.
public struct TransactionResult: Equatable, Sendable {
    /// Whether the comparisons held.
    public var succeeded: Bool
    public var results: [OperationResult]

    public init(succeeded: Bool, results: [OperationResult]) {
        self.succeeded = succeeded
        self.results = results
    }
}

public struct OperationResult: Equatable, Sendable {
    public enum Kind: Equatable, Sendable {
        case put(KeyValue, previous: KeyValue?)
        case deleted(DeletedKeys)
        /// The state to read from.
        case read(StateImage)
        case transaction(TransactionResult)
    }

    public var kind: Kind
    /// The store's at this point.
    public var revision: UInt64

    public init(_ kind: Kind, revision: UInt64) {
        self.kind = kind
        self.revision = revision
    }
}

/// The state at one moment. What is read from it is looked up when somebody wants it: all nodes apply a transaction, and one of
/// them has a client who waits for what it read.
public final class StateImage: Equatable, Sendable {
    public let state: MetadataStateMachine

    public init(_ state: MetadataStateMachine) {
        var image = state
        // Nobody asks an image for it, and it would be copied by the next change.
        image.changedRows = ChangedRows(takenRevision: state.counters.revision)
        self.state = image
    }

    public static func == (a: StateImage, b: StateImage) -> Bool { a.state.digest == b.state.digest }
}
