import Defects

// The leader's side of the log: proposals, appends, commitment (§3.5, §3.6, §10.2.1).
extension RaftNode {
    mutating func becomeLeader(_ effects: inout EffectBuffer) {
        precondition(role == .candidate && hardState.votedFor == id, "only a candidate becomes leader")
        role = .leader
        leader = id
        failedCampaigns = 0
        let peers = configuration.ids.filter { $0 != id }.map { member in
            Progress(id: member, halves: halves(of: member), nextIndex: log.last.index.next, at: now.instant)
        }
        leadership = Leadership(
            since: now.instant, openingIndex: log.last.index.next, peers: peers, quorum: quorum,
            heartbeatDeadline: now.instant.advanced(by: settings.heartbeatInterval))
        // §3.6.2, §6.4: entries of earlier terms commit only behind one of our own, so commit one at once.
        append([Proposal(type: LogEntry.noop, data: openingData)])
        broadcastHeartbeat(&effects)
        replicateToAll(&effects)
    }

    mutating func propose(_ proposals: [Proposal], _ effects: inout EffectBuffer) {
        guard let leadership, leadership.transfer == nil else {
            effects.emit(.refused(count: proposals.count))
            return
        }
        guard !proposals.isEmpty else { return }
        let first = log.last.index.next
        append(proposals)
        effects.emit(.proposed(first: first, count: proposals.count, term: currentTerm))
        replicateToAll(&effects)
    }

    mutating func append(_ proposals: [Proposal]) {
        var timestamp = now.unixMilliseconds
        if log.last != log.base { timestamp = max(timestamp, log[log.last.index].timestamp) }
        var entries: [LogEntry] = []
        entries.reserveCapacity(proposals.count)
        var index = log.last.index
        for proposal in proposals {
            index = index.next
            entries.append(
                LogEntry(
                    index: index, term: currentTerm, type: proposal.type, data: proposal.data, timestamp: timestamp))
        }
        // Leader Append-Only (§3.6.3): nothing is truncated here.
        log.append(entries, write: durability.current)
        durability.include(truncateFrom: nil, entries)
    }

    mutating func replicateToAll(_ effects: inout EffectBuffer) {
        // Followers that are equally far get the same array.
        var shared: [LogEntry] = []
        for position in leadership?.peers.indices ?? 0..<0 { replicate(to: position, &shared, &effects) }
    }

    mutating func replicate(to position: Int, _ effects: inout EffectBuffer) {
        var shared: [LogEntry] = []
        replicate(to: position, &shared, &effects)
    }

    private mutating func replicate(to position: Int, _ shared: inout [LogEntry], _ effects: inout EffectBuffer) {
        while let peer = leadership?.peers[position], peer.nextIndex <= log.last.index, peer.hasRoom(settings) {
            guard let previousTerm = log.term(at: peer.nextIndex.previous) else {
                startSnapshot(to: position, &effects)
                return
            }
            let limit = peer.maximumAppendBytes(settings)
            var bytes = shared.reduce(0) { $0 + $1.size }
            if shared.first?.index != peer.nextIndex || bytes > limit {
                shared = log.slice(
                    from: peer.nextIndex, maximumCount: settings.maximumAppendEntries, maximumBytes: limit)
                bytes = shared.reduce(0) { $0 + $1.size }
            }
            guard let last = shared.last else { preconditionFailure("nothing to send at \(peer.nextIndex)") }
            let previous = LogPosition(term: previousTerm, index: peer.nextIndex.previous)
            leadership?.peers[position].sent(through: last.index, bytes: bytes, at: now.instant)
            send(shared, behind: previous, to: position, &effects)
        }
    }

    private mutating func send(
        _ entries: [LogEntry], behind previous: LogPosition, to position: Int, _ effects: inout EffectBuffer
    ) {
        guard let leadership else { return }
        let peer = leadership.peers[position]
        let request = AppendEntries(
            term: currentTerm, leader: id, previous: previous, entries: entries, leaderCommit: commitIndex,
            readRound: entries.isEmpty ? leadership.lastRound : 0, verdict: entries.isEmpty ? verdict(for: peer) : nil)
        self.leadership?.peers[position].sentCommit = max(
            peer.sentCommit, min(commitIndex, previous.index + entries.count))
        effects.emit(.send(.appendEntries(request), to: peer.id))
    }

