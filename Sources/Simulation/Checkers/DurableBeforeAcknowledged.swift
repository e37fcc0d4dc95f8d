import Raft

/// Who acknowledges entries has them on its disk.
final class DurableBeforeAcknowledged: Checker {
    let invariant = "Durable before acknowledged (§3.8)"
    let kinds: [Observation.Kind] = [.replied]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .replied(let reply, let node, let leader) = observation else { return nil }
        switch reply {
        // An answer of an earlier term may speak of entries that this term's leader replaced since.
        case .appendEntries(let reply) where reply.success && reply.term == node.image.hardState.currentTerm:
            guard reply.matchIndex > node.image.lastIndex else { return stored(reply.term, node) }
            return "node \(node.id) acknowledges \(reply.matchIndex), its disk ends at \(node.image.lastIndex)"
        case .appendEntries(let reply): return stored(reply.term, node)
        case .installSnapshot(let reply) where reply.isInstalled:
            // Whatever was installed reaches as far as this leader's snapshot; its log or rows must be there.
            return node.image.lastIndex >= node.image.applied.index
                ? nil : "node \(node.id) tells \(leader.id) of a snapshot that its disk does not have"
        default: return nil
        }
    }

    private func stored(_ term: Term, _ node: SimulatedNode) -> String? {
        guard term > node.image.hardState.currentTerm else { return nil }
        return "node \(node.id) speaks of term \(term), its disk says \(node.image.hardState.currentTerm)"
    }
}
