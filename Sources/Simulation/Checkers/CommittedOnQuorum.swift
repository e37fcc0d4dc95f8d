import Raft
import Server

/// When an entry is committed it is on the disks of a majority, and it stays there. A leader commits by counting only
/// what ends in its own term.
///
/// A node with damaged data counts for what it was given until it starts empty; from then on for what it has. There is no
/// leave for the time until it is filled: a node may start empty only when a majority without it has everything.
final class CommittedOnQuorum: Checker {
    let invariant = "Committed means durable on a majority (§3.6.2)"
    let kinds: [Observation.Kind] = [.committed, .logReplaced, .emptied, .finished]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .committed(let entry, _, let node):
            if let process = node.process, process.raft.role == .leader,
                process.raft.log.term(at: process.raft.commitIndex) != process.raft.currentTerm
            {
                return "node \(node.id) commits entries of older terms than its own, \(process.raft.currentTerm)"
            }
            let holders = cluster.nodes.filter { $0.holds(entry.position) }.map(\.id.number)
            guard holders.count <= cluster.nodes.count / 2 else { return nil }
            return "node \(node.id) knows \(entry.position) as committed, which is on the disks of \(holders) only"
        case .logReplaced(let node): return firstLoss(after: node.image.logBase.index, cluster)
        case .emptied, .finished: return firstLoss(after: .zero, cluster)
        default: return nil
        }
    }

    private func firstLoss(after index: LogIndex, _ cluster: SimulatedCluster) -> String? {
        for entry in cluster.ledger.entries.dropFirst(Int(index.number)) {
            let holders = cluster.nodes.filter { $0.holds(entry.position) }.map(\.id.number)
            if holders.count <= cluster.nodes.count / 2 {
                return "committed entry \(entry.position) is on the disks of \(holders) only"
            }
        }
        return nil
    }
}
