import Raft

/// A node gives one vote in a term, also across restarts: the vote is durable before it is told. A node that lost its
/// data has no votes to remember; that none of those can do harm is what `ElectionSafety` sees to.
final class VoteOnce: Checker {
    let invariant = "One vote in a term (§3.4)"
    let kinds: [Observation.Kind] = [.requested, .replied, .emptied]
    private struct Ballot: Hashable {
        let term: Term
        let voter: NodeID
    }
    private var votes: [Ballot: NodeID] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .requested(.requestVote(let request), let from, _) where !request.isPreVote:
            return vote(of: from, for: from.id, in: request.term)
        case .replied(.requestVote(let reply), let from, let to) where reply.voteGranted && !reply.isPreVote:
            return vote(of: from, for: to.id, in: reply.term)
        case .emptied(let node):
            votes = votes.filter { $0.key.voter != node.id }
            return nil
        default: return nil
        }
    }

    private func vote(of voter: SimulatedNode, for candidate: NodeID, in term: Term) -> String? {
        let stored = voter.image.hardState
        if stored.currentTerm < term || stored.currentTerm == term && stored.votedFor != candidate {
            return "node \(voter.id) tells its vote for \(candidate) in term \(term), its disk says \(stored)"
        }
        let ballot = Ballot(term: term, voter: voter.id)
        guard let other = votes.updateValue(candidate, forKey: ballot), other != candidate else { return nil }
        return "node \(voter.id) votes for \(other) and \(candidate) in term \(term)"
    }
}
