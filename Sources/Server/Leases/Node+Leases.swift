import Logging
import Metadata
import Raft
import Wire

// Leases: kept alive through the log, so that whoever leads next knows of it; ended by the leader.
extension Node {
    /// `.success(nil)` for a lease that there is not.
    typealias KeepAliveCompletion = (Result<Lease?, RequestFailure>) -> Void

    func keepAlive(_ id: LeaseID, _ completion: @escaping KeepAliveCompletion) {
        guard metadata.lease(id) == nil else { return gatheredKeepAlives.append((id, completion)) }
        // That needs no entry, but a majority that says so.
        confirm { [unowned self] confirmation in
            switch confirmation {
            case .failure(let failure): completion(.failure(failure))
            case .success where metadata.lease(id) == nil: completion(.success(nil))
            case .success: keepAlive(id, completion)
            }
        }
    }

    public func remaining(of lease: LeaseID) -> Duration? { leaseTimes.remaining(lease, now: now.instant) }

    /// One entry for all that this batch keeps alive.
    func proposeKeepAlives() {
        while !gatheredKeepAlives.isEmpty {
            let batch = Array(gatheredKeepAlives.prefix(Limits.maxLeasesAtOnce))
            gatheredKeepAlives.removeFirst(batch.count)
            let ids = Set(batch.map(\.id)).sorted()
            for id in ids { leaseTimes.renewing(id) }
            submit(Proposal(.keepLeasesAlive(ids))) { [unowned self] result in
                for id in ids {
                    if case .failure(.outcomeUnknown) = result {
                        leaseTimes.outcomeUnknown(id, through: raft.log.last.index)
                    } else {
                        leaseTimes.settled(id)
                    }
                }
                for (id, completion) in batch { completion(result.map { _ in metadata.lease(id) }) }
            }
        }
    }

    func endLeases() {
        guard isLeading else { return }
        let (first, last) = (lastApplied.next, raft.log.last.index)
        for id in leaseTimes.due(now: now.instant, pending: first <= last ? first...last : nil) {
            measurements.leasesExpired += 1
            submit(.revokeLease(id)) { [unowned self] result in
                // One whose outcome is not known is in the log, and ends the lease when it is committed.
                if case .failure(.notLeader) = result { leaseTimes.endingFailed(id) }
            }
        }
    }

    /// After each command that was applied.
    func followLeases(_ command: Command, _ result: CommandResult) {
        switch (command, result) {
        case (.grantLease(let lease), .lease): leaseTimes.granted(lease, now: now.instant)
        case (.keepLeasesAlive(let ids), .done): leaseTimes.keptAlive(ids, now: now.instant)
        case (.revokeLease(let id), .deleted): leaseTimes.ended(id)
        default: break
        }
    }
}
