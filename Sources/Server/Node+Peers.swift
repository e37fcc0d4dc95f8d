import Logging
import Metadata
import Raft
import Wire

// What other nodes answer, and what the leader tells.
extension Node {
    func heard(_ append: AppendEntries, on connection: UInt64) {
        // Heartbeats come on the control lane. That one of the others broke says nothing about the leader's life: a slow link
        // is enough.
        if append.entries.isEmpty { leaderConnection = connection }
        leaderCommit = max(leaderCommit ?? .zero, append.leaderCommit)
        if let verdict = append.verdict { hear(verdict) }
    }

    /// - Parameter speaker: Who answered; `nil` if nobody did, or a node of the first release.
    func receive(_ event: Event, from speaker: Speaker?) {
        var event = event
        if let peer = event.answerer, !isExpected(speaker, from: peer) {
            logRefused(.otherDirectory, of: peer, "an answer of another node or directory than the one that was asked")
            askAgain(peer, after: .milliseconds(100))
            abortSnapshot(to: peer, "another node answers")
            event = .unreachable(peer)
        }
        switch event {
        case .appendEntriesReply(let reply, _, _):
            if reply.success { measurements.peerHeartbeatSuccesses += 1 }
        case .unreachable(let peer):
            measurements.peerHeartbeatFailures += 1
            contacts.lost(peer)
        case .snapshotFailed(let peer): return abortSnapshot(to: peer, "the connection broke")
        case .installSnapshotReply(let reply, let peer, let lastIncluded):
            snapshotAnswered(by: peer, reply, lastIncluded)
        default: break
        }
        step(event)
        if case .appendEntriesReply(let reply, let peer, _) = event { compareDigest(reply, of: peer) }
    }

    /// A broken connection that the leader's heartbeats came on means that it likely died.
    func connectionClosed(_ connection: UInt64) {
        contacts.closed(connection)
        guard connection == leaderConnection else { return }
        leaderConnection = nil
        if let leader = otherLeader { step(.disconnected(leader)) }
    }
}

extension Event {
    /// Whose answer this is.
    var answerer: NodeID? {
        switch self {
        case .requestVoteReply(_, let peer), .appendEntriesReply(_, let peer, _), .installSnapshotReply(_, let peer, _),
            .timeoutNowReply(_, let peer):
            peer
        default: nil
        }
    }

    /// Whom this event is about.
    var peer: NodeID? {
        switch self {
        case .unreachable(let peer), .snapshotFailed(let peer): peer
        default: answerer
        }
    }
}

extension Raft.Request {
    /// The index at which the sender wants to know the receiver's state digest.
    var askedDigest: LogIndex? {
        if case .appendEntries(let append) = self { append.digest?.index } else { nil }
    }
}
