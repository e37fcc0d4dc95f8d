import Defects

// The in-sync replicas (ISR) are never empty, and while there is a leader it is ACTIVE and their first, and in maintenance only
// if all others are that could lead. It follows that a broker that is not ACTIVE is in an ISR only where it is alone, and that
// such a partition has no leader: only that broker has everything that was acknowledged, so only it may lead again.

extension MetadataStateMachine {
    /// Who leads what a broker led.
    enum Succession {
        /// The first of the ISR that is ACTIVE.
        case keep
        /// The one that leads the fewest partitions at this moment: nobody is in a hurry.
        case planned
        /// The first of the replicas, which is in sync and ACTIVE.
        case preferred
    }

    /// The only way a partition changes. `proposal` has other in-sync replicas than the row, or another way to go, or brokers have
    /// changed their states; whether it arrives, who leads, and the epochs, follow from that.
    mutating func settle(
        _ topic: TopicTable.Index, _ proposal: Partition, _ succession: Succession, _ changes: inout [Change]
    ) {
        let previous = topicRows[topic].partitions[proposal.id]
        var partition = proposal
        partition.finishReassignment()
        if succession == .preferred {
            partition.elect(partition.replicas[0])
        } else if !mayLead(partition.leader, partition) {
            partition.elect(successor(among: candidates(of: partition), succession))
        }
        guard partition.differs(from: previous) else { return }
        // Who is no replica any more must learn that what it has is nobody's (KAFKA-13972).
        if partition.leader == previous.leader, !previous.replicas.isSubset(of: partition.replicas),
            !Defect.replicasLeaveUnnoticed.isOn
        {
            partition.leaderEpoch += 1
        }
        if drawsTopicIDs, !Defect.partitionEpochStays.isOn { partition.partitionEpoch += 1 }
        replacePartition(topic, with: partition, &changes)
    }

    private func mayLead(_ broker: BrokerID?, _ partition: Partition) -> Bool {
        guard let broker else { return false }
        guard isActive(broker), partition.inSyncReplicas.contains(broker) else { return false }
        return !isInMaintenance(broker) || candidates(of: partition).contains(broker)
    }

    /// Who may lead: of those in sync and ACTIVE one in maintenance only if all are.
    private func candidates(of partition: Partition) -> [BrokerID] {
        let replicas = Defect.uncleanElection.isOn ? partition.replicas : partition.inSyncReplicas
        guard brokerCounts.inMaintenance > 0 else { return replicas }
        let active = replicas.filter(isActive)
        let free = active.filter { !isInMaintenance($0) }
        return free.isEmpty ? active : free
    }

    private func successor(among candidates: [BrokerID], _ succession: Succession) -> BrokerID? {
        if Defect.electsTheLast.isOn { return candidates.last(where: isActive) }
        switch succession {
        case .keep, .preferred: return candidates.first(where: isActive)
        case .planned:
            return candidates.lazy.filter(isActive).min {
                replicaIndex.ledCount(of: $0) < replicaIndex.ledCount(of: $1)
            }
        }
    }

    private mutating func replacePartition(
        _ topic: TopicTable.Index, with partition: Partition, _ changes: inout [Change]
    ) {
        let id = partition.id
        let previous = topicRows[topic].partitions[id]
        let name = topicRows[topic].topic.name
        if !Defect.digestKeepsOldRow.isOn { ownDigest.subtract(Digest(previous, topic: name)) }
        ownDigest.add(Digest(partition, topic: name))
        topicRows.replace(partition, at: topic, version: nextVersion)
        replicaIndex.replace(previous, with: partition, of: topicRows[topic].number)
        changedRows.insert(partition: id, of: name)
        changes.append(partition.change(since: previous, of: name))
        if id == 0, partition.reassignment == nil { setReplicationFactor(of: topic, to: partition.replicas.count) }
    }

    /// A topic's is that of its first partition, as Kafka tells it: its own number is what it was created with.
    private mutating func setReplicationFactor(of index: TopicTable.Index, to factor: Int) {
        var topic = topicRows[index].topic
        guard topic.replicationFactor != factor else { return }
        topic.replicationFactor = factor
        replaceTopic(index, with: topic)
    }

    mutating func replaceTopic(_ index: TopicTable.Index, with topic: Topic) {
        ownDigest.subtract(Digest(topicRows[index].topic))
        ownDigest.add(Digest(topic))
        topicRows.replace(topic, at: index, version: nextVersion)
        changedRows.insert(topic: topic.name)
    }
}

extension Partition {
    /// Whether a command changed it.
    fileprivate func differs(from previous: Partition) -> Bool {
        leaderEpoch != previous.leaderEpoch || leader != previous.leader || inSyncReplicas != previous.inSyncReplicas
            || isElsewhere(than: previous)
    }

    private func isElsewhere(than previous: Partition) -> Bool {
        replicas != previous.replicas || reassignment != previous.reassignment
    }

    fileprivate func change(since previous: Partition, of topic: String) -> Change {
        if leader != previous.leader { return .leaderChanged(topic: topic, partition: id) }
        return isElsewhere(than: previous)
            ? .replicasChanged(topic: topic, partition: id) : .inSyncReplicasChanged(topic: topic, partition: id)
    }

    /// Starts a new leader epoch, if that is another one. A leader must be in sync and goes to the front.
    fileprivate mutating func elect(_ newLeader: BrokerID?) {
        guard newLeader != leader else { return }
        leader = newLeader
        if !Defect.epochStays.isOn { leaderEpoch += 1 }
        guard let newLeader, let index = inSyncReplicas.firstIndex(of: newLeader) else { return }
        inSyncReplicas.remove(at: index)
        inSyncReplicas.insert(newLeader, at: 0)
    }
}
