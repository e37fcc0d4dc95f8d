import Raft

/// When an entry is committed it is on the disks of a majority, and it stays there.
final class CommittedOnQuorum: Checker {
    let invariant = "Committed means durable on a majority (§3.6.2)"

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .committed(let entry, _, let node):
            let holders = cluster.nodes.filter { $0.image.holds(entry.position) }.map(\.id.number)
            guard holders.count <= cluster.nodes.count / 2 else { return nil }
            return "node \(node.id) knows \(entry.position) as committed, which is on the disks of \(holders) only"
        case .finished:
            for entry in cluster.ledger.entries {
                let holders = cluster.nodes.count { $0.image.holds(entry.position) }
                if holders <= cluster.nodes.count / 2 { return "committed entry \(entry.position) is lost" }
            }
            return nil
        default: return nil
        }
    }
}
