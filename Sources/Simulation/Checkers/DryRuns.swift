import Metadata
import Raft
import Server

/// What a leader's fork of its state says of a command is what comes of it, if it is the next one.
final class DryRuns: Checker {
    let invariant = "A dry run comes to what happens next"
    let kinds: [Observation.Kind] = [.started, .moved, .committed]
    /// Of each node's state, now and then.
    private var forks = PerNode<(applied: LogIndex, state: MetadataStateMachine)>()
    private static let entriesBetween: UInt64 = 16

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _): forks[node] = nil
        case .moved(let node, let process, let standing):
            // A copy makes the state's next change dearer.
            let next = (forks[node]?.applied.number ?? 0) + Self.entriesBetween
            guard standing.role == .leader, standing.applied.number >= next, !node.isOdd else { return nil }
            forks[node] = (standing.applied, process.metadata.withoutKeys)
        case .committed(let entry, let outcome, _, _):
            guard let command = cluster.ledger.lastCommand, !command.needsKeys else { return nil }
            for node in cluster.nodes {
                guard let (applied, state) = forks[node], applied.next == entry.index else { continue }
                var fork = state
                let said = fork.apply(command, timestamp: entry.timestamp)
                guard said != outcome else { continue }
                return "node \(node.id) said \(said.result) of entry \(entry.position), it came to \(outcome.result)"
            }
        default: break
        }
        return nil
    }
}
