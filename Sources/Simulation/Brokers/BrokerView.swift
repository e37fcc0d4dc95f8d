import Metadata
import Server

/// What one broker believes of the cluster: what it was told, by the rules of the contract (§6), and nothing else.
struct BrokerView {
    struct Broker: Equatable {
        let host: String
        let port: Int
        let isAlive: Bool
    }

    struct PartitionName: Hashable, CustomStringConvertible {
        let topic: String
        let number: Int
        var description: String { "\(topic)-\(number)" }
    }

    struct Partition: Equatable {
        let leader: BrokerID?
        let followers: [BrokerID]
        let inSync: [BrokerID]
        let epoch: Int
    }

    private(set) var version: UInt64 = 0
    private(set) var term: UInt64 = 0
    private(set) var controller: UInt64?
    private var brokers: [BrokerID: Broker] = [:]
    private var partitions: [PartitionName: Partition] = [:]
    private var groups: [String: ClusterModel.Group] = [:]
    /// Where the next page of changes begins.
    private(set) var cursor: ChangesCursor?
    /// Something it was told may be of that version already.
    private(set) var newest: UInt64 = 0

    /// What an earlier controller sends late is not believed.
    mutating func take(_ push: Push) {
        if hear(of: push.controller, term: push.term) { fold(push) }
    }

    /// False if that is the past.
    mutating func hear(of controller: UInt64?, term: UInt64) -> Bool {
        guard term >= self.term else { return false }
        (self.term, self.controller) = (term, controller)
        return true
    }

    /// What it says of brokers and topics.
    mutating func fold(_ push: Push) {
        version = max(version, push.version)
        if push.kind == .fullSnapshot {
            brokers = [:]
            partitions = [:]
        }
        if push.kind == .brokerUpdate { brokers = [:] }
        for (id, broker) in push.brokers ?? [] { brokers[id] = broker }
        for (name, partition) in push.partitions ?? [] { partitions[name] = partition }
        for topic in push.deletedTopics ?? [] { partitions = partitions.filter { $0.key.topic != topic } }
    }

    /// What was removed first (control-plane.md 2.17).
    mutating func take(_ shared: SharedChangesPage) -> Bool {
        let page = shared.page
        newest = max(newest, page.version)
        for id in page.removedBrokers { brokers[id] = nil }
        for topic in page.removedTopics { partitions = partitions.filter { $0.key.topic != topic.name } }
        for id in page.removedGroups { groups[id] = nil }
        for group in page.groups { groups[group.id] = ClusterModel.Group(group) }
        for broker in page.brokers { brokers[broker.id] = Broker(ClusterModel.Broker(broker)) }
        for (topic, partition) in page.partitions {
            partitions[PartitionName(topic: topic.name, number: partition.id)] = Partition(
                ClusterModel.Partition(partition))
        }
        cursor = shared.next
        if cursor == nil { version = shared.version }
        return cursor == nil
    }

    /// What the broker does not know, or holds for something else.
    func difference(from cluster: ClusterModel, version right: UInt64) -> String? {
        for broker in cluster.brokers where brokers[broker.id] != Broker(broker) {
            return
                "broker \(broker.id) is \(brokers[broker.id].map { "\($0)" } ?? "unknown"), right is \(Broker(broker))"
        }
        if brokers.count != cluster.brokers.count {
            return "\(brokers.count) brokers, right is \(cluster.brokers.count)"
        }
        let named = cluster.namedPartitions
        for (name, partition) in named where partitions[name] != partition {
            return "\(name) is \(partitions[name].map { "\($0)" } ?? "unknown"), right is \(partition)"
        }
        if partitions.count != named.count { return "\(partitions.count) partitions, right is \(named.count)" }
        return version == right ? nil : "version \(version), right is \(right)"
    }

    /// The same of groups, of which only those hear who follow the changes.
    func groupDifference(from cluster: ClusterModel) -> String? {
        let found = groups.values.sorted { $0.name < $1.name }
        return found == cluster.groups ? nil : "groups are \(found), right is \(cluster.groups)"
    }
}

extension BrokerView.Broker {
    init(_ broker: ClusterModel.Broker) { self.init(host: broker.host, port: broker.port, isAlive: broker.isOnline) }
}

extension BrokerView.Partition {
    init(_ partition: ClusterModel.Partition) {
        self.init(
            leader: partition.leader, followers: partition.replicas.filter { $0 != partition.leader },
            inSync: partition.inSync, epoch: partition.epoch)
    }
}

extension ClusterModel {
    /// By topic and number, as brokers are told of them.
    var namedPartitions: [(name: BrokerView.PartitionName, partition: BrokerView.Partition)] {
        topics.flatMap { topic in
            topic.partitions.enumerated().map { number, partition in
                (BrokerView.PartitionName(topic: topic.name, number: number), BrokerView.Partition(partition))
            }
        }
    }
}