    /// Tells every follower that we lead; also probes those whose log is not known to agree.
    mutating func broadcastHeartbeat(_ effects: inout EffectBuffer) {
        for position in leadership?.peers.indices ?? 0..<0 {
            sendHeartbeat(to: position, &effects)
            if leadership?.peers[position].resumeProbe(at: now.instant, settings) ?? false {
                replicate(to: position, &effects)
            }
        }
    }

    mutating func sendHeartbeat(to position: Int, _ effects: inout EffectBuffer) {
        guard let peer = leadership?.peers[position] else { return }
        // Behind a match, so that it never overtakes entries on their way; a probe asks about what comes before its next.
        let index = peer.state == .probe ? peer.nextIndex.previous : peer.matchIndex
        let previous = log.term(at: index).map { LogPosition(term: $0, index: index) } ?? .zero
        send([], behind: previous, to: position, &effects)
    }

    mutating func resumeProbe(of peer: NodeID, _ effects: inout EffectBuffer) {
        guard let position = leadership?.position(of: peer) else { return }
        sendHeartbeat(to: position, &effects)
        if leadership?.peers[position].resumeProbe(at: now.instant, settings) ?? false {
            replicate(to: position, &effects)
        }
    }

    mutating func becomeUnreachable(_ peer: NodeID, _ effects: inout EffectBuffer) {
        guard let position = leadership?.position(of: peer), let progress = leadership?.peers[position] else { return }
        leadership?.peers[position].isReachable = false
        leadership?.peers[position].narrowWindow(settings)
        switch progress.state {
        case .replicate: leadership?.peers[position].becomeProbe(nextIndex: progress.matchIndex.next, isPaused: true)
        // A probe keeps its place. Before the first answer the match is zero: to step back to that would be to send the
        // whole log, or a snapshot, to a follower that may lack nothing.
        case .probe: leadership?.peers[position].becomeProbe(nextIndex: progress.nextIndex, isPaused: true)
        case .snapshot: break
        }
        abandonTransfer(to: peer, &effects)
    }

    mutating func handle(
        _ reply: AppendEntriesReply, from peer: NodeID, previous: LogIndex, _ effects: inout EffectBuffer
    ) {
        observe(reply.term, &effects)
        guard reply.term == currentTerm, let position = leadership?.position(of: peer) else { return }
        leadership?.heard(from: position, at: now.instant)
        confirmRound(reply.readRound, by: position, &effects)
        if reply.success {
            appendSucceeded(reply, position, &effects)
        } else {
            appendFailed(reply, previous: previous, position, &effects)
        }
    }

    private mutating func appendSucceeded(
        _ reply: AppendEntriesReply, _ position: Int, _ effects: inout EffectBuffer
    ) {
        guard reply.matchIndex <= log.last.index else {
            effects.emit(.protocolViolation("match \(reply.matchIndex) beyond the log's end \(log.last.index)"))
            return
        }
        var match = reply.matchIndex
        if Defect.matchIsWhatWasSent.isOn, let next = leadership?.peers[position].nextIndex { match = next.previous }
        let advanced =
            leadership?.peers[position].matched(match, of: log.last.index, at: now.instant, settings) ?? false
        if advanced { leadership?.lastProgress = now.instant }
        if let doubt = leadership?.peers[position].doubt, reply.readRound >= doubt.round {
            leadership?.peers[position].doubt = nil
        }
        if let committed = leadership?.peers[position].contradiction {
            // That the logs agree before it says nothing of it, and is no reason to ask again at once.
            guard match >= committed.index else { return }
            leadership?.peers[position].contradiction = nil
        }
        if let peer = leadership?.peers[position], peer.state == .probe, reply.matchIndex.next >= peer.nextIndex {
            leadership?.peers[position].becomeReplicate()
        }
        if advanced { advanceCommit(&effects) }
        replicate(to: position, &effects)
        continueTransfer(&effects)
        scheduleCommitNotice()
    }

