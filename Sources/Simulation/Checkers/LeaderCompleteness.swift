import Raft
import Server

/// What was committed in an earlier term is in the log of every leader.
final class LeaderCompleteness: Checker {
    let invariant = "Leader Completeness (§3.6.3)"
    let kinds: [Observation.Kind] = [.moved]
    private var checked: Set<Term> = []

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .moved(let node, let process, let standing) = observation, standing.role == .leader,
            checked.insert(standing.state.currentTerm).inserted
        else { return nil }
        let term = standing.state.currentTerm
        let log = process.raft.log
        var index = cluster.ledger.last
        // A leader that was elected late may be older than what is committed by now.
        while index > .zero, cluster.ledger.commitTerm(of: index) >= term { index = index.previous }
        while index > log.base.index {
            let position = cluster.ledger.position(at: index)
            guard log.contains(position) else {
                return "node \(node.id) leads term \(term) without committed entry \(position)"
            }
            index = index.previous
        }
        return nil
    }
}
