import Defects

// Snapshots for followers that need what was compacted (§5.3). The bytes travel between the runtimes; the core decides
// when, and what they mean for the log.
extension RaftNode {
    mutating func startSnapshot(to position: Int, _ effects: inout EffectBuffer) {
        guard let peer = leadership?.peers[position] else { return }
        // Not to one that may not be up: the answer to the next heartbeat asks again.
        let isEarly = peer.snapshotNotBefore.map { now.instant < $0 } ?? false
        guard peer.isReachable, !isEarly else {
            leadership?.peers[position].isPaused = true
            return
        }
        leadership?.peers[position].becomeSnapshot()
        effects.emit(.sendSnapshot(to: peer.id))
    }

    mutating func snapshotFailed(to peer: NodeID) {
        guard let position = leadership?.position(of: peer), let progress = leadership?.peers[position] else { return }
        guard progress.state == .snapshot else { return }
        leadership?.peers[position].snapshotFailed(at: now.instant, pause: settings.heartbeatInterval)
    }

    mutating func handle(
        _ reply: InstallSnapshotReply, from peer: NodeID, lastIncluded: LogPosition, _ effects: inout EffectBuffer
    ) {
        observe(reply.term, &effects)
        guard reply.term == currentTerm, let position = leadership?.position(of: peer) else { return }
        leadership?.heard(from: position, at: now.instant)
        leadership?.lastProgress = now.instant
        guard reply.isInstalled, leadership?.peers[position].state == .snapshot else { return }
        guard lastIncluded.index <= log.last.index else {
            effects.emit(.protocolViolation("snapshot \(lastIncluded) beyond the log's end \(log.last)"))
            return
        }
        leadership?.peers[position].snapshotInstalled(through: lastIncluded.index)
        advanceCommit(&effects)
        replicate(to: position, &effects)
    }

    mutating func handle(_ request: InstallSnapshot, _ token: RequestToken, _ effects: inout EffectBuffer) {
        let position = request.lastIncluded
        let isWellFormed = position.term <= request.term
        if !isWellFormed {
            effects.emit(.protocolViolation("snapshot \(position) of node \(request.leader) in term \(request.term)"))
        }
        guard isWellFormed, acceptLeader(request.leader, in: request.term, &effects), !isInstallingSnapshot else {
            let reply = InstallSnapshotReply(term: currentTerm, nextSequence: 0, isInstalled: false)
            durability.hold(.reply(.installSnapshot(reply), to: token), until: durability.hardStateWrite, &effects)
            return
        }
        if !Defect.snapshotReplacesLog.isOn, position.index <= commitIndex || log.contains(position) {
            // It is old news. Never replace a log that has more (§5.3, receiver step 6).
            if position.index > commitIndex {
                commitIndex = position.index
                effects.emit(.commit(through: position.index))
            }
            let write = log.contains(position.index) ? log.write(of: position.index) : WriteID(0)
            let reply = InstallSnapshotReply(term: currentTerm, nextSequence: 0, isInstalled: true)
            durability.hold(
                .reply(.installSnapshot(reply), to: token), until: max(write, durability.hardStateWrite), &effects)
            return
        }
        isInstallingSnapshot = request.isLast
        effects.emit(.receiveSnapshot(request, token: token))
    }

    mutating func snapshotInstalled(
        _ position: LogPosition, _ configuration: PlacedConfiguration?, _ effects: inout EffectBuffer
    ) {
        precondition(isInstallingSnapshot, "a snapshot was installed that nobody asked for")
        precondition(position.index > commitIndex, "snapshot \(position) goes back behind commit \(commitIndex)")
        isInstallingSnapshot = false
        // Of a leader without a configuration the cluster's first list holds on.
        log.reset(to: position, configuration ?? log.configurations.base)
        commitIndex = position.index
        effects.emit(.commit(through: position.index))
    }
}
