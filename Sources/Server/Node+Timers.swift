import Defects
import Logging
import Metadata
import Raft

extension Node {
    func expireTimers() {
        if now.instant >= raft.nextDeadline { step(.clockAdvanced) }
        introduceIfDue()
        if now.instant >= admission.nextDeadline(after: now.instant) { continueAdmission() }
        tellIfCutOff()
        expireBrokers()
        rebalanceLeaders()
        endLeases()
        expireSnapshots()
        expireRequests()
    }

    /// Clients that waited too long. A write may still happen; a read did not.
    private func expireRequests() {
        if Defect.requestsNeverTimeOut.isOn { return }
        while let oldest = pendingWrites.oldest, now.instant.since(oldest) >= settings.requestTimeout {
            let isTold = Defect.timeoutToldAsNotExecuted.isOn
            pendingWrites.removeFirst()?.completion(.failure(isTold ? .notLeader(leader: nil) : .outcomeUnknown))
        }
        while let first = pendingReads.first, now.instant.since(first.since) >= settings.requestTimeout {
            finishReads([first.id], .failure(.notLeader(leader: otherLeader)))
        }
    }

    /// When the node must be woken at the latest.
    var nextDeadline: Instant {
        var deadline = raft.nextDeadline
        func consider(_ other: Instant?) { if let other { deadline = min(deadline, other) } }
        if ending == nil {
            if identityWrites == 0 { consider(introductionsDue.values.map(\.at).min()) }
            consider(admission.nextDeadline(after: now.instant))
        }
        if !Defect.requestsNeverTimeOut.isOn {
            consider(pendingWrites.oldest?.advanced(by: settings.requestTimeout))
            consider(pendingReads.first?.since.advanced(by: settings.requestTimeout))
        }
        if !isInstallingSnapshot { consider(checkpoints.deadline(settings)) }
        for sender in senders { consider(sender.progressedAt.advanced(by: settings.snapshotTimeout)) }
        if isLeading {
            consider(heartbeats.nextCheck)
            consider(balance.nextCheck)
            consider(leaseTimes.nextDeadline)
            if metadata.keepsHistory, !isCompactingHistory { consider(nextHistoryCheck) }
            consider(pushes.nextDeadline(now: now.instant))
        }
        // Behind it, or nobody would be told at that moment.
        consider(cutOffDeadline?.advanced(by: .milliseconds(1)))
        if case .contacting(_, let deadline)? = operation?.phase { consider(deadline) }
        consider(stopping?.deadline)
        return deadline
    }

    // Stopping

    func stop(_ completion: @escaping @Sendable () -> Void) {
        guard stopping == nil else { return completion() }
        stopping = Stopping(deadline: now.instant.advanced(by: settings.transferTimeout), completion: completion)
        proposeGathered()
        if raft.role == .leader, members.count > 1 {
            logger.info("🔄 handing over leadership", metadata: ["term": "\(raft.currentTerm)"])
            step(.transferLeadership())
        }
    }

    /// Done when nobody waits for this node any more: another one leads, and what clients were promised is settled.
    func finishStopping() {
        guard let stopping else { return }
        let isHandingOver = raft.role == .leader && raft.isTransferringLeadership
        let isSettled = !isHandingOver && pendingWrites.count == 0 && pendingReads.isEmpty
        guard isSettled || now.instant >= stopping.deadline else { return }
        for waiting in pendingWrites.takeAll() { waiting.completion(.failure(.outcomeUnknown)) }
        self.stopping = nil
        stopping.completion()
    }
}
