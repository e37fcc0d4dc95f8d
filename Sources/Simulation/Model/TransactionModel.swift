import Metadata

/// Transactions and leases by the rules of the contract (§11).
enum TransactionModel {
    struct Answer: Equatable {
        let succeeded: Bool
        var results: [Result] = []
    }

    enum Result: Equatable {
        case put(Key, KeysModel.Value)
        case deleted([Key])
        /// What was there.
        case read([Found])
        case nested(Answer)
    }

    struct Found: Equatable {
        let key: Key
        let value: KeysModel.Value
    }
}

extension KeysModel {
    private typealias Decision = (succeeded: Bool, operations: [Transaction.Operation])

    mutating func carryOut(_ transaction: Transaction) -> ModelAnswer {
        if let fence = transaction.fence {
            let queue = present.filter { $0.key.isIn(fence.queue) }
            let first = queue.min { $0.value.createRevision < $1.value.createRevision }
            guard first?.value.createRevision == fence.token else { return .refused("staleFence") }
        }
        // Decided by what is there before anything is changed, nested ones included.
        var decisions = decide(transaction)[...]
        for decision in decisions {
            for operation in decision.operations {
                if let reason = impossibility(of: operation) { return .refused(reason) }
            }
        }
        let old = revision
        var changes = 0
        let answer = carryOut(&decisions, at: old + 1, &changes)
        return .transaction(answer, revision: revision)
    }

    /// The branches that are taken, each before those within it.
    private func decide(_ transaction: Transaction) -> [Decision] {
        let succeeded = transaction.comparisons.allSatisfy(holds)
        let operations = succeeded ? transaction.success : transaction.failure
        return [(succeeded, operations)]
            + operations.flatMap { operation -> [Decision] in
                if case .transaction(let nested) = operation { decide(nested) } else { [] }
            }
    }

    private func holds(_ comparison: Comparison) -> Bool {
        let concerned = present.filter { $0.key.isIn(comparison.keys) }.map { Optional($0.value) }
        return (concerned.isEmpty ? [nil] : concerned).allSatisfy { value in
            let order: Int
            switch comparison.operand {
            case .version(let wanted): order = sign(Int64(value?.version ?? 0), wanted)
            case .createRevision(let wanted): order = sign(Int64(value?.createRevision ?? 0), wanted)
            case .modRevision(let wanted): order = sign(Int64(value?.modRevision ?? 0), wanted)
            case .lease(let wanted): order = sign(value?.lease ?? 0, wanted)
            case .value(let wanted):
                guard let bytes = value?.bytes else { return false }
                order = bytes == wanted ? 0 : bytes.lexicographicallyPrecedes(wanted) ? -1 : 1
            }
            switch comparison.relation {
            case .equal: return order == 0
            case .notEqual: return order != 0
            case .less: return order < 0
            case .greater: return order > 0
            }
        }
    }

    private func sign(_ a: Int64, _ b: Int64) -> Int { a < b ? -1 : a > b ? 1 : 0 }

    private func impossibility(of operation: Transaction.Operation) -> String? {
        switch operation {
        case .put(let write):
            if write.value == nil || write.lease == .same, value(write.key) == nil { return "unknownKey" }
            if case .lease(let id) = write.lease, leases[id] == nil { return "unknownLease" }
            return nil
        case .read(_, let wanted?):
            if wanted > revision { return "futureRevision" }
            return wanted < horizon ?? revision ? "revisionCompacted" : nil
        default: return nil
        }
    }

    private mutating func carryOut(
        _ decisions: inout ArraySlice<Decision>, at next: UInt64, _ changes: inout Int
    ) -> TransactionModel.Answer {
        let decision = decisions.removeFirst()
        var answer = TransactionModel.Answer(succeeded: decision.succeeded)
        for operation in decision.operations {
            switch operation {
            case .put(let write):
                let value = put(write, at: next, number: changes)
                changes += 1
                answer.results.append(.put(write.key, value))
            case .delete(let span):
                let doomed = present.map(\.key).filter { $0.isIn(span) }
                for key in doomed {
                    record(key, nil, at: next, number: changes)
                    changes += 1
                }
                if !doomed.isEmpty { revision = next }
                answer.results.append(.deleted(doomed))
            case .read(let span, let wanted):
                let found = everNamed.filter { $0.isIn(span) }.compactMap { key in
                    (wanted.map { value(key, at: $0) } ?? value(key)).map {
                        TransactionModel.Found(key: key, value: $0)
                    }
                }
                answer.results.append(.read(found))
            case .transaction: answer.results.append(.nested(carryOut(&decisions, at: next, &changes)))
            }
        }
        return answer
    }

    private mutating func put(_ write: Transaction.Write, at next: UInt64, number: Int) -> Value {
        let old = value(write.key)
        revision = next
        var new = Value(
            bytes: write.value ?? old?.bytes ?? [], createRevision: old?.createRevision ?? next, modRevision: next,
            version: (old?.version ?? 0) + 1)
        switch write.lease {
        case .none: break
        case .same: new.lease = old?.lease
        case .lease(let id): new.lease = id
        }
        record(write.key, new, at: next, number: number)
        return new
    }

    // Leases

    mutating func grant(_ lease: Lease) -> ModelAnswer {
        guard leases[lease.id] == nil else { return .refused("leaseExists") }
        leases[lease.id] = lease.ttlSeconds
        return .lease(lease.id, ttl: lease.ttlSeconds)
    }

    mutating func revoke(_ id: LeaseID) -> ModelAnswer {
        guard leases.removeValue(forKey: id) != nil else { return .refused("unknownLease") }
        let doomed = present.filter { $0.value.lease == id }.map(\.key)
        if !doomed.isEmpty { revision += 1 }
        for (number, key) in doomed.enumerated() { record(key, nil, at: revision, number: number) }
        return .deleted(count: doomed.count, revision: revision)
    }
}

extension Key {
    fileprivate func isIn(_ span: KeySpan) -> Bool {
        switch span {
        case .key(let key): return self == key
        case .range(let lower, let upper):
            if bytes.lexicographicallyPrecedes(lower) { return false }
            return upper.map { bytes.lexicographicallyPrecedes($0) } ?? true
        }
    }
}
