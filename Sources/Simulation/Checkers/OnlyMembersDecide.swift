import Raft
import Server

/// A directory that the others did not admit decides nothing: no vote, no candidacy, no leadership; nor does one that took
/// another's place before the operator said so. And all that was ever
/// committed is of one cluster, the one that was born first.
final class OnlyMembersDecide: Checker {
    let invariant = "Only members decide"
    let kinds: [Observation.Kind] = [.moved, .requested, .replied, .committed]
    private var cluster: String?

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .moved(let node, _, let standing) where standing.role != .follower: return stranger(node, "is a candidate")
        case .requested(.requestVote, let node, _): return stranger(node, "asks for votes")
        case .requested(.appendEntries, let node, _), .requested(.installSnapshot, let node, _):
            return stranger(node, "leads")
        case .replied(.requestVote(let reply), let node, _) where reply.voteGranted: return stranger(node, "votes")
        case .committed(_, _, _, let node): return otherCluster(node)
        default: return nil
        }
    }

    private func stranger(_ node: SimulatedNode, _ deed: String) -> String? {
        // With the members in the log the core itself counts by directories: whoever asks may be given a vote (§4.1).
        if node.process?.raft.hasConfiguration ?? false { return nil }
        guard let identity = node.image.identity, !identity.isAdmitted || node.isStranger else { return nil }
        return "\(node.name) on directory \(identity.directory) \(deed) and is not admitted"
    }

    private func otherCluster(_ node: SimulatedNode) -> String? {
        guard let name = node.process?.identity.clusterID else { return "node \(node.id) commits, and has no cluster" }
        guard let known = cluster else {
            cluster = name
            return nil
        }
        return known == name ? nil : "node \(node.id) commits in cluster \(name), the first was \(known)"
    }
}
