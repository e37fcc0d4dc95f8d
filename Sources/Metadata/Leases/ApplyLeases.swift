import Defects

extension MetadataStateMachine {
    mutating func grant(_ lease: Lease) -> Outcome {
        guard keepsHistory, lease.isValid else { return .refused(.invalidCommand) }
        guard leases[lease.id] == nil else { return .refused(.leaseExists(lease.id)) }
        guard leases.count < Lease.maximumCount else { return .refused(.tooManyLeases(limit: Lease.maximumCount)) }
        leases.insert(lease)
        ownDigest.add(Digest(lease))
        changedRows.insert(lease: lease.id)
        return Outcome(result: .lease(lease))
    }

    /// By somebody who gives it back, or because its time is up: its keys go with it, in one revision.
    mutating func revokeLease(_ id: LeaseID) -> Outcome {
        guard let (lease, keys) = leases.remove(id) else { return .refused(.unknownLease(id)) }
        ownDigest.subtract(Digest(lease))
        changedRows.insert(lease: id)
        var changes: [Change] = []
        for key in keys where !Defect.leaseKeysStay.isOn {
            if changes.isEmpty { counters.revision += 1 }
            guard let change = deleteKey(key) else {
                preconditionFailure("a lease has the key \(key), which is not there")
            }
            changes.append(change)
        }
        return Outcome(result: .deleted(count: changes.count, revision: counters.revision), changes: changes)
    }

    /// Changes nothing: that the entry was applied is what nodes go by.
    func keepAlive(_ ids: [LeaseID]) -> Outcome { keepsHistory ? Outcome(result: .done) : .refused(.invalidCommand) }
}
