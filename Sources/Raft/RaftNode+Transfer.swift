// Leadership transfer (§3.10): a leader that is to stop hands over to the follower that needs the least.
extension RaftNode {
    mutating func transferLeadership(to wanted: NodeID?, _ effects: inout EffectBuffer) {
        guard let current = leadership, current.transfer == nil else { return }
        let isElectable = wanted.map { wanted in current.peers.contains { $0.id == wanted && $0.canLead } } ?? true
        guard isElectable, let target = wanted ?? successor(of: current) else {
            effects.emit(.transferFailed)
            return
        }
        // From here on no proposal is taken, so that the target can catch up.
        leadership?.transfer = Leadership.Transfer(
            target: target, deadline: now.instant.advanced(by: settings.electionTimeout))
        continueTransfer(&effects)
    }

    /// The follower that needs the least to lead, if any is alive.
    private func successor(of leadership: borrowing Leadership) -> NodeID? {
        let alive = leadership.peers.filter { peer in
            guard peer.canLead, let contact = peer.lastContact, peer.state != .snapshot else { return false }
            return now.instant.since(contact) < settings.electionTimeout
        }
        // One that does not answer right now may have died within the timeout: only if there is no other.
        let reached = alive.filter { $0.state == .replicate }
        let candidates = reached.isEmpty ? alive : reached
        return candidates.max { ($0.matchIndex, $1.id) < ($1.matchIndex, $0.id) }?.id
    }

    /// Steps down at once: this node's disk has not finished a write for an election timeout, or its data is the odd one
    /// out. The others hear it all the same and would wait out a timeout of their own, so one of them is told to campaign
    /// now. It may lack entries: then it loses (§3.6.1), and nothing is lost but time.
    mutating func abdicate(_ effects: inout EffectBuffer) {
        guard let current = leadership else { return }
        if let target = successor(of: current) {
            effects.emit(.send(.timeoutNow(TimeoutNow(term: currentTerm, leader: id)), to: target))
        }
        becomeFollower(in: currentTerm, of: nil, &effects)
    }

    /// Check-quorum (§6.2) hears heartbeats only; of a leader that nobody takes entries from it knows nothing. Another may have
    /// better ways to the others, so the most advanced one is asked to campaign (§3.10). This one leads on until that has
    /// come to something: where disks stand still the other does not get as far as asking for votes.
    mutating func handOverStalled(_ effects: inout EffectBuffer) {
        guard let current = leadership else { return }
        leadership?.lastProgress = now.instant
        let target = successor(of: current)
        effects.emit(.replicationStalled(asking: target))
        guard let target else { return }
        effects.emit(.send(.timeoutNow(TimeoutNow(term: currentTerm, leader: id)), to: target))
    }

    /// Tells the target to campaign as soon as it has everything.
    mutating func continueTransfer(_ effects: inout EffectBuffer) {
        guard let transfer = leadership?.transfer, !transfer.isTimeoutNowSent,
            let position = leadership?.position(of: transfer.target),
            leadership?.peers[position].matchIndex == log.last.index
        else { return }
        leadership?.transfer?.isTimeoutNowSent = true
        effects.emit(.send(.timeoutNow(TimeoutNow(term: currentTerm, leader: id)), to: transfer.target))
    }

    /// The target can not be reached: proposals need not wait for the deadline.
    mutating func abandonTransfer(to peer: NodeID, _ effects: inout EffectBuffer) {
        guard leadership?.transfer?.target == peer else { return }
        leadership?.transfer = nil
        effects.emit(.transferFailed)
    }

    mutating func handle(_ request: TimeoutNow, _ token: RequestToken, _ effects: inout EffectBuffer) {
        if request.term == currentTerm, role == .follower, leader == request.leader, !isInstallingSnapshot, mayCampaign
        {
            startElection(isLeadershipTransfer: true, &effects)
        }
        let reply = TimeoutNowReply(term: currentTerm)
        durability.hold(.reply(.timeoutNow(reply), to: token), until: durability.hardStateWrite, &effects)
    }
}
