import Defects
import Logging
import Metadata
import Raft
import Storage

// Data that contradict each other. Alone no node can know whose are wrong; a majority can. Who is in the minority ends,
// and so no client is ever answered from what most others hold for wrong.
extension Node {
    // Digests: the leader asks and judges

    /// The question that a heartbeat carries, and what the follower is to be told.
    func askDigest(with append: inout AppendEntries, of peer: NodeID) {
        guard !Defect.digestsNeverCompared.isOn else { return }
        let digest = metadata.digest
        append.digest = tally.question(
            StateDigest(index: lastApplied, high: digest.high, low: digest.low), of: id, now: now.instant,
            every: settings.raft.heartbeatInterval)
        if let verdict = tally.verdict(for: peer) { append.verdict = verdict }
    }

    /// Adds the answer to a heartbeat's question to the reply, now that all is applied that the heartbeat committed.
    func answerDigest(in reply: Reply) -> Reply {
        guard let question = askedDigest, case .appendEntries(var append) = reply else { return reply }
        askedDigest = nil
        append.digest = digests.answer(question, applied: lastApplied)
        return .appendEntries(append)
    }

    func compareDigest(_ reply: AppendEntriesReply, of peer: NodeID) {
        guard !isFailed, let answer = reply.digest, raft.role == .leader, reply.term == raft.currentTerm, peer != id,
            member(peer) != nil, !nonVoting.contains(peer)
        else { return }
        switch tally.answered(answer, by: peer, majority: raft.voters.count / 2 + 1) {
        case .agreed: break
        case .undecided(let difference): log(.digests, .error, "❌ \(difference); no majority agrees")
        case .odd(let difference): judge(difference)
        }
    }

    private func judge(_ difference: DigestTally.Difference) {
        let odd = difference.sides.dropFirst().flatMap(\.voters).sorted()
        guard odd.contains(id), !Defect.oddLeaderStays.isOn else {
            return log(.digests, .error, "❌ \(difference); \(odd.named) must leave service")
        }
        leaveService("\(difference); node \(id) is the odd one out")
    }

    /// A verdict on this node's state, of the leader that it follows.
    func hear(_ verdict: Verdict) {
        guard case .state(let right) = verdict.subject, raft.isMajority(verdict.voters),
            let own = digests.answer(at: right.index), own != right
        else { return }
        let sides: [DigestTally.Difference.Side] = [
            .init(digest: right, voters: verdict.voters), .init(digest: own, voters: [id]),
        ]
        leaveService("\(DigestTally.Difference(index: right.index, sides: sides)); node \(id) is the odd one out")
    }

    /// Whether followers differ from this leader, and no majority decides who is right.
    package var isInDispute: Bool { tally.dispute != nil }

    // Committed entries: the core judges

    func contradicted(_ found: Contradiction, odd: NodeID?, against majority: [NodeID]) {
        measurements.protocolViolations += 1
        switch odd {
        case nil: log(.contradiction, .error, "❌ \(found)")
        case id: leaveService("\(found); \(majority.named) hold it against node \(id), the odd one out")
        case let odd?: log(.contradiction, .error, "❌ \(found); node \(odd) is the odd one out and must leave service")
        }
    }

    // The end

    /// This node's data is the odd one out: whatever the reason, its answers are worth nothing.
    private func leaveService(_ finding: String) {
        guard !isFailed else { return }
        logger.critical("❌ \(finding)")
        if raft.role == .leader { step(.abdicate) }
        fail(.oddOneOut(finding), reason: finding)
    }

    /// Why this node takes part in nothing any more, if so.
    var ending: String? { failure ?? farewell }

    /// Why this node's state answers nobody, if so.
    var outOfService: String? {
        if let ending { return ending }
        return raft.contradiction.map { "\($0); which of them is wrong is not decided" }
    }
}
