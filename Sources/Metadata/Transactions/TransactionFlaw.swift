/// Why a transaction can not be carried out, whatever the state is.
public enum TransactionFlaw: Error, Equatable, Sendable {
    /// Changed twice by operations of which both may be carried out.
    case keyChangedTwice(Key)
    case tooManyOperations(limit: Int)
    case tooDeep(limit: Int)
}

extension Transaction {
    /// A key changes once at most in one revision; so what one revision did can be told, and stored, key by key.
    public func check() throws(TransactionFlaw) {
        if isSimple { return }
        var left = Self.maximumOperations
        try count(&left, depth: 1)
        _ = try changes(of: success)
        _ = try changes(of: failure)
    }

    /// One operation on either side, as most have.
    private var isSimple: Bool {
        guard success.count <= 1, failure.count <= 1, comparisons.count <= Self.maximumOperations / 2 else {
            return false
        }
        return (success + failure).allSatisfy { if case .transaction = $0 { false } else { true } }
    }

    private func count(_ left: inout Int, depth: Int) throws(TransactionFlaw) {
        guard depth <= Self.maximumDepth else { throw .tooDeep(limit: Self.maximumDepth) }
        left -= comparisons.count + success.count + failure.count
        guard left >= 0 else { throw .tooManyOperations(limit: Self.maximumOperations) }
        for case .transaction(let nested) in success + failure { try nested.count(&left, depth: depth + 1) }
    }

    /// What a list of operations may change.
    private struct Changes {
        var puts: Set<Key> = []
        var deletions: [KeySpan] = []

        /// Those of something that is carried out as well.
        mutating func add(_ other: Changes) throws(TransactionFlaw) {
            for key in other.puts where puts.contains(key) || deletions.contains(where: { $0.contains(key) }) {
                throw .keyChangedTwice(key)
            }
            for key in puts where other.deletions.contains(where: { $0.contains(key) }) { throw .keyChangedTwice(key) }
            puts.formUnion(other.puts)
            deletions += other.deletions
        }

        /// Those of something that is carried out instead.
        mutating func merge(_ other: Changes) {
            puts.formUnion(other.puts)
            deletions += other.deletions
        }
    }

    private func changes(of operations: [Operation]) throws(TransactionFlaw) -> Changes {
        var changes = Changes()
        for operation in operations {
            switch operation {
            case .put(let write): try changes.add(Changes(puts: [write.key]))
            case .delete(let keys): try changes.add(Changes(deletions: [keys]))
            case .read: break
            case .transaction(let nested):
                var either = try self.changes(of: nested.success)
                either.merge(try self.changes(of: nested.failure))
                try changes.add(either)
            }
        }
        return changes
    }
}
