import Raft
import Server

/// Two logs with an entry of the same index and term are the same up to there.
///
/// By induction it is enough that an index and term name one content and one predecessor, in whatever log they appear.
final class LogMatching: Checker {
    let invariant = "Log Matching (§3.5)"
    let kinds: [Observation.Kind] = [.started, .moved]
    private struct Known {
        let entry: LogEntry
        let previousTerm: Term
    }
    /// By index; of each term that there is an entry of.
    private var known: [[Known]] = []
    /// Up to where each node's log was looked at.
    private var seen = PerNode<LogPosition>()

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .started(let node, _):
            seen[node] = nil
            return nil
        case .moved(let node, let process, let standing):
            let position = seen[node]
            guard position != standing.logEnd else { return nil }
            let log = process.raft.log
            var index = log.base.index
            if let position, position.index > index {
                // After a truncation: back to what is certainly still the same.
                index = log.contains(position) ? position.index : index
            }
            while index < log.last.index {
                index = index.next
                if let text = add(log[index], behind: log.term(at: index.previous), node) { return text }
            }
            seen[node] = log.last
            return nil
        default: return nil
        }
    }

    private func add(_ entry: LogEntry, behind previousTerm: Term?, _ node: SimulatedNode) -> String? {
        guard let previousTerm else { return "node \(node.id) has nothing before \(entry.position)" }
        let index = Int(entry.index.number)
        while known.count <= index { known.append([]) }
        guard let other = known[index].first(where: { $0.entry.term == entry.term }) else {
            known[index].append(Known(entry: entry, previousTerm: previousTerm))
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
