import Defects

// The follower's side of AppendEntries (figure 3.1, "Receiver implementation").
extension RaftNode {
    mutating func handle(_ request: AppendEntries, _ token: RequestToken, _ effects: inout EffectBuffer) {
        guard isWellFormed(request) else {
            effects.emit(
                .protocolViolation(
                    "entries of node \(request.leader) behind \(request.previous) do not follow each other"))
            refuse(request, nil, token, &effects)
            return
        }
        guard acceptLeader(request.leader, in: request.term, &effects) else {
            refuse(request, nil, token, &effects)
            return
        }
        guard !isInstallingSnapshot else {
            refuse(request, nil, token, &effects)
            return
        }
        guard !isOddOneOut(by: request, &effects) else {
            refuse(request, nil, token, &effects)
            return
        }
        guard let refusal = merge(request, &effects) else {
            let match = request.previous.index + request.entries.count
            agreed(through: match)
            commit(
                through: min(request.leaderCommit, Defect.commitsBeyondMatch.isOn ? log.last.index : match), &effects)
            accept(request, token, &effects)
            return
        }
        refuse(request, refusal, token, &effects)
    }

    /// Why entries are not taken.
    struct Refusal {
        var conflict: AppendEntriesReply.Conflict
        var contradiction: LogPosition?
    }

    /// Whether the entries follow each other, and their terms the rules of every leader's log: they never fall, and never
    /// exceed the leader's own.
    private func isWellFormed(_ request: AppendEntries) -> Bool {
        var last = request.previous
        for entry in request.entries {
            guard entry.index.number == last.index.number &+ 1, entry.term >= last.term, entry.isWellFormed
            else { return false }
            last = entry.position
        }
        return request.entries.isEmpty || last.term <= request.term
    }

    /// Whether to believe that `leader` leads `term`; if so, this node is its follower afterwards.
    mutating func acceptLeader(_ leader: NodeID, in term: Term, _ effects: inout EffectBuffer) -> Bool {
        guard isPeer(leader), isBelievable(term) else {
            effects.emit(.protocolViolation("node \(leader) claims to lead term \(term)"))
            return false
        }
        guard term >= currentTerm else { return false }
        if term == currentTerm, let known = self.leader, known != leader {
            // Election Safety (§3.6.3): a term has one leader. Two mean a forged message; believe the first.
            effects.emit(.protocolViolation("node \(leader) claims to lead term \(term), which node \(known) leads"))
            return false
        }
        if term > currentTerm || role != .follower {
            becomeFollower(in: term, of: leader, &effects)
        }
        self.leader = leader
        lastLeaderContact = now.instant
        failedCampaigns = 0
        resetElectionDeadline()
        return true
    }

    /// Takes over the request's entries. Returns where the logs disagree, or `nil` when they are the same now up to
    /// the last of the entries.
    private mutating func merge(
        _ request: AppendEntries, _ effects: inout EffectBuffer
    ) -> Refusal? {
        var entries = request.entries[...]
        if request.previous.index < log.base.index {
            // What was compacted is committed, so it must be the same in every leader's log (Leader Completeness).
            if let base = entries.first(where: { $0.index == log.base.index }), base.term != log.base.term {
                return contradict(request, at: base.position, &effects)
            }
            entries = entries.drop { $0.index <= log.base.index }
        } else if !agrees(at: request.previous) {
            return Refusal(conflict: conflict(at: request.previous.index))
        }
        // Skip what is already here: an old request must not remove newer entries (§3.5).
        if !Defect.truncatesOnOldAppend.isOn { entries = entries.drop { log.contains($0.position) } }
        if Defect.noTruncationOnConflict.isOn { entries = entries.drop { log.contains($0.index) } }
        guard let first = entries.first else { return nil }
        let mustTruncate = first.index <= log.last.index
        guard first.index > commitIndex else {
            // State Machine Safety (§3.6.3): what is committed never changes. No honest leader asks for it.
            return contradict(request, at: first.position, &effects)
        }
        if mustTruncate { log.truncate(from: first.index) }
        guard first.index == log.last.index.next else {
            return Refusal(conflict: conflict(at: first.index))
        }
        let new = Array(entries)
        log.append(new, write: durability.current)
        durability.include(truncateFrom: mustTruncate && !Defect.truncationNotPersisted.isOn ? first.index : nil, new)
        return nil
    }

    /// The consistency check of §3.5: same index and term, so the same log up to there.
    private func agrees(at position: LogPosition) -> Bool {
        log.contains(position) || Defect.previousTermUnchecked.isOn && log.contains(position.index)
    }

    private func conflict(at index: LogIndex) -> AppendEntriesReply.Conflict {
        guard index <= log.last.index, let term = log.term(at: index) else {
            return AppendEntriesReply.Conflict(term: nil, index: log.last.index.next)
        }
        return AppendEntriesReply.Conflict(term: term, index: log.firstIndex(ofTermAt: index))
    }

    private mutating func commit(through index: LogIndex, _ effects: inout EffectBuffer) {
        guard index > commitIndex else { return }
        precondition(index <= log.last.index, "commit \(index) beyond the log's end \(log.last.index)")
        commitIndex = index
        effects.emit(.commit(through: index))
    }

    private mutating func accept(_ request: AppendEntries, _ token: RequestToken, _ effects: inout EffectBuffer) {
        var match = request.previous.index + request.entries.count
        var write = durability.hardStateWrite
        if request.entries.isEmpty {
            // A heartbeat need not wait for the disk: it promises only what is durable already.
            if !Defect.heartbeatAcksUndurable.isOn { match = min(match, log.durableIndex) }
        } else if log.contains(match) {
            if !Defect.ackBeforeFsync.isOn { write = max(write, log.write(of: match)) }
        }
        let reply = AppendEntriesReply(
            term: currentTerm, success: true, matchIndex: match, readRound: request.readRound)
        durability.hold(.reply(.appendEntries(reply), to: token), until: write, &effects)
    }

    private mutating func refuse(
        _ request: AppendEntries, _ refusal: Refusal?, _ token: RequestToken,
        _ effects: inout EffectBuffer
    ) {
        // The sender leads our term even where the logs disagree: the round is confirmed all the same.
        let round = request.term == currentTerm && leader == request.leader ? request.readRound : 0
        let reply = AppendEntriesReply(
            term: currentTerm, success: false, matchIndex: .zero, conflict: refusal?.conflict, readRound: round,
            contradiction: refusal?.contradiction)
        durability.hold(.reply(.appendEntries(reply), to: token), until: durability.hardStateWrite, &effects)
    }
}
