import Defects
import Logging
import Metadata
import Raft
import Storage
import Wire

// Snapshots: of the state in memory, sent chunk by chunk, staged by the follower and swapped in by one transaction.
extension Node {
    // Sending

    func startSnapshot(to peer: NodeID) {
        guard let term = raft.log.term(at: lastApplied) else { preconditionFailure("the log was compacted unapplied") }
        let position = LogPosition(term: term, index: lastApplied)
        logger.info("📦 sending a snapshot", metadata: ["to": "\(peer)", "index": "\(position.index)"])
        senders.removeAll { $0.peer == peer }
        senders.append(
            SnapshotSender(
                peer: peer, position: position,
                header: SnapshotChunk.Header(counters: metadata.counters, digest: metadata.digest),
                rows: RowStream(metadata), progressedAt: now.instant))
        sendChunk(senders.count - 1)
    }

    private func sender(for peer: NodeID) -> Int? { senders.firstIndex { $0.peer == peer } }

    private func sendChunk(_ index: Int) {
        let rows = senders[index].rows.next(maximumBytes: settings.snapshotChunkBytes)
        let sender = senders[index]
        senders[index].nextSequence += 1
        let chunk = SnapshotChunk(header: sender.nextSequence == 0 ? sender.header : nil, rows: rows)
        let request = InstallSnapshot(
            term: raft.currentTerm, leader: id, lastIncluded: sender.position, sequence: sender.nextSequence,
            data: chunk.encode(), isLast: rows.isEmpty)
        network.send(.installSnapshot(request), in: address(of: sender.peer), to: sender.peer, lane: .bulk)
    }

    func snapshotAnswered(by peer: NodeID, _ reply: InstallSnapshotReply, _ lastIncluded: LogPosition) {
        guard let index = sender(for: peer), senders[index].position == lastIncluded else { return }
        senders[index].progressedAt = now.instant
        if reply.isInstalled {
            measurements.snapshotsSent += 1
            logger.info("📦 snapshot installed", metadata: ["by": "\(peer)", "index": "\(lastIncluded.index)"])
            senders.remove(at: index)
        } else if reply.nextSequence == senders[index].nextSequence {
            sendChunk(index)
        } else {
            abortSnapshot(to: peer, "the follower wants chunk \(reply.nextSequence)")
        }
    }

    func abortSnapshot(to peer: NodeID, _ reason: String) {
        guard let index = sender(for: peer) else { return }
        logger.warning("⚠️ snapshot given up", metadata: ["to": "\(peer)", "reason": "\(reason)"])
        senders.remove(at: index)
        step(.snapshotFailed(to: peer))
    }

    func expireSnapshots() {
        for sender in senders where now.instant.since(sender.progressedAt) >= settings.snapshotTimeout {
            abortSnapshot(to: sender.peer, "it makes no progress")
        }
    }

    // Receiving

    func receiveSnapshot(_ request: InstallSnapshot, _ token: RequestToken) {
        let chunk: SnapshotChunk
        do { chunk = try SnapshotChunk(decoding: request.data) } catch {
            log(.unreadableChunk, .error, "❌ snapshot chunk is unreadable", ["error": "\(error.description)"])
            return refuseChunk(request, token)
        }
        // One that is being staged comes to its end first, or its rows and the new one's would mix.
        if request.sequence == 0, receiver?.waiting == nil, let header = chunk.header {
            guard canTake(header.counters, at: request.lastIncluded) else { return }
            logger.info("📦 receiving a snapshot", metadata: ["index": "\(request.lastIncluded.index)"])
            receiver = SnapshotReceiver(lastIncluded: request.lastIncluded, term: request.term, header: header)
        }
        guard let current = receiver, current.waiting == nil, current.lastIncluded == request.lastIncluded,
            current.term == request.term, current.nextSequence == request.sequence
        else { return refuseChunk(request, token) }
        receiver?.nextSequence += 1
        receiver?.waiting = token
        receiver?.isLast = request.isLast
        disk.stage(chunk.rows, isFirst: request.sequence == 0)
    }

    private func refuseChunk(_ request: InstallSnapshot, _ token: RequestToken) {
        if request.isLast { step(.snapshotAbandoned) }
        answer(token, nextSequence: 0, isInstalled: false)
    }

    private func answer(_ token: RequestToken, nextSequence: UInt64, isInstalled: Bool) {
        let reply = InstallSnapshotReply(
            term: raft.currentTerm, nextSequence: nextSequence, isInstalled: isInstalled)
        peerReplies.removeValue(forKey: token)?(.success(.installSnapshot(reply)))
    }

    private func answerWaitingChunk(isInstalled: Bool) {
        guard let waiting = receiver?.waiting else { return }
        receiver?.waiting = nil
        answer(waiting, nextSequence: isInstalled ? 0 : receiver?.nextSequence ?? 0, isInstalled: isInstalled)
    }

    func snapshotStaged() {
        guard let current = receiver, current.waiting != nil else { return }
        if current.isLast {
            disk.installSnapshot(
                position: current.lastIncluded, counters: current.header.counters, digest: current.header.digest)
        } else {
            answerWaitingChunk(isInstalled: false)
        }
    }

    func snapshotInstalled(_ position: LogPosition, _ state: MetadataStateMachine) {
        metadata = state
        leaseTimes.restart(state.allLeases, now: now.instant)
        history = ChangeHistory(behind: state.counters)
        lastApplied = position.index
        checkpoints = CheckpointSchedule(position: position)
        digests.reset()
        digests.record(metadata.digest, at: position.index)
        measurements.snapshotsReceived += 1
        logger.info("📦 snapshot in force", metadata: ["index": "\(position.index)", "term": "\(position.term)"])
        let members = Defect.snapshotForgetsConfiguration.isOn ? nil : state.counters.members
        step(.snapshotInstalled(position, PlacedConfiguration(members)))
        answerWaitingChunk(isInstalled: true)
        receiver = nil
    }

    func snapshotRejected(_ reason: String) {
        logger.error("❌ received snapshot is not usable", metadata: ["reason": "\(reason)"])
        step(.snapshotAbandoned)
        receiver?.nextSequence = 0
        answerWaitingChunk(isInstalled: false)
        receiver = nil
    }
}
