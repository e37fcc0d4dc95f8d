import Metadata
import Raft
import Server

/// Terms, commit and applied index, version and revision never go back; a vote is not taken back.
final class Monotonicity: Checker {
    let invariant = "Nothing goes back"
    let kinds: [Observation.Kind] = [.started, .stepped, .emptied]

    private struct Stand {
        var term = Term.zero
        var vote: NodeID?
        var commit = LogIndex.zero
        var applied = LogIndex.zero
        var version: UInt64 = 0
        var revision: UInt64 = 0
    }
    private var stands = PerNode<Stand>()
    private var stored = PerNode<HardState>()

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            // What was only in memory may be gone; what was on disk may not.
            stands[node] = nil
            return checkDisk(of: node)
        case .emptied(let node):
            stored[node] = nil
            return nil
        case .stepped(let node, let process):
            let before = stands[node] ?? Stand()
            let counters = process.metadata.counters
            let state = process.raft.hardState
            let after = Stand(
                term: state.currentTerm, vote: state.votedFor, commit: process.raft.commitIndex,
                applied: process.lastApplied, version: counters.version, revision: counters.revision)
            stands[node] = after
            let hasSameVote = before.vote == nil || before.vote == after.vote || after.term > before.term
            if after.term < before.term || !hasSameVote || after.commit < before.commit
                || after.applied < before.applied || after.version < before.version
                || after.revision < before.revision
            {
                return "node \(node.id) goes from \(before) to \(after)"
            }
            return checkDisk(of: node)
        default: return nil
        }
    }

    private func checkDisk(of node: SimulatedNode) -> String? {
        let now = node.image.hardState
        let known = stored[node]
        stored[node] = now
        guard let before = known else { return nil }
        let isSameTerm = now.currentTerm == before.currentTerm
        if now.currentTerm < before.currentTerm
            || isSameTerm && before.votedFor != nil && now.votedFor != before.votedFor
        {
            return "the disk of node \(node.id) goes from \(before) to \(now)"
        }
        return nil
    }
}
