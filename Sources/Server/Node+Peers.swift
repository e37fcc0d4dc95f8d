import Logging
import Metadata
import Raft

// What other nodes ask and answer.
extension Node {
    func receive(
        _ request: Raft.Request, clusterID: String?, connection: UInt64,
        _ completion: @escaping @Sendable (Result<Reply, RequestFailure>) -> Void
    ) {
        if let own = metadata.counters.clusterID, let clusterID, own != clusterID {
            log(.foreignMessage, .error, "❌ message of another cluster", ["cluster": "\(clusterID)", "own": "\(own)"])
            return completion(.failure(.unavailable("this node belongs to cluster \(own)")))
        }
        lastToken += 1
        let token = RequestToken(lastToken)
        peerReplies[token] = completion
        askedDigest = request.askedDigest
        step(.request(request, token: token))
        if case .appendEntries(let append) = request, raft.leader == append.leader, raft.currentTerm == append.term {
            heard(append, on: connection)
        }
    }

    private func heard(_ append: AppendEntries, on connection: UInt64) {
        leaderConnection = connection
        leaderCommit = max(leaderCommit ?? .zero, append.leaderCommit)
        if let verdict = append.verdict { hear(verdict) }
    }

    func receive(_ event: Event) {
        switch event {
        case .appendEntriesReply(let reply, _, _):
            if reply.success { measurements.peerHeartbeatSuccesses += 1 }
        case .unreachable(let peer):
            measurements.peerHeartbeatFailures += 1
            abortSnapshot(to: peer, "the connection broke")
        case .installSnapshotReply(let reply, let peer, let lastIncluded):
            snapshotAnswered(by: peer, reply, lastIncluded)
        default: break
        }
        step(event)
        if case .appendEntriesReply(let reply, let peer, _) = event { compareDigest(reply, of: peer) }
    }

    /// A broken connection on which the leader spoke last means that it likely died.
    func connectionClosed(_ connection: UInt64) {
        guard connection == leaderConnection else { return }
        leaderConnection = nil
        if let leader = otherLeader { step(.disconnected(leader)) }
    }
}

extension Raft.Request {
    /// The index at which the sender wants to know the receiver's state digest.
    fileprivate var askedDigest: LogIndex? {
        if case .appendEntries(let append) = self { append.digest?.index } else { nil }
    }
}
