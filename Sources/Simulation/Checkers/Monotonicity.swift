import Metadata
import Raft
import Server

/// Terms, commit and applied index, version and revision never go back; a vote is not taken back.
final class Monotonicity: Checker {
    let invariant = "Nothing goes back"

    private struct Stand {
        var term = Term.zero
        var vote: NodeID?
        var commit = LogIndex.zero
        var applied = LogIndex.zero
        var version: UInt64 = 0
        var revision: UInt64 = 0
    }
    private var stands: [NodeID: Stand] = [:]
    private var stored: [NodeID: HardState] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            // What was only in memory may be gone; what was on disk may not.
            stands[node.id] = nil
            return checkDisk(of: node)
        case .stepped(let node, let process):
            let before = stands[node.id] ?? Stand()
            let counters = process.metadata.counters
            let state = process.raft.hardState
            stands[node.id] = Stand(
                term: state.currentTerm, vote: state.votedFor, commit: process.raft.commitIndex,
                applied: process.lastApplied, version: counters.version, revision: counters.revision)
            let hasSameVote = before.vote == nil || before.vote == state.votedFor || state.currentTerm > before.term
            if state.currentTerm < before.term || !hasSameVote || process.raft.commitIndex < before.commit
                || process.lastApplied < before.applied || counters.version < before.version
                || counters.revision < before.revision
            {
                return "node \(node.id) goes from \(before) to \(stands[node.id] ?? Stand())"
            }
            return checkDisk(of: node)
        default: return nil
        }
    }

    private func checkDisk(of node: SimulatedNode) -> String? {
        let now = node.image.hardState
        guard let before = stored.updateValue(now, forKey: node.id) else { return nil }
        let isSameTerm = now.currentTerm == before.currentTerm
        if now.currentTerm < before.currentTerm
            || isSameTerm && before.votedFor != nil && now.votedFor != before.votedFor
        {
            return "the disk of node \(node.id) goes from \(before) to \(now)"
        }
        return nil
    }
}
