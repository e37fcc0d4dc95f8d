import Raft
import Server

/// Two logs with an entry of the same index and term are the same up to there.
///
/// By induction it is enough that an index and term name one content and one predecessor, in whatever log they appear.
final class LogMatching: Checker {
    let invariant = "Log Matching (§3.5)"
    private struct Known {
        let entry: LogEntry
        let previousTerm: Term
    }
    private var known: [LogPosition: Known] = [:]
    /// Up to where each node's log was looked at.
    private var seen: [NodeID: LogPosition] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            seen[node.id] = nil
            return nil
        case .stepped(let node, let process):
            var index = process.raft.log.base.index
            if let position = seen[node.id], position.index > index {
                // After a truncation: back to what is certainly still the same.
                index = process.raft.log.contains(position) ? position.index : index
            }
            while index < process.raft.log.last.index {
                index = index.next
                if let text = add(process.raft.log[index], behind: process.raft.log.term(at: index.previous), node) {
                    return text
                }
            }
            seen[node.id] = process.raft.log.last
            return nil
        default: return nil
        }
    }

    private func add(_ entry: LogEntry, behind previousTerm: Term?, _ node: SimulatedNode) -> String? {
        guard let previousTerm else { return "node \(node.id) has nothing before \(entry.position)" }
        guard let other = known[entry.position] else {
            known[entry.position] = Known(entry: entry, previousTerm: previousTerm)
            return nil
        }
        if other.entry != entry { return "entry \(entry.position) of node \(node.id) differs from the same of another" }
        if other.previousTerm != previousTerm {
            return
                "entry \(entry.position) of node \(node.id) follows term \(previousTerm), elsewhere \(other.previousTerm)"
        }
        return nil
    }
}
