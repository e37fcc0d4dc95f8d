import Metadata
import Raft
import Server

/// All nodes apply the same entries in the same order and come to the same state; what is committed never changes.
final class StateMachineSafety: Checker {
    let invariant = "State Machine Safety (§3.6.3)"
    let kinds: [Observation.Kind] = [.started, .moved]
    /// Up to where each node's committed entries were compared.
    private var compared = PerNode<LogIndex>()

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            compared[node] = nil
            return nil
        case .moved(let node, let process, let standing):
            if let text = compareEntries(of: node, process, standing, cluster) { return text }
            guard standing.applied <= cluster.ledger.last else {
                return "node \(node.id) applied \(standing.applied), committed is \(cluster.ledger.last)"
            }
            let expected = cluster.ledger.digest(at: standing.applied)
            // A bit flipped in its memory: until a majority has found it out it holds something else.
            guard standing.digest != expected, !node.isOdd else { return nil }
            return "node \(node.id) at \(standing.applied) has digest \(standing.digest), right is \(expected)"
        default: return nil
        }
    }

    private func compareEntries(
        of node: SimulatedNode, _ process: Node, _ standing: Standing, _ cluster: SimulatedCluster
    ) -> String? {
        var index = max(compared[node] ?? .zero, standing.logBase.index)
        let end = min(standing.commit, cluster.ledger.last)
        defer { compared[node] = index }
        guard index < end else { return nil }
        let log = process.raft.log
        while index < end {
            index = index.next
            guard log[index] == cluster.ledger[index] else {
                return "node \(node.id) has \(log[index].position) committed, others \(cluster.ledger[index].position)"
            }
        }
        return nil
    }
}
