import Defects

// Tens of thousands of these are applied in a second. A put finds its pair once and changes it where it lies.

extension MetadataStateMachine {
    mutating func apply(_ put: Put) -> Outcome {
        let revision = counters.revision + 1
        var pair = KeyValue(key: put.key, value: put.value, createRevision: revision, modRevision: revision, version: 1)
        switch write(&pair, if: put.precondition, isPath: true) {
        case .refused(let refusal): return .refused(refusal)
        case .done(let previous, let digest):
            counters.revision = revision
            if Defect.keysCountAsMetadata.isOn { counters.version += 1 }
            let changes = [Change.keyPut(pair, previous: previous)]
            keep(
                changes, ending: digest, count: previous == nil ? 0 : 1, values: previous?.value.count ?? 0,
                isDeletion: false)
            return Outcome(result: .put(modRevision: revision, version: pair.version), changes: changes)
        }
    }

    enum Writing {
        case refused(Refusal)
        /// With the digest of what was there.
        case done(previous: KeyValue?, digest: Digest)
    }

    /// Writes a pair that is to be a new one's; if there is one, the next version of that.
    ///
    /// - Parameter isPath: Whether it must be one.
    @inline(__always)
    mutating func write(
        _ updated: inout KeyValue, if precondition: Precondition = .none, isPath: Bool = false
    ) -> Writing {
        var refusal: Refusal?
        var previous: KeyValue?
        let before = keys.update(updated.key) { pair in
            refusal = precondition.refusal(present: pair.modRevision)
            guard refusal == nil else { return }
            if !Defect.createRevisionMoves.isOn { updated.createRevision = pair.createRevision }
            updated.version = pair.version + (Defect.keyVersionStays.isOn ? 0 : 1)
            // The tree's own key: the one of the command would live twice.
            updated.key = pair.key
            previous = pair
            pair = updated
        }
        if before == nil {
            // Only what can be restored may come in; an existing key has been here before.
            let isValid = isPath ? Key.isValid(updated.key.bytes) : true
            refusal = isValid ? precondition.refusal(present: nil) : .invalidCommand
        }
        if let refusal { return .refused(refusal) }
        if let previous {
            changedRows.insertOverwritten(updated.key, previousRevision: previous.modRevision)
        } else {
            keys.insert(updated)
            changedRows.insertCreated(updated.key)
        }
        if previous?.lease != updated.lease {
            if let lease = previous?.lease, !Defect.overwrittenStaysLeased.isOn {
                leases.detach(updated.key, from: lease)
            }
            if let lease = updated.lease { leases.attach(updated.key, to: lease) }
        }
        return .done(previous: previous, digest: before ?? Digest())
    }

    mutating func apply(_ delete: Delete) -> Outcome {
        if delete.isRecursive { return deleteSubtree(delete) }
        let present = keys[delete.key]?.modRevision
        if let refusal = delete.precondition.refusal(present: present) { return .refused(refusal) }
        guard present != nil else { return .refused(.unknownKey(delete.key)) }
        counters.revision += 1
        let change = deleteKey(delete.key)
        return Outcome(result: .deleted(count: 1, revision: counters.revision), changes: [change].compactMap { $0 })
    }

    /// As a change of the present revision; `nil` if it does not exist.
    mutating func deleteKey(_ key: Key) -> Change? {
        guard let (pair, digest) = keys.remove(key) else { return nil }
        changedRows.insertDeleted(pair)
        if let lease = pair.lease { leases.detach(key, from: lease) }
        let change = Change.keyDeleted(pair)
        keep([change], ending: digest, count: 1, values: pair.value.count, isDeletion: true)
        return change
    }

    /// A subtree has no revision of its own, so a precondition on it can not be meant.
    private mutating func deleteSubtree(_ delete: Delete) -> Outcome {
        guard delete.precondition == .none else { return .refused(.invalidCommand) }
        let first = Defect.sweepTakesTheDirectory.isOn ? delete.key.bytes : delete.key.subtreePrefix
        let (deleted, digest) = removeAll(from: first, before: delete.key.subtreeEnd)
        guard deleted.count > 0 else { return .refused(.unknownKey(delete.key)) }
        counters.revision += 1
        let changes = [Change.keysDeleted(deleted)]
        keep(
            changes, ending: digest, count: deleted.count, values: deleted.estimatedValueBytes, isDeletion: true)
        return Outcome(result: .deleted(count: deleted.count, revision: counters.revision), changes: changes)
    }

    mutating func removeAll(from lower: [UInt8], before upper: [UInt8]) -> (DeletedKeys, Digest) {
        guard precedes(lower, upper) else { return (DeletedKeys(KeyTree.Cut()), Digest()) }
        let (deleted, digest) = keys.removeAll(from: lower, before: upper)
        changedRows.insert(deleted)
        if leases.keyCount > 0 {
            for pair in deleted { if let lease = pair.lease { leases.detach(pair.key, from: lease) } }
        }
        return (deleted, digest)
    }
}

extension Precondition {
    /// `present` is the key's mod revision, `nil` while it does not exist.
    @inline(__always)
    fileprivate func refusal(present: UInt64?) -> Refusal? {
        switch self {
        case .none: nil
        case .modRevision(let wanted):
            present == wanted || Defect.preconditionIgnored.isOn ? nil : .revisionMismatch(present: present)
        case .absent: present == nil ? nil : .revisionMismatch(present: present)
        }
    }
}
