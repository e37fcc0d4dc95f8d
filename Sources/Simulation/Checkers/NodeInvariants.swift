import Raft
import Server

/// What must hold of each node by itself.
final class NodeInvariants: Checker {
    let invariant = "Invariants of one node"
    let kinds: [Observation.Kind] = [.stepped]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .stepped(let node, let process) = observation else { return nil }
        return Self.finding(process.raft, applied: process.lastApplied).map { "node \(node.id) \($0)" }
    }

    private static func finding(_ raft: borrowing RaftNode, applied: LogIndex) -> String? {
        if let broken = raft.brokenInvariants().first { return broken }
        return applied == raft.commitIndex ? nil : "applied \(applied) of \(raft.commitIndex)"
    }
}
