import Metadata
import Raft
import Server

/// All nodes apply the same entries in the same order and come to the same state; what is committed never changes.
final class StateMachineSafety: Checker {
    let invariant = "State Machine Safety (§3.6.3)"
    let kinds: [Observation.Kind] = [.started, .stepped]
    /// Up to where each node's committed entries were compared.
    private var compared = PerNode<LogIndex>()

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            compared[node] = nil
            return nil
        case .stepped(let node, let process):
            let log = process.raft.log
            let commit = process.raft.commitIndex
            var index = max(compared[node] ?? .zero, log.base.index)
            while index < commit, index < cluster.ledger.last {
                index = index.next
                guard log[index] == cluster.ledger[index] else {
                    return
                        "node \(node.id) has \(log[index].position) committed, others \(cluster.ledger[index].position)"
                }
            }
            compared[node] = index
            guard process.lastApplied <= cluster.ledger.last else {
                return "node \(node.id) applied \(process.lastApplied), committed is \(cluster.ledger.last)"
            }
            let expected = cluster.ledger.digest(at: process.lastApplied)
            let digest = process.metadata.digest
            guard digest != expected else { return nil }
            return "node \(node.id) at \(process.lastApplied) has digest \(digest), right is \(expected)"
        default: return nil
        }
    }
}
