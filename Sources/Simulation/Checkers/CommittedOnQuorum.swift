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
        case .committed(let entry, _, _, let node):
            if let process = node.process, process.raft.role == .leader,
                process.raft.log.term(at: process.raft.commitIndex) != process.raft.currentTerm
            {
                return "node \(node.id) commits entries of older terms than its own, \(process.raft.currentTerm)"
            }
            guard let holders = tooFewHolders(of: entry.position, cluster) else { return nil }
            return "node \(node.id) knows \(entry.position) as committed, which is on the disks of \(holders) only"
        case .logReplaced(let node): return firstLoss(after: node.image.logBase.index, cluster)
        case .emptied, .finished: return firstLoss(after: .zero, cluster)
        default: return nil
        }
    }

    private func firstLoss(after index: LogIndex, _ cluster: SimulatedCluster) -> String? {
        var index = index
        while index < cluster.ledger.last {
            index = index.next
            let position = cluster.ledger.position(at: index)
            if let holders = tooFewHolders(of: position, cluster) {
                return "committed entry \(position) is on the disks of \(holders) only"
            }
        }
        return nil
    }

    /// Who has the entry, if that is no majority.
    private func tooFewHolders(of position: LogPosition, _ cluster: SimulatedCluster) -> [UInt64]? {
        var count = 0
        for node in cluster.nodes where node.holds(position) { count += 1 }
        guard count <= cluster.nodes.count / 2 else { return nil }
        return cluster.nodes.filter { $0.holds(position) }.map(\.id.number)
    }
}
