import Raft
import Server

/// A term has at most one leader. Two processes with one id are two.
final class ElectionSafety: Checker {
    let invariant = "Election Safety (§3.6.3)"
    let kinds: [Observation.Kind] = [.moved, .requested]
    private var leaders: [Term: SimulatedNode] = [:]
    /// The last claim, which the next one most often repeats.
    private var last: (node: SimulatedNode, term: Term)?

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .moved(let node, _, let standing) where standing.role == .leader:
            return claim(by: node, in: standing.state.currentTerm, cluster)
        // Who sends an append or a snapshot says that it leads, whatever it believes itself.
        case .requested(.appendEntries(let request), let from, _):
            return claim(by: from, in: request.term, cluster)
        case .requested(.installSnapshot(let request), let from, _):
            return claim(by: from, in: request.term, cluster)
        default: return nil
        }
    }

    private func claim(by node: SimulatedNode, in term: Term, _ cluster: SimulatedCluster) -> String? {
        if let last, last.node === node, last.term == term { return nil }
        last = (node, term)
        guard let known = leaders[term] else {
            leaders[term] = node
            cluster.counts.elections += 1
            return nil
        }
        return known === node ? nil : "\(known.name) and \(node.name) both lead term \(term)"
    }
}
