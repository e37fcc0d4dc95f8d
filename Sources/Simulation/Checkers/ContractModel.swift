import Metadata
import Raft
import Server

/// Every entry comes to what the contract says, in answer, rows, version and revision; and every node's state is that.
final class ContractModel: Checker {
    let invariant = "State is as the contract says"
    let kinds: [Observation.Kind] = [.started, .moved, .committed, .finished]
    /// Up to where each node's state was compared row by row; its digest is compared always.
    private var compared = PerNode<LogIndex>()
    private var version: UInt64 = 0
    private static let entriesBetween: UInt64 = 250

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        switch observation {
        case .committed(let entry, let outcome, _, _):
            return compare(outcome, cluster.ledger).map { "entry \(entry.position) \(entry.type): \($0)" }
        case .started(let node, _):
            compared[node] = nil
            return nil
        case .moved(let node, let process, let standing):
            let next = (compared[node]?.number ?? 0) + Self.entriesBetween
            guard standing.applied.number >= next, standing.applied == cluster.ledger.last else { return nil }
            compared[node] = standing.applied
            return compare(node, process, cluster)
        case .finished:
            for node in cluster.nodes {
                if let process = node.process, let text = compare(node, process, cluster) { return text }
            }
            return nil
        default: return nil
        }
    }

    private func compare(_ outcome: Outcome, _ ledger: Ledger) -> String? {
        let (model, counters) = (ledger.model, ledger.metadata.counters)
        guard let command = ledger.lastCommand, let right = ledger.lastAnswer else { return nil }
        let found = ModelAnswer(outcome.result, of: command)
        if found != right { return "answered \(found), right is \(right)" }
        if counters.version != model.version { return "version \(counters.version), right is \(model.version)" }
        if counters.revision != model.keys.revision {
            return "revision \(counters.revision), right is \(model.keys.revision)"
        }
        if counters.nextProducerID != model.producerIDs {
            return "the next producer has \(counters.nextProducerID), right is \(model.producerIDs)"
        }
        if version != model.version {
            version = model.version
            if let text = model.cluster.difference(from: ledger.metadata) { return text }
        }
        switch command {
        case .put(let put): return compare(put.key, ledger)
        case .delete(let delete) where delete.isRecursive: return model.keys.difference(from: ledger.metadata)
        case .delete(let delete): return compare(delete.key, ledger)
        case .transaction, .revokeLease: return model.keys.difference(from: ledger.metadata)
        case .compactHistory, .raiseLevel: return model.keys.pastDifference(from: ledger.metadata)
        default: return nil
        }
    }

    private func compare(_ key: Key, _ ledger: Ledger) -> String? {
        let (found, right) = (ledger.metadata.value(key).map { KeysModel.Value($0) }, ledger.model.keys.value(key))
        return found == right ? nil : "\(key) is \(String(describing: found)), right is \(String(describing: right))"
    }

    private func compare(_ node: SimulatedNode, _ process: Node, _ cluster: SimulatedCluster) -> String? {
        let model = cluster.ledger.model
        guard !node.isOdd, process.lastApplied == cluster.ledger.last else { return nil }
        let difference =
            model.cluster.difference(from: process.metadata) ?? model.keys.difference(from: process.metadata)
            ?? model.keys.pastDifference(from: process.metadata)
        return difference.map { "node \(node.id) at \(process.lastApplied): \($0)" }
    }
}