    /// Steps back to where the logs may agree: one term, not one entry, for each answer (§3.5).
    private mutating func appendFailed(
        _ reply: AppendEntriesReply, previous: LogIndex, _ position: Int, _ effects: inout EffectBuffer
    ) {
        guard let peer = leadership?.peers[position], peer.state != .snapshot, let conflict = reply.conflict else {
            leadership?.peers[position].probeRefused()
            return
        }
        if let committed = reply.contradiction {
            return contradicted(by: position, committed, previous: previous, &effects)
        }
        leadership?.peers[position].contradiction = nil
        var next = conflict.index
        if let term = conflict.term, let last = log.lastIndex(of: term, before: previous) { next = last.next }
        next = max(LogIndex(1), min(next, previous))
        if previous <= peer.matchIndex, previous > .zero {
            guard isLossConfirmed(of: previous, by: reply.readRound, position, &effects) else {
                replicate(to: position, &effects)
                return
            }
            effects.emit(.protocolViolation("node \(peer.id) lost entries that it had acknowledged: \(previous)"))
            leadership?.peers[position] = Progress(id: peer.id, halves: peer.halves, nextIndex: next, at: now.instant)
            leadership?.heard(from: position, at: now.instant)
        } else {
            // An answer to an older probe than the one that is out says nothing new.
            guard previous < peer.nextIndex else { return }
            // Each step goes further back. What can not, waits for the next heartbeat.
            leadership?.peers[position].becomeProbe(nextIndex: next, isPaused: next >= peer.nextIndex)
        }
        replicate(to: position, &effects)
    }

    /// A follower refuses what it had acknowledged. Either the refusal is older than the acknowledgement and comes late,
    /// on another connection; or the follower lost its disk. A heartbeat of a new round is asked, for an answer to it
    /// was given later than the acknowledgement.
    private mutating func isLossConfirmed(
        of index: LogIndex, by round: UInt64, _ position: Int, _ effects: inout EffectBuffer
    ) -> Bool {
        guard let current = leadership else { return false }
        let peer = current.peers[position]
        if let doubt = peer.doubt, index <= doubt.matchIndex { return round >= doubt.round }
        leadership?.lastRound += 1
        leadership?.peers[position].doubt = Progress.Doubt(round: current.lastRound + 1, matchIndex: peer.matchIndex)
        // Old or not, what was refused was not taken: send it again.
        leadership?.peers[position].becomeProbe(nextIndex: peer.matchIndex.next, isPaused: false)
        sendHeartbeat(to: position, &effects)
        return false
    }

    /// Commits what a majority has on disk, if it ends in our own term (§3.6.2).
    mutating func advanceCommit(_ effects: inout EffectBuffer) {
        guard let leadership else { return }
        // The leader is one of the majority, but only as far as its own disk has come (§10.2.1).
        let own = Defect.leaderCountsEarly.isOn ? log.last.index : log.durableIndex
        let index = leadership.quorum.reached(own: own, leadership.peers, least: .zero) { $0.matchIndex }
        guard index > commitIndex, log.term(at: index) == currentTerm || Defect.commitsOldTerm.isOn else { return }
        commitIndex = index
        effects.emit(.commit(through: index))
        startRound(&effects)
        scheduleCommitNotice()
    }

    private mutating func scheduleCommitNotice() {
        guard let leadership, leadership.commitNoticeDeadline == nil else { return }
        let commit = commitIndex
        guard leadership.peers.contains(where: { $0.needsCommitNotice(commit) }) else { return }
        self.leadership?.commitNoticeDeadline = now.instant.advanced(by: settings.commitNotice)
    }

    mutating func noticeCommit(_ effects: inout EffectBuffer) {
        leadership?.commitNoticeDeadline = nil
        for position in leadership?.peers.indices ?? 0..<0 {
            guard let peer = leadership?.peers[position], peer.needsCommitNotice(commitIndex) else { continue }
            sendHeartbeat(to: position, &effects)
        }
    }
}
