import Raft
import Server

/// What was committed in an earlier term is in the log of every leader.
final class LeaderCompleteness: Checker {
    let invariant = "Leader Completeness (§3.6.3)"
    let kinds: [Observation.Kind] = [.stepped]
    private var checked: Set<Term> = []

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .stepped(let node, let process) = observation, process.raft.role == .leader,
            checked.insert(process.raft.currentTerm).inserted
        else { return nil }
        let term = process.raft.currentTerm
        var index = cluster.ledger.last
        // A leader that was elected late may be older than what is committed by now.
        while index > .zero, cluster.ledger.commitTerm(of: index) >= term { index = index.previous }
        while index > process.raft.log.base.index {
            let entry = cluster.ledger[index]
            guard process.raft.log.contains(entry.position) else {
                return "node \(node.id) leads term \(term) without committed entry \(entry.position)"
            }
            index = index.previous
        }
        return nil
    }
}
