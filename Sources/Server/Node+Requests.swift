import Defects
import Logging
import Metadata
import Raft
import Wire

// What clients and brokers ask.
extension Node {
    func submit(_ proposal: Proposal, _ completion: @escaping PendingWrites.Completion) {
        guard raft.role == .leader, !raft.isTransferringLeadership, stopping == nil else {
            return completion(.failure(.notLeader(leader: otherLeader)))
        }
        guard pendingWrites.count + gatheredProposals.count < settings.maximumPendingWrites,
            // What clients were told is unknown stays in the log until it is committed.
            raft.uncommittedBytes + gatheredBytes < settings.maximumPendingBytes, !isCommitLate
        else { return completion(.failure(.overloaded)) }
        if let failure = metadata.failure(of: proposal) { return completion(.failure(failure)) }
        if hasTooManyRows(proposal) { return completion(.failure(.tooManyRows(limit: settings.maximumRowsPerCommand))) }
        gatheredBytes += proposal.data.count
        gatheredProposals.append((proposal, completion))
    }

    /// What would change nothing is answered as this leader's state has it.
    func change(_ command: Command, _ completion: @escaping PendingWrites.Completion) {
        let proposal = Proposal(command)
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            let level = CommandCodec.level(ofType: proposal.type, data: proposal.data)
            guard metadata.counters.level >= level else { return completion(.failure(.levelTooLow(needed: level))) }
            if case .alterReassignments(let moves) = command,
                metadata.replicasTouched(by: moves) > settings.maximumMovedReplicas
            {
                return completion(.failure(.tooManyReplicas(limit: settings.maximumMovedReplicas)))
            }
            if let result = metadata.resultIfUnchanged(command) { return completion(.success(result)) }
            submit(proposal, completion)
        }
    }

    /// Whether the entry that is to be committed next has waited so long that a new one behind it would not be in time:
    /// better "not executed" now than "unknown" later, and a log that only grows.
    private var isCommitLate: Bool {
        guard raft.isLeaderReady, raft.commitIndex < raft.log.last.index else { return false }
        let waited = now.unixMilliseconds - raft.log[raft.commitIndex.next].timestamp
        return waited > settings.requestTimeout.wholeNanoseconds / 2_000_000
    }

    /// Judged by the present state; what is in the log is applied whatever its size.
    private func hasTooManyRows(_ proposal: Proposal) -> Bool {
        let limit = settings.maximumRowsPerCommand
        guard metadata.keyCount > limit,
            let command = try? CommandCodec.decode(type: proposal.type, data: proposal.data)
        else { return false }
        switch command {
        case .delete(let delete):
            return delete.isRecursive && metadata.count(in: .subtree(of: delete.key), isAbove: limit)
        case .transaction(let transaction):
            return transaction.deletions.contains { metadata.count(in: $0, isAbove: limit) }
        default: return false
        }
    }

    /// The node's own proposals; not refused as overload.
    func submit(_ command: Command, _ completion: @escaping PendingWrites.Completion) {
        gatheredProposals.append((Proposal(command), completion))
    }

    func proposeGathered() {
        gatheredBytes = 0
        if isFailed { return proposalsRefused(gatheredProposals.count) }
        // A completion may ask for more.
        while !gatheredProposals.isEmpty { step(.propose(gatheredProposals.map(\.proposal))) }
    }

    func proposed(first: LogIndex, count: Int, term: Term) {
        precondition(count == gatheredProposals.count, "\(count) proposals taken of \(gatheredProposals.count)")
        var index = first
        for (_, completion) in gatheredProposals {
            pendingWrites.append(
                PendingWrites.Waiting(index: index, term: term, since: now.instant, completion: completion))
            index = index.next
        }
        gatheredProposals.removeAll(keepingCapacity: true)
    }

    func proposalsRefused(_ count: Int) {
        let refused = gatheredProposals
        gatheredProposals = []
        for (_, completion) in refused { completion(.failure(.notLeader(leader: otherLeader))) }
    }

    func read(_ consistency: Consistency, _ completion: @escaping (Result<NodeView, RequestFailure>) -> Void) {
        if let outOfService { return completion(.failure(.unavailable(outOfService))) }
        switch consistency {
        case .linearizable where Defect.followersServeReads.isOn: completion(.success(view))
        case .stale: completion(.success(view))
        case .linearizable:
            confirm { [unowned self] confirmation in completion(confirmation.map { view }) }
        }
    }

    /// Runs `action` once a majority has confirmed, after this moment, that this node still leads (ReadIndex).
    func confirm(_ action: @escaping ReadAction) {
        if let outOfService { return action(.failure(.unavailable(outOfService))) }
        guard raft.role == .leader else { return action(.failure(.notLeader(leader: otherLeader))) }
        gatheredReads.append(action)
    }

    func readGathered() {
        guard !gatheredReads.isEmpty else { return }
        lastRead += 1
        let read = ReadID(lastRead)
        pendingReads.append(PendingRead(id: read, since: now.instant, actions: gatheredReads))
        gatheredReads.removeAll(keepingCapacity: true)
        step(.read(read))
        proposeGathered()
    }

    func readsConfirmed(_ reads: [ReadID], index: LogIndex) {
        precondition(lastApplied >= index, "read of \(index) confirmed before it was applied (\(lastApplied))")
        finishReads(reads, .success(()))
    }

    func finishReads(_ reads: [ReadID], _ result: Result<Void, RequestFailure>) {
        for read in reads {
            guard let position = pendingReads.firstIndex(where: { $0.id == read }) else { continue }
            for action in pendingReads.remove(at: position).actions { action(result) }
        }
    }

    var view: NodeView {
        NodeView(metadata: metadata, now: now.unixMilliseconds, source: self)
    }

    func readLog(from: LogIndex, limit: Int, _ completion: ([LogEntry], LogIndex) -> Void) {
        let first = max(from, raft.log.firstIndex)
        let entries = raft.log.slice(from: first, maximumCount: limit, maximumBytes: 4 * 1024 * 1024)
        completion(limit > 0 ? entries : [], raft.log.firstIndex)
    }
}

extension MetadataStateMachine {
    /// Why the log does not take a command in this state, if so.
    public func failure(of proposal: Proposal) -> RequestFailure? {
        guard proposal.data.count <= Limits.maxCommandBytes else {
            return .commandTooLarge(limit: Limits.maxCommandBytes)
        }
        let level = CommandCodec.level(ofType: proposal.type, data: proposal.data)
        return counters.level >= level ? nil : .levelTooLow(needed: level)
    }
}
