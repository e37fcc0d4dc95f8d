import Defects

// Tens of thousands of these are applied in a second. A put finds its pair once and changes it where it lies.

extension MetadataStateMachine {
    mutating func apply(_ put: Put) -> Outcome {
        let revision = counters.revision + 1
        var refusal: Refusal?
        var previous: KeyValue?
        var updated = KeyValue(
            key: put.key, value: put.value, createRevision: revision, modRevision: revision, version: 1)
        let before = keys.update(put.key) { pair in
            refusal = put.precondition.refusal(present: pair.modRevision)
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
            refusal = Key.isValid(put.key.bytes) ? put.precondition.refusal(present: nil) : .invalidCommand
        }
        if let refusal { return .refused(refusal) }
        if let previous {
            changedRows.insertOverwritten(updated.key, previousRevision: previous.modRevision)
        } else {
            keys.insert(updated)
            changedRows.insertCreated(updated.key)
        }
        counters.revision = revision
        if Defect.keysCountAsMetadata.isOn { counters.version += 1 }
        let changes = [Change.keyPut(updated, previous: previous)]
        keep(
            changes, ending: before ?? Digest(), count: previous == nil ? 0 : 1, values: previous?.value.count ?? 0,
            isDeletion: false)
        return Outcome(result: .put(modRevision: revision, version: updated.version), changes: changes)
    }

    mutating func apply(_ delete: Delete) -> Outcome {
        if delete.isRecursive { return deleteSubtree(delete) }
        let present = keys[delete.key]?.modRevision
        if let refusal = delete.precondition.refusal(present: present) { return .refused(refusal) }
        guard let (pair, digest) = keys.remove(delete.key) else { return .refused(.unknownKey(delete.key)) }
        changedRows.insertDeleted(pair)
        counters.revision += 1
        let changes = [Change.keyDeleted(pair)]
        keep(changes, ending: digest, count: 1, values: pair.value.count, isDeletion: true)
        return Outcome(result: .deleted(count: 1, revision: counters.revision), changes: changes)
    }

    /// A subtree has no revision of its own, so a precondition on it can not be meant.
    private mutating func deleteSubtree(_ delete: Delete) -> Outcome {
        guard delete.precondition == .none else { return .refused(.invalidCommand) }
        let first = Defect.sweepTakesTheDirectory.isOn ? delete.key.bytes : delete.key.subtreePrefix
        let (deleted, digest) = keys.removeAll(from: first, before: delete.key.subtreeEnd)
        guard deleted.count > 0 else { return .refused(.unknownKey(delete.key)) }
        changedRows.insert(deleted)
        counters.revision += 1
        let changes = [Change.keysDeleted(deleted)]
        keep(
            changes, ending: digest, count: deleted.count, values: deleted.estimatedValueBytes, isDeletion: true)
        return Outcome(result: .deleted(count: deleted.count, revision: counters.revision), changes: changes)
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
