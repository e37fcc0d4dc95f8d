import Defects

// Elections: pre-vote (§9.6), vote (§3.4, §3.6.1), and who may disturb whom (§4.2.3).
extension RaftNode {
    /// Asks whether an election could be won. Changes nobody's term.
    mutating func startPreVote(_ effects: inout EffectBuffer) {
        role = .preCandidate
        // A leader that is not heard must not be named any longer, or pre-vote and check-quorum wait for each other.
        leader = nil
        votesGranted = [id]
        votesRefused = []
        failedCampaigns += 1
        electionDeadline = now.instant.advanced(by: leaderlessPause())
        effects.emit(.campaigning(term: currentTerm.next, isPreVote: true))
        let request = RequestVote(term: currentTerm.next, candidate: id, lastLog: log.last, isPreVote: true)
        for voter in voters where voter != id { effects.emit(.send(.requestVote(request), to: voter)) }
        tallyVotes(&effects)
    }

    /// Enters the next term and asks for votes, when the own vote is durable.
    mutating func startElection(isLeadershipTransfer: Bool, _ effects: inout EffectBuffer) {
        precondition(leadership == nil, "a leader does not campaign")
        precondition(mayCampaign, "a node campaigns that may not vote, or whose log ends before \(suffrage.floor)")
        guard currentTerm < .maximum else { return }
        setHardState(HardState(currentTerm: currentTerm.next, votedFor: id))
        role = .candidate
        leader = nil
        contradiction = nil
        votesGranted = [id]
        votesRefused = []
        electionDeadline = now.instant.advanced(by: random.duration(in: settings.voteTimeout))
        effects.emit(.campaigning(term: currentTerm, isPreVote: false))
        let request = RequestVote(
            term: currentTerm, candidate: id, lastLog: log.last, isLeadershipTransfer: isLeadershipTransfer)
        for voter in voters where voter != id {
            let write = Defect.leadsBeforeOwnVote.isOn ? WriteID(0) : durability.hardStateWrite
            durability.hold(.send(.requestVote(request), to: voter), until: write, &effects)
        }
    }

    mutating func handle(_ request: RequestVote, _ token: RequestToken, _ effects: inout EffectBuffer) {
        guard isPeer(request.candidate), isBelievable(request.term) else {
            effects.emit(.protocolViolation("vote request of \(request.candidate) for term \(request.term)"))
            reply(to: request, granted: false, token, &effects)
            return
        }
        if request.isPreVote {
            handlePreVote(request, token, &effects)
        } else {
            handleVote(request, token, &effects)
        }
    }

    private mutating func handlePreVote(_ request: RequestVote, _ token: RequestToken, _ effects: inout EffectBuffer) {
        let isUpToDate = isUpToDate(request.lastLog)
        let mayVote = mayVote(for: request.lastLog, in: request.term)
        let granted = mayVote && request.term > currentTerm && isUpToDate && !hearsLeader
        reply(to: request, granted: granted, token, &effects)
        guard !granted else { return }
        if role == .leader {
            // The candidate is up and knows no leader: tell it now, not at the next heartbeat.
            resumeProbe(of: request.candidate, &effects)
        } else if leader == nil, role != .candidate, !isUpToDate, mayCampaign {
            // Somebody is there again, and only we can win: do not sit out a long pause.
            failedCampaigns = 0
            electionDeadline = min(electionDeadline, now.instant.advanced(by: leaderlessPause()))
        }
    }

    private mutating func handleVote(_ request: RequestVote, _ token: RequestToken, _ effects: inout EffectBuffer) {
        // §4.2.3: who hears a leader neither votes nor takes the term, unless the leader itself wants the election
        // (§3.10). Otherwise a node that was cut off could depose a leader that all others hear.
        if request.term > currentTerm, hearsLeader, !request.isLeadershipTransfer {
            reply(to: request, granted: false, token, &effects)
            return
        }
        observe(request.term, &effects)
        let isFree =
            hardState.votedFor == nil || hardState.votedFor == request.candidate || Defect.votesTwice.isOn
        let granted =
            request.term == currentTerm && isFree && isUpToDate(request.lastLog)
            && mayVote(for: request.lastLog, in: request.term)
        if granted {
            if role != .follower { becomeFollower(in: currentTerm, of: nil, &effects) }
            if hardState.votedFor == nil {
                setHardState(HardState(currentTerm: currentTerm, votedFor: request.candidate))
            }
            // Give the candidate time before competing with it.
            electionDeadline = max(
                electionDeadline, now.instant.advanced(by: random.duration(in: settings.voteTimeout)))
        }
        reply(to: request, granted: granted, token, &effects)
    }

