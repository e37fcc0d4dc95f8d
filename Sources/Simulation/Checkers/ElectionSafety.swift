import Raft
import Server

/// A term has at most one leader.
final class ElectionSafety: Checker {
    let invariant = "Election Safety (§3.6.3)"
    let kinds: [Observation.Kind] = [.stepped, .requested]
    private var leaders: [Term: NodeID] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .stepped(let node, let process) where process.raft.role == .leader:
            return claim(by: node.id, in: process.raft.currentTerm, cluster)
        // Who sends an append or a snapshot says that it leads, whatever it believes itself.
        case .requested(.appendEntries(let request), let from, _):
            return claim(by: from.id, in: request.term, cluster)
        case .requested(.installSnapshot(let request), let from, _):
            return claim(by: from.id, in: request.term, cluster)
        default: return nil
        }
    }

    private func claim(by node: NodeID, in term: Term, _ cluster: SimulatedCluster) -> String? {
        guard let known = leaders[term] else {
            leaders[term] = node
            cluster.counts.elections += 1
            return nil
        }
        return known == node ? nil : "nodes \(known) and \(node) both lead term \(term)"
    }
}
