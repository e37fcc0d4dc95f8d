import Raft
import Server

/// What must hold of each node by itself.
final class NodeInvariants: Checker {
    let invariant = "Invariants of one node"
    let kinds: [Observation.Kind] = [.stepped]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .stepped(let node, let process) = observation else { return nil }
        if let broken = process.raft.brokenInvariants().first { return "node \(node.id): \(broken)" }
        guard process.lastApplied == process.raft.commitIndex else {
            return "node \(node.id) applied \(process.lastApplied) of \(process.raft.commitIndex)"
        }
        return nil
    }
}