    /// The check of §3.6.1 is what makes committed entries survive elections.
    private func isUpToDate(_ last: LogPosition) -> Bool {
        if Defect.longerLogWins.isOn { return last.index >= log.last.index }
        return last >= log.last || Defect.votesForShortLog.isOn
    }

    private mutating func reply(
        to request: RequestVote, granted: Bool, _ token: RequestToken, _ effects: inout EffectBuffer
    ) {
        // A granted pre-vote speaks of the term it was asked for, everything else of ours, so that a candidate with an
        // old term learns the present one.
        let term = granted ? request.term : currentTerm
        let reply = RequestVoteReply(term: term, voteGranted: granted, isPreVote: request.isPreVote)
        let write = Defect.voteBeforeFsync.isOn ? WriteID(0) : durability.hardStateWrite
        durability.hold(.reply(.requestVote(reply), to: token), until: write, &effects)
    }

    /// Whether this node leads, or heard from a leader within the minimum election timeout (§4.2.3).
    var hearsLeader: Bool {
        if role == .leader { return true }
        guard leader != nil, let lastLeaderContact else { return false }
        return now.instant.since(lastLeaderContact) < settings.electionTimeout
    }

    mutating func handle(_ reply: RequestVoteReply, from voter: NodeID, _ effects: inout EffectBuffer) {
        let isGrantedPreVote = reply.isPreVote && reply.voteGranted
        if reply.term > currentTerm, !isGrantedPreVote {
            observe(reply.term, &effects)
            return
        }
        let isExpected =
            reply.isPreVote && !(Defect.preVotesCountAsVotes.isOn && role == .candidate)
            ? role == .preCandidate && (!reply.voteGranted || reply.term == currentTerm.next)
            : role == .candidate && reply.term == currentTerm
        guard isPeer(voter), !nonVoting.contains(voter), isExpected else { return }
        if reply.voteGranted, !votesGranted.contains(voter) {
            votesGranted.append(voter)
            effects.emit(.voteReceived(from: voter, term: reply.term, isPreVote: reply.isPreVote))
        } else if !reply.voteGranted, !votesRefused.contains(voter) {
            votesRefused.append(voter)
        }
        tallyVotes(&effects)
    }

    mutating func tallyVotes(_ effects: inout EffectBuffer) {
        switch role {
        case .preCandidate where quorum.isReached(by: votesGranted.map { halves(of: $0) }):
            startElection(isLeadershipTransfer: false, &effects)
        case .candidate where quorum.isReached(by: votesGranted.map { halves(of: $0) }):
            // The own vote counts when it is durable; the others were asked only then.
            if durability.isHardStateDurable || Defect.leadsBeforeOwnVote.isOn { becomeLeader(&effects) }
        case .candidate where quorum.isOutOfReach(without: votesRefused.map { halves(of: $0) }):
            // An election that can not be won any more need not be waited out.
            let retry = now.instant.advanced(by: random.duration(in: settings.disconnectPause))
            electionDeadline = min(electionDeadline, retry)
            votesRefused.removeAll(keepingCapacity: true)
        default: break
        }
    }

    /// The connection from the leader broke: likely it died. Ask the others soon, instead of waiting out the election
    /// timeout; those that still hear the leader refuse. Safety never rests on this.
    mutating func loseConnection(to peer: NodeID) {
        guard role == .follower, leader == peer else { return }
        leader = nil
        lastLeaderContact = nil
        failedCampaigns = 0
        electionDeadline = now.instant.advanced(by: random.duration(in: settings.disconnectPause))
    }
}
