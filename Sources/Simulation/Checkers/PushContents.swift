import Metadata
import Raft
import Server

/// Brokers are told what is so: all that a push carries is as it was at the version that it names, and it carries what its
/// kind says (contract §6).
final class PushContents: Checker {
    let invariant = "Pushes tell what is so"
    let kinds: [Observation.Kind] = [.pushArrived]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .pushArrived(let push, let broker, let node) = observation else { return nil }
        guard let right = cluster.ledger.model.cluster(at: push.version) else {
            return "broker \(broker) is told version \(push.version), committed is \(cluster.ledger.model.version)"
        }
        let member = SimulatedCluster.member(Int(node.id.number))
        let sender =
            push.controller == node.id.number && push.controllerURL == member.url
            ? nil : "node \(node.id) names controller \(push.controller ?? 0) at \(push.controllerURL ?? "")"
        let finding =
            sender ?? Self.missing(in: push, right) ?? Self.wrong(in: push, right)
            ?? Self.kept(in: push, cluster.ledger.model)
        return finding.map { "\(push.kind.rawValue) at version \(push.version) to broker \(broker): \($0)" }
    }

    private static func missing(in push: Push, _ right: ClusterModel) -> String? {
        switch push.kind {
        case .controllerChanged: nil
        case .topicCreated where push.partitions?.isEmpty ?? true: "no partitions"
        case .topicCreated:
            push.brokers?.map(\.id) == right.brokers.filter(\.isOnline).map(\.id)
                ? nil : "brokers \(push.brokers?.map(\.id) ?? []) are not those that are ONLINE"
        case .topicDeleted: push.deletedTopics?.isEmpty ?? true ? "no topics" : nil
        case .brokerUpdate:
            push.brokers?.map(\.id) == right.brokers.map(\.id) ? nil : "brokers \(push.brokers?.map(\.id) ?? [])"
        case .leaderUpdate, .isrUpdate: push.partitions?.isEmpty ?? true ? "no partitions" : nil
        case .fullSnapshot:
            push.brokers?.map(\.id) == right.brokers.map(\.id)
                && push.partitions?.map(\.name) == right.namedPartitions.map(\.name)
                ? nil : "not all: \(push.brokers?.count ?? 0) brokers, \(push.partitions?.count ?? 0) partitions"
        }
    }

    /// A topic may be there again, if it was away.
    private static func kept(in push: Push, _ model: Model) -> String? {
        push.deletedTopics?.first { topic in
            let isThere = model.clusters[...Int(push.version)].map { $0.topic(topic) != nil }
            return !zip(isThere, isThere.dropFirst()).contains { $0 && !$1 }
        }.map { "topic \($0) was not deleted" }
    }

    private static func wrong(in push: Push, _ right: ClusterModel) -> String? {
        for (id, broker) in push.brokers ?? [] {
            let known = right.broker(id).map { BrokerView.Broker($0) }
            if known != broker { return "broker \(id) is \(broker), right is \(known.map { "\($0)" } ?? "none")" }
        }
        for (name, partition) in push.partitions ?? [] {
            let known = right.partition(name.topic, name.number).map { BrokerView.Partition($0) }
            if known != partition { return "\(name) is \(partition), right is \(known.map { "\($0)" } ?? "none")" }
        }
        return nil
    }
}
