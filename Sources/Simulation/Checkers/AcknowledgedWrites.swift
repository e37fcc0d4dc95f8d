import Metadata
import Raft

/// A write that was acknowledged is committed, at the revision that was told; one that was refused as not executed never
/// is. Writes are told apart by their values.
final class AcknowledgedWrites: Checker {
    let invariant = "Clients are told the truth"
    let kinds: [Observation.Kind] = [.committed, .writeAnswered]
    private var committed: [String: CommandResult] = [:]
    private var refused: Set<String> = []

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .committed(let entry, let outcome, let token, _):
            guard let token else { return nil }
            if let first = committed.updateValue(outcome.result, forKey: token) {
                return "write \(token) is committed twice, first as \(first)"
            }
            return refused.contains(token)
                ? "write \(token), told as not executed, is committed at \(entry.position)" : nil
        case .writeAnswered(let token, .put(let modRevision)):
            guard case .put(let right, _)? = committed[token] else {
                return "write \(token) is acknowledged and not committed"
            }
            return right == modRevision ? nil : "write \(token) is told revision \(modRevision), committed is \(right)"
        case .writeAnswered(let token, .notExecuted):
            refused.insert(token)
            return committed[token] == nil ? nil : "write \(token), committed before, is told as not executed"
        default: return nil
        }
    }
}

extension Put {
    /// What tells this write from all others: the value up to the first space.
    var token: String? {
        guard let end = value.firstIndex(of: UInt8(ascii: " ")) else { return nil }
        return String(decoding: value[..<end], as: UTF8.self)
    }
}
