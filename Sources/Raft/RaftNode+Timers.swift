extension RaftNode {
    /// When the node wants to be stepped at the latest.
    public var nextDeadline: Instant {
        guard let heartbeat = leadership?.heartbeatDeadline else { return electionDeadline }
        var deadline = min(heartbeat, quorumDeadline)
        if let notice = leadership?.commitNoticeDeadline { deadline = min(deadline, notice) }
        if let transfer = leadership?.transfer?.deadline { deadline = min(deadline, transfer) }
        return deadline
    }

    mutating func expireTimers(_ effects: inout EffectBuffer) {
        if leadership != nil {
            expireLeaderTimers(&effects)
        } else if now.instant >= electionDeadline {
            guard role != .candidate || durability.isHardStateDurable else {
                // Nobody was asked yet: the own vote is still being written. A slow disk must not use up terms.
                electionDeadline = now.instant.advanced(by: random.duration(in: settings.voteTimeout))
                return
            }
            if role == .candidate || leader != nil { failedCampaigns = 0 }
            guard mayCampaign else { return becomeFollower(in: currentTerm, of: nil, &effects) }
            startPreVote(&effects)
        }
    }

    private mutating func expireLeaderTimers(_ effects: inout EffectBuffer) {
        if now.instant >= quorumDeadline {
            // Check-quorum (§6.2): clients of a leader that nobody follows must not wait for it.
            becomeFollower(in: currentTerm, of: nil, &effects)
            return
        }
        if isDiskStalled {
            abdicate(&effects)
            return
        }
        if isReplicationStalled { handOverStalled(&effects) }
        if let deadline = leadership?.transfer?.deadline, now.instant >= deadline {
            leadership?.transfer = nil
            effects.emit(.transferFailed)
        }
        let notice = leadership?.commitNoticeDeadline
        if let deadline = leadership?.heartbeatDeadline, now.instant >= deadline {
            leadership?.heartbeatDeadline = now.instant.advanced(by: settings.heartbeatInterval)
            dropDeparted()
            broadcastHeartbeat(&effects)
        }
        if let notice, now.instant >= notice { noticeCommit(&effects) }
    }

    /// The moment at which a majority has been silent for an election timeout. Never for a single voter.
    private var quorumDeadline: Instant {
        guard !quorum.isReachedAlone, let contact = leadership?.quorumContact else { return Instant(nanoseconds: .max) }
        return contact.advanced(by: settings.electionTimeout)
    }

    private var isDiskStalled: Bool {
        guard let oldest = durability.oldestUnfinished else { return false }
        return now.instant.since(oldest) > settings.electionTimeout
    }

    /// Whether followers answer, and for long have taken nothing of what waits to be committed: the way of heartbeats is
    /// open and that of entries is not (a path that drops large packets), or their disks stand still.
    private var isReplicationStalled: Bool {
        guard let leadership, leadership.transfer == nil, let since = uncommittedSince else { return false }
        return now.instant.since(max(since, leadership.lastProgress))
            >= settings.electionTimeout * settings.stalledTimeouts
    }

    mutating func resetElectionDeadline() {
        if leader != nil {
            let timeout = settings.electionTimeout + random.duration(in: .zero...settings.electionJitter)
            electionDeadline = now.instant.advanced(by: timeout)
        } else {
            electionDeadline = now.instant.advanced(by: leaderlessPause())
        }
    }

    /// A short random pause, twice as long after each campaign that failed, so that a node which hears nobody soon
    /// asks only once a second.
    mutating func leaderlessPause() -> Duration {
        let factor = 1 << min(failedCampaigns, 6)
        let longest = min(settings.leaderlessPause.upperBound * factor, settings.maximumPause, settings.electionTimeout)
        // Random also at the bound, or nodes that came up together ask together for ever.
        let shortest = min(settings.leaderlessPause.lowerBound * factor, longest / 2)
        return random.duration(in: shortest...longest)
    }
}
