import Metadata
import Raft
import Server

/// Terms, commit and applied index, version and revision never go back; a vote is not taken back.
final class Monotonicity: Checker {
    let invariant = "Nothing goes back"
    let kinds: [Observation.Kind] = [.started, .moved, .emptied, .replaced]

    private var stands = PerNode<Standing>()
    private var stored = PerNode<HardState>()

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            // What was only in memory may be gone; what was on disk may not.
            stands[node] = nil
            return checkDisk(of: node)
        case .emptied(let node), .replaced(let node):
            stored[node] = nil
            return nil
        case .moved(let node, _, let standing):
            let known = stands[node]
            stands[node] = standing
            if let known, !Self.isForward(from: known, to: standing) {
                return "node \(node.id) goes from \(known) to \(standing)"
            }
            return checkDisk(of: node)
        default: return nil
        }
    }

    private static func isForward(from before: Standing, to after: Standing) -> Bool {
        after.state.mayFollow(before.state) && after.commit >= before.commit
            && after.applied >= before.applied && after.version >= before.version && after.revision >= before.revision
    }

    private func checkDisk(of node: SimulatedNode) -> String? {
        let now = node.image.hardState
        let known = stored[node]
        stored[node] = now
        guard let known, !now.mayFollow(known) else { return nil }
        return "the disk of node \(node.id) goes from \(known) to \(now)"
    }
}

extension HardState {
    /// Whether the term does not go back from `earlier`, nor a vote of the same term changes (§3.8).
    func mayFollow(_ earlier: HardState) -> Bool {
        currentTerm > earlier.currentTerm
            || currentTerm == earlier.currentTerm && (earlier.votedFor == nil || votedFor == earlier.votedFor)
    }
}
