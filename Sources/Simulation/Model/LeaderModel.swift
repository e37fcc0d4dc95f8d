import Metadata

// What leaders say of the partitions that they lead, by the rules of the contract (KIP-497, KIP-841, KIP-903).

extension ClusterModel {
    /// What became of one change: the partition as it is, or the first rule that forbids it.
    enum Altered: Equatable {
        case partition(Partition)
        case refused(String)
    }

    mutating func alter(_ report: AlterPartitions) -> ModelAnswer {
        guard let sender = broker(report.broker) else { return .refused("unknownBroker") }
        guard let epoch = sender.process?.epoch, epoch == report.epoch else { return .refused("staleBrokerEpoch") }
        return .partitions(report.changes.map { alter($0, by: sender.id) })
    }

    private mutating func alter(_ change: AlterPartitions.Change, by sender: BrokerID) -> Altered {
        let found = topics.firstIndex { topic in
            switch change.topic {
            case .id(let id): topic.id == id
            case .name(let name): topic.name == name
            }
        }
        guard let topic = found else { return .refused("unknownTopic") }
        guard topics[topic].partitions.indices.contains(change.partition) else { return .refused("unknownPartition") }
        var partition = topics[topic].partitions[change.partition]
        let wanted = change.inSync.map(\.id)
        let isSame = wanted.sorted() == partition.inSync.sorted()
        if change.leaderEpoch > partition.epoch || change.partitionEpoch > partition.changes {
            return .refused("epochAhead")
        }
        if change.leaderEpoch < partition.epoch { return .refused("fencedLeaderEpoch") }
        if partition.leader != sender { return .refused("notLeader") }
        if change.partitionEpoch < partition.changes, !isSame { return .refused("invalidPartitionEpoch") }
        if Set(wanted).count < wanted.count || !wanted.allSatisfy(partition.replicas.contains)
            || !wanted.contains(sender)
        {
            return .refused("invalidISR")
        }
        for member in change.inSync {
            guard let known = broker(member.id), known.mayLead,
                member.epoch == nil || member.epoch == known.process?.epoch
            else { return .refused("ineligibleReplica") }
        }
        if !isSame {
            partition.inSync = [sender] + wanted.filter { $0 != sender }
            arrive(&partition)
            relieve(&partition)
            partition.changes += 1
            put(partition, topic, change.partition)
            if partition.leader != sender { return .refused("newLeaderElected") }
        }
        return .partition(partition)
    }

    /// To the first of the replicas, if it is in sync and may lead.
    mutating func elect(_ election: ElectLeaders) -> ModelAnswer {
        .partitions(
            election.partitions.map { place in
                guard let topic = topics.firstIndex(where: { $0.name == place.topic }) else {
                    return .refused("unknownTopic")
                }
                guard topics[topic].partitions.indices.contains(place.partition) else {
                    return .refused("unknownPartition")
                }
                var partition = topics[topic].partitions[place.partition]
                let preferred = partition.replicas[0]
                if partition.leader == preferred { return .refused("electionNotNeeded") }
                guard partition.leader != nil, partition.inSync.contains(preferred), mayLead(preferred),
                    !isInMaintenance(preferred)
                else {
                    return .refused("preferredLeaderNotAvailable")
                }
                partition.leader = preferred
                partition.inSync = [preferred] + partition.inSync.filter { $0 != preferred }
                partition.epoch += 1
                partition.changes += 1
                topics[topic].partitions[place.partition] = partition
                return .partition(partition)
            })
    }

    /// What another leads than the first of its replicas, though that could.
    var imbalance: String? {
        for topic in topics {
            for (number, partition) in topic.partitions.enumerated() {
                let preferred = partition.replicas[0]
                if partition.move == nil, let leader = partition.leader, leader != preferred,
                    partition.inSync.contains(preferred),
                    mayLead(preferred), !isInMaintenance(preferred)
                {
                    return "\(topic.name)-\(number) is led by \(leader), not by \(preferred)"
                }
            }
        }
        return nil
    }

    /// From the level on that brings partition epochs, each change of a partition counts, once for each entry.
    mutating func countChanges(since before: ClusterModel) {
        for (index, topic) in topics.enumerated() {
            guard let old = before.topic(topic.name), old.createdAt == topic.createdAt, old.id == topic.id else {
                continue
            }
            for (number, partition) in topic.partitions.enumerated() {
                guard old.partitions.indices.contains(number), old.partitions[number] != partition,
                    old.partitions[number].changes == partition.changes
                else {
                    continue
                }
                topics[index].partitions[number].changes += 1
            }
        }
    }
}
