// What State Machine Safety (§3.6.3) rules out, and yet is there: a leader's log against what a follower committed. No
// single message and no single node is believed; the majority decides who is the odd one out.
extension RaftNode {
    // The follower

    /// Keeps what is committed here. Whether this node or the leader is wrong it can not know: it says what it holds, and
    /// is in doubt until the leader's log agrees, another leader comes, or a verdict does.
    mutating func contradict(
        _ request: AppendEntries, at wanted: LogPosition, _ effects: inout EffectBuffer
    ) -> Refusal {
        guard let term = log.term(at: wanted.index) else {
            preconditionFailure("entry \(wanted) contradicts nothing that is held")
        }
        let committed = LogPosition(term: term, index: wanted.index)
        let found = Contradiction(leader: request.leader, follower: id, wanted: wanted, committed: committed)
        contradiction = found
        effects.emit(.contradiction(found, odd: nil, against: []))
        return Refusal(conflict: .init(term: nil, index: commitIndex.next), contradiction: committed)
    }

    /// The leader's log agrees up to `match`: what contradicted was not the leader's, or is settled.
    mutating func agreed(through match: LogIndex) {
        if let found = contradiction, match >= found.committed.index { contradiction = nil }
    }

    /// Whether the leader tells this node, which contradicted it, that a majority holds the leader's entry.
    mutating func isOddOneOut(by request: AppendEntries, _ effects: inout EffectBuffer) -> Bool {
        guard let verdict = request.verdict, case .entry(let right) = verdict.subject, let found = contradiction,
            found.leader == request.leader, found.wanted == right, isMajority(verdict.voters)
        else { return false }
        effects.emit(.contradiction(found, odd: id, against: verdict.voters))
        return true
    }

    /// Whether these are voters without this one, and more than half of all.
    public func isMajority(_ others: [NodeID]) -> Bool {
        others.allSatisfy { $0 != id && configuration.contains($0) } && Set(others).count == others.count
            && quorum.isReached(by: others.map { halves(of: $0) })
    }

    // The leader

    /// The follower at `position` has something else committed than our log says. It is asked again with the next
    /// heartbeat, not before.
    mutating func contradicted(
        by position: Int, _ committed: LogPosition, previous: LogIndex, _ effects: inout EffectBuffer
    ) {
        leadership?.peers[position].becomeProbe(nextIndex: previous.next, isPaused: true)
        guard let term = log.term(at: committed.index), term != committed.term else { return }
        leadership?.peers[position].contradiction = committed
        guard let peers = leadership?.peers else { return }
        let found = Contradiction(
            leader: id, follower: peers[position].id, wanted: LogPosition(term: term, index: committed.index),
            committed: committed)
        if holdsMajority(at: committed.index) {
            effects.emit(.contradiction(found, odd: found.follower, against: holders(of: committed.index)))
            return
        }
        let against = peers.filter { $0.contradiction == committed }.map(\.id)
        guard isMajority(against) else {
            effects.emit(.contradiction(found, odd: nil, against: []))
            return
        }
        abdicate(&effects)
        effects.emit(.contradiction(found, odd: id, against: against))
    }

    /// What the follower is to be told, if a majority holds what it contradicts.
    func verdict(for peer: borrowing Progress) -> Verdict? {
        guard let committed = peer.contradiction, holdsMajority(at: committed.index),
            let term = log.term(at: committed.index)
        else { return nil }
        return Verdict(
            .entry(LogPosition(term: term, index: committed.index)), voters: holders(of: committed.index))
    }

    /// Whether this leader has committed the entry in its own term, so that a majority has it (§3.6.2).
    private func holdsMajority(at index: LogIndex) -> Bool { isLeaderReady && index <= commitIndex }

    private func holders(of index: LogIndex) -> [NodeID] {
        let others = (leadership?.peers ?? []).filter { $0.matchIndex >= index && $0.contradiction == nil }
        return (others.map(\.id) + [id]).sorted()
    }
}
