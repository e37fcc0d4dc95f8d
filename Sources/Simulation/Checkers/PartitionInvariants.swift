import Metadata
import Raft

/// Partitions: a leader is in sync and ACTIVE, who is not is in sync only alone, the in-sync replicas are never empty and are replicas, epochs only grow, and
/// an epoch has one leader; what is counted of them is so. Looked at in the ledger's state, which all nodes' are compared with.
final class PartitionInvariants: Checker {
    let invariant = "Partitions"
    let kinds: [Observation.Kind] = [.committed]
    private struct Name: Hashable {
        let topic: String
        let createdAt: Int64
        let partition: Int
    }
    private struct Epoch {
        var number: Int
        var leader: BrokerID?
    }
    private var epochs: [Name: Epoch] = [:]
    /// In maintenance.
    private var resting: Set<BrokerID> = []

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .committed(_, let outcome, _, _) = observation, !outcome.changes.isEmpty else { return nil }
        let metadata = cluster.ledger.metadata
        for change in outcome.changes {
            switch change {
            case .keyPut, .keyDeleted, .keysDeleted: return nil
            case .topicDeleted(let name): epochs = epochs.filter { $0.key.topic != name }
            default: break
            }
        }
        let active = metadata.brokers.filter { $0.state == .active }.map(\.id)
        resting = Set(metadata.brokers.filter { $0.restrictions.contains(.maintenance) }.map(\.id))
        for name in metadata.topicNames {
            guard let (topic, partitions) = metadata.topic(name) else { continue }
            for partition in partitions {
                if let defect = defect(of: partition, in: topic, active) {
                    return "partition \(partition.id) of \(name) \(defect): \(partition)"
                }
            }
        }
        return metadata.topics.flaw
    }

    private func defect(of partition: Partition, in topic: Topic, _ active: [BrokerID]) -> String? {
        let inSync = partition.inSyncReplicas
        if inSync.isEmpty { return "has no in-sync replica" }
        if !inSync.allSatisfy(partition.replicas.contains) { return "has a stranger in sync" }
        if let leader = partition.leader {
            if !inSync.contains(leader) { return "is led by a replica that is not in sync" }
            if !active.contains(leader) { return "is led by a broker that is not ACTIVE" }
            if resting.contains(leader), inSync.contains(where: { active.contains($0) && !resting.contains($0) }) {
                return "is led by a broker in maintenance, though another could"
            }
        } else if inSync.contains(where: active.contains) {
            return "has no leader, though one is in sync and ACTIVE"
        }
        if inSync.count > 1, !inSync.allSatisfy(active.contains) { return "has one in sync that is not ACTIVE" }
        let name = Name(topic: topic.name, createdAt: topic.createdAt, partition: partition.id)
        let before = epochs.updateValue(Epoch(number: partition.leaderEpoch, leader: partition.leader), forKey: name)
        guard let before else { return nil }
        if partition.leaderEpoch < before.number { return "goes back from epoch \(before.number)" }
        if partition.leaderEpoch == before.number, partition.leader != before.leader {
            return "has two leaders in epoch \(before.number)"
        }
        return nil
    }
}
