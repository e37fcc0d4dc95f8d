import Defects

// The in-sync replicas (ISR) are never empty, and while there is a leader it is ACTIVE and their first. It follows that
// a broker that is not is in an ISR only where it is alone, and that such a partition has no leader: only that broker has
// everything that was acknowledged, so only it may lead again.

extension MetadataStateMachine {
    /// Who leads what a broker led.
    enum Succession {
        /// The first of the ISR that is ACTIVE.
        case keep
        /// The one that leads the fewest partitions at this moment: nobody is in a hurry.
        case planned
    }

    /// Takes a broker that is not ACTIVE any more out of every ISR it is not alone in; what it led passes to an ACTIVE
    /// member that remains, or waits without a leader.
    mutating func withdraw(_ broker: BrokerID, _ succession: Succession, _ changes: inout [Change]) {
        updatePartitions(on: broker, &changes) { partition, state in
            guard partition.inSyncReplicas.contains(broker) else { return }
            if partition.inSyncReplicas.count > 1 || Defect.isrBelowOne.isOn {
                partition.inSyncReplicas.removeAll { $0 == broker }
            }
            guard partition.leader == broker else { return }
            let candidates = Defect.uncleanElection.isOn ? partition.replicas : partition.inSyncReplicas
            partition.elect(state.successor(among: candidates, succession))
        }
    }

    private func successor(among candidates: [BrokerID], _ succession: Succession) -> BrokerID? {
        if Defect.electsTheLast.isOn { return candidates.last(where: isActive) }
        switch succession {
        case .keep: return candidates.first(where: isActive)
        case .planned:
            return candidates.lazy.filter(isActive).min {
                replicaIndex.ledCount(of: $0) < replicaIndex.ledCount(of: $1)
            }
        }
    }

    /// Gives a broker that is ACTIVE again the partitions that waited for it. It joins no ISR here: whether it has caught
    /// up is for its lag report to say.
    mutating func restoreLeadership(of broker: BrokerID, _ changes: inout [Change]) {
        updatePartitions(on: broker, &changes) { partition, _ in
            if Defect.returningBrokerIsInSync.isOn { partition.join(broker) }
            guard partition.leader == nil, partition.inSyncReplicas.contains(broker) else { return }
            partition.elect(broker)
        }
    }

    /// Lets `body` change every partition that has a replica on the broker, by topic name and id.
    private mutating func updatePartitions(
        on broker: BrokerID, _ changes: inout [Change], _ body: (inout Partition, _ state: Self) -> Void
    ) {
        for (topic, id) in partitions(on: broker) {
            var partition = topicRows[topic].partitions[id]
            body(&partition, self)
            replacePartition(topic, with: partition, &changes)
        }
    }

    /// By topic name and id: changes are reported in this order on every node.
    private func partitions(on broker: BrokerID) -> [(topic: TopicTable.Index, id: Int)] {
        var found: [(topic: TopicTable.Index, id: Int)] = []
        let places = replicaIndex.places(of: broker)
        found.reserveCapacity(places.count)
        // Partitions of one topic mostly stand together.
        var last: (number: ReplicaIndex.TopicNumber, index: TopicTable.Index)?
        for place in places {
            if last?.number != place.topic {
                last = topicIndex(replicaIndex.name(of: place.topic)).map { (place.topic, $0) }
            }
            if let last { found.append((last.index, Int(place.partition))) }
        }
        return found.sorted { $0 < $1 }
    }

    private mutating func replacePartition(
        _ topic: TopicTable.Index, with partition: Partition, _ changes: inout [Change]
    ) {
        let id = partition.id
        let previous = topicRows[topic].partitions[id]
        guard partition.differs(from: previous) else { return }
        let name = topicRows[topic].topic.name
        if !Defect.digestKeepsOldRow.isOn { ownDigest.subtract(Digest(previous, topic: name)) }
        ownDigest.add(Digest(partition, topic: name))
        topicRows.replace(partition, at: topic)
        replicaIndex.changeLeader(from: previous.leader, to: partition.leader)
        changedRows.insert(partition: id, of: name)
        changes.append(
            partition.leaderEpoch != previous.leaderEpoch
                ? .leaderChanged(topic: name, partition: id) : .inSyncReplicasChanged(topic: name, partition: id))
    }

    mutating func apply(_ update: UpdateInSyncReplicas) -> Outcome {
        guard let index = brokerIndex(update.broker) else { return .refused(.unknownBroker(update.broker)) }
        let present = brokerRows[index].incarnation?.epoch
        if knowsIncarnations, let epoch = update.epoch, epoch != present, !Defect.staleEpochReportsLag.isOn {
            return .refused(.staleBrokerEpoch(update.broker, present: present))
        }
        let isActive = brokerRows[index].state == .active
        var changes: [Change] = []
        for change in update.changes {
            guard let topic = topicIndex(change.topic),
                topicRows[topic].partitions.indices.contains(change.partition)
            else { continue }
            var partition = topicRows[topic].partitions[change.partition]
            if change.isInSync {
                if isActive { partition.join(update.broker) }
            } else {
                partition.leave(update.broker)
            }
            replacePartition(topic, with: partition, &changes)
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .done, changes: changes)
    }
}

extension Partition {
    /// Whether a command changed it: the replicas are for life.
    fileprivate func differs(from previous: Partition) -> Bool {
        leaderEpoch != previous.leaderEpoch || leader != previous.leader || inSyncReplicas != previous.inSyncReplicas
    }

    /// Starts a new leader epoch. A leader must be in sync and goes to the front.
    fileprivate mutating func elect(_ newLeader: BrokerID?) {
        leader = newLeader
        if !Defect.epochStays.isOn { leaderEpoch += 1 }
        guard let newLeader, let index = inSyncReplicas.firstIndex(of: newLeader) else { return }
        inSyncReplicas.remove(at: index)
        inSyncReplicas.insert(newLeader, at: 0)
    }

    /// Without a leader nobody can have caught up: joining would make an out-of-sync replica eligible.
    fileprivate mutating func join(_ broker: BrokerID) {
        guard leader != nil, replicas.contains(broker), !inSyncReplicas.contains(broker) else { return }
        inSyncReplicas.append(broker)
    }

    fileprivate mutating func leave(_ broker: BrokerID) {
        guard leader != broker, inSyncReplicas.count > 1 else { return }
        inSyncReplicas.removeAll { $0 == broker }
    }
}
