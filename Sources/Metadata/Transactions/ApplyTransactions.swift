import Defects

// First all is decided, by the state as it was before: which branches are taken, and whether anything in them is impossible.
// A transaction that is refused has changed nothing, on every node alike. (Of etcd the members diverge where a read of a
// compacted revision stands behind a write; etcd issue 18667.)

extension MetadataStateMachine {
    mutating func apply(_ transaction: Transaction) -> Outcome {
        guard keepsHistory, (try? transaction.check()) != nil else { return .refused(.invalidCommand) }
        if let fence = transaction.fence, !holds(fence), !Defect.fenceIgnored.isOn { return .refused(.staleFence) }
        let branch = branch(of: transaction)
        if let refusal = refusal(of: branch) { return .refused(refusal) }
        var changes: [Change] = []
        let result = carryOut(branch, revision: counters.revision + 1, &changes)
        return Outcome(result: .transaction(result, revision: counters.revision), changes: changes)
    }

    // MARK: Decisions

    /// What is going to be done.
    private struct Branch {
        let succeeded: Bool
        let operations: [Transaction.Operation]
        /// Those of the nested transactions among the operations, in order.
        var nested: [Branch] = []
    }

    private func branch(of transaction: Transaction) -> Branch {
        let succeeded =
            Defect.comparisonsIgnored.isOn && !transaction.comparisons.isEmpty
            || transaction.comparisons.allSatisfy(holds)
        var branch = Branch(
            succeeded: succeeded, operations: succeeded ? transaction.success : transaction.failure)
        for case .transaction(let nested) in branch.operations { branch.nested.append(self.branch(of: nested)) }
        return branch
    }

    private func refusal(of branch: Branch) -> Refusal? {
        for operation in branch.operations {
            switch operation {
            case .put(let write):
                if let refusal = refusal(of: write) { return refusal }
            case .read(_, let revision?):
                do throws(RevisionFault) { try check(revision) } catch { return Refusal(error) }
            case .read(_, nil), .delete, .transaction: break
            }
        }
        return branch.nested.lazy.compactMap { refusal(of: $0) }.first
    }

    private func refusal(of write: Transaction.Write) -> Refusal? {
        if write.value == nil || write.lease == .same, keys[write.key] == nil { return .unknownKey(write.key) }
        guard case .lease(let id) = write.lease else { return nil }
        guard leases[id] != nil else { return .unknownLease(id) }
        let isFull = leases.keyCount(of: id) >= Lease.maximumKeys
        return isFull ? .leaseIsFull(id, limit: Lease.maximumKeys) : nil
    }

    private func holds(_ comparison: Comparison) -> Bool {
        if case .key(let key) = comparison.keys { return comparison.holds(of: keys[key]) }
        var holds = true
        var isEmpty = true
        keys.visit(from: comparison.keys.lower, before: comparison.keys.end) { pair in
            isEmpty = false
            holds = comparison.holds(of: pair)
            return holds
        }
        // As etcd has it: of no key at all the same is asked as of one that does not exist.
        return isEmpty ? comparison.holds(of: nil) : holds
    }

    private func holds(_ fence: Fence) -> Bool { first(in: fence.queue)?.createRevision == fence.token }

    /// The pair among those of a span that has been there the longest.
    public func first(in queue: KeySpan) -> KeyValue? {
        var first: KeyValue?
        keys.visit(from: queue.lower, before: queue.end) { pair in
            if pair.createRevision < first?.createRevision ?? .max { first = pair }
            return true
        }
        return first
    }

    // MARK: Changes

    private mutating func carryOut(_ branch: Branch, revision: UInt64, _ changes: inout [Change]) -> TransactionResult {
        var nested = branch.nested[...]
        var results: [OperationResult] = []
        results.reserveCapacity(branch.operations.count)
        for operation in branch.operations {
            let kind: OperationResult.Kind
            switch operation {
            case .put(let write): kind = put(write, revision: revision, &changes)
            case .delete(let keys): kind = delete(keys, revision: revision, &changes)
            case .read: kind = .read(StateImage(self))
            case .transaction:
                kind = .transaction(carryOut(nested.removeFirst(), revision: revision, &changes))
            }
            results.append(OperationResult(kind, revision: counters.revision))
        }
        return TransactionResult(succeeded: branch.succeeded, results: results)
    }

    private mutating func put(
        _ write: Transaction.Write, revision: UInt64, _ changes: inout [Change]
    ) -> OperationResult.Kind {
        let present = write.value == nil || write.lease == .same ? keys[write.key] : nil
        let lease: LeaseID? =
            switch write.lease {
            case .none: nil
            case .same: present?.lease
            case .lease(let id): id
            }
        var pair = KeyValue(
            key: write.key, value: write.value ?? present?.value ?? [], createRevision: revision,
            modRevision: revision, version: 1, lease: lease, place: UInt32(changes.numberOfKeys))
        guard case .done(let previous, let digest) = self.write(&pair) else {
            preconditionFailure("a write without a condition was refused")
        }
        counters.revision = revision
        let change = Change.keyPut(pair, previous: previous)
        changes.append(change)
        keep(
            [change], ending: digest, count: previous == nil ? 0 : 1, values: previous?.value.count ?? 0,
            isDeletion: false)
        return .put(pair, previous: previous)
    }

    private mutating func delete(
        _ span: KeySpan, revision: UInt64, _ changes: inout [Change]
    ) -> OperationResult.Kind {
        let (deleted, digest) = removeAll(from: span.lower, before: span.end)
        guard deleted.count > 0 else { return .deleted(deleted) }
        counters.revision = revision
        let change = Change.keysDeleted(deleted)
        changes.append(change)
        keep(
            [change], ending: digest, count: deleted.count, values: deleted.estimatedValueBytes, isDeletion: true)
        return .deleted(deleted)
    }
}

extension [Change] {
    /// How many keys they change.
    fileprivate var numberOfKeys: Int {
        reduce(0) { count, change in
            if case .keysDeleted(let deleted) = change { count + deleted.count } else { count + 1 }
        }
    }
}

extension Comparison {
    func holds(of pair: KeyValue?) -> Bool {
        switch operand {
        case .version(let wanted): holds(Int64(clamping: pair?.version ?? 0), wanted)
        case .createRevision(let wanted): holds(Int64(clamping: pair?.createRevision ?? 0), wanted)
        case .modRevision(let wanted): holds(Int64(clamping: pair?.modRevision ?? 0), wanted)
        case .lease(let wanted): holds(pair?.lease ?? 0, wanted)
        case .value(let wanted): pair.map { holds(Bytes($0.value), Bytes(wanted)) } ?? false
        }
    }

    private func holds<Value: Comparable>(_ present: Value, _ wanted: Value) -> Bool {
        switch relation {
        case .equal: present == wanted
        case .greater: present > wanted
        case .less: present < wanted
        case .notEqual: present != wanted
        }
    }

    /// In byte order.
    private struct Bytes: Comparable {
        let bytes: [UInt8]
        init(_ bytes: [UInt8]) { self.bytes = bytes }
        static func == (a: Self, b: Self) -> Bool { equalBytes(a.bytes, b.bytes) }
        static func < (a: Self, b: Self) -> Bool { precedes(a.bytes, b.bytes) }
    }
}

extension Refusal {
    fileprivate init(_ fault: RevisionFault) {
        switch fault {
        case .compacted(let oldest): self = .revisionCompacted(oldest: oldest)
        case .future(let present): self = .futureRevision(present: present)
        }
    }
}
