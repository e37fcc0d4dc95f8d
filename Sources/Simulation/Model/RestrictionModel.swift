import Metadata

// Brokers that an operator takes out of what they do.

extension ClusterModel {
    func isInMaintenance(_ id: BrokerID) -> Bool { broker(id)?.isInMaintenance ?? false }

    /// Who may be given new replicas.
    var hosts: [Broker] { brokers.filter { $0.mayLead && !$0.isCordoned && !$0.isInMaintenance } }

    /// Who may lead, of those in sync: one in maintenance only where all are.
    func candidates(_ inSync: [BrokerID]) -> [BrokerID] {
        let live = inSync.filter(mayLead)
        let free = live.filter { !isInMaintenance($0) }
        return free.isEmpty ? live : free
    }

    /// A leader in maintenance gives way as soon as there is another one.
    func relieve(_ partition: inout Partition) {
        guard let leader = partition.leader, !candidates(partition.inSync).contains(leader) else { return }
        partition.lead(by: candidates(partition.inSync).first)
    }

    mutating func restrict(_ request: RestrictBroker) -> ModelAnswer {
        guard var broker = broker(request.id) else { return .refused("unknownBroker") }
        let isMaintenance = request.restriction == .maintenance
        if (isMaintenance ? broker.isInMaintenance : broker.isCordoned) == request.isOn {
            return .broker(broker, isNew: false)
        }
        if isMaintenance, request.isOn, !request.isForced, brokers.contains(where: \.isInMaintenance) {
            return .refused("maintenanceInProgress")
        }
        if isMaintenance { broker.isInMaintenance = request.isOn } else { broker.isCordoned = request.isOn }
        put(broker)
        if isMaintenance { request.isOn ? drain(broker.id) : takeBack(broker.id) }
        return .broker(broker, isNew: false)
    }

    /// One by one to whoever leads the fewest at that moment.
    private mutating func drain(_ id: BrokerID) {
        for topic in topics.indices {
            for number in topics[topic].partitions.indices where topics[topic].partitions[number].leader == id {
                let others = candidates(topics[topic].partitions[number].inSync)
                guard !others.contains(id) else { continue }
                let counts = others.map { (ledBy($0), $0) }
                guard let fewest = counts.map(\.0).min() else { continue }
                topics[topic].partitions[number].lead(by: counts.first { $0.0 == fewest }?.1)
            }
        }
    }

    private mutating func takeBack(_ id: BrokerID) {
        for topic in topics.indices {
            for number in topics[topic].partitions.indices {
                var partition = topics[topic].partitions[number]
                guard partition.replicas.contains(id), partition.leader.map(isInMaintenance) ?? false else { continue }
                relieve(&partition)
                topics[topic].partitions[number] = partition
            }
        }
        for topic in topics.indices {
            for number in topics[topic].partitions.indices {
                let partition = topics[topic].partitions[number]
                let isDue = partition.replicas[0] == id && partition.leader != nil && partition.leader != id
                if isDue, partition.inSync.contains(id), mayLead(id) {
                    topics[topic].partitions[number].lead(by: id)
                }
            }
        }
    }
}
