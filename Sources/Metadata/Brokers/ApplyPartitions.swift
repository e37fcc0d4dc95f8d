import Defects

extension MetadataStateMachine {
    /// Takes a broker that is not ACTIVE any more out of every ISR it is not alone in; what it led passes to an ACTIVE
    /// member that remains, or waits without a leader.
    mutating func withdraw(_ broker: BrokerID, _ succession: Succession, _ changes: inout [Change]) {
        settlePartitions(on: broker, succession, &changes) { partition in
            guard partition.inSyncReplicas.contains(broker) else { return false }
            if partition.inSyncReplicas.count > 1 || Defect.isrBelowOne.isOn {
                partition.inSyncReplicas.removeAll { $0 == broker }
            }
            return true
        }
    }

    /// Gives a broker that is ACTIVE again the partitions that waited for it. It joins no ISR here: whether it has caught
    /// up is for its lag report to say.
    mutating func restoreLeadership(of broker: BrokerID, _ changes: inout [Change]) {
        settlePartitions(on: broker, .keep, &changes) { partition in
            if Defect.returningBrokerIsInSync.isOn {
                partition.join(broker)
                return true
            }
            return partition.leader == nil && partition.inSyncReplicas.contains(broker)
        }
    }

    /// Settles the partitions with a replica on the broker that `body` says it must, by topic name and id.
    mutating func settlePartitions(
        on broker: BrokerID, _ succession: Succession, _ changes: inout [Change], _ body: (inout Partition) -> Bool
    ) {
        for (topic, id) in partitions(on: broker) {
            var partition = topicRows[topic].partitions[id]
            if body(&partition) { settle(topic, partition, succession, &changes) }
        }
    }

    /// By topic name and id: changes are reported in this order on every node.
    func partitions(on broker: BrokerID) -> [(topic: TopicTable.Index, id: Int)] {
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
            guard isOfPresentLeadership(change.leaderEpoch, partition) else { continue }
            if change.isInSync {
                if isActive, !saysWhoIsInSync(partition.leader) { partition.join(update.broker) }
            } else {
                partition.leave(update.broker)
            }
            settle(topic, partition, .keep, &changes)
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .done, changes: changes)
    }

    /// What a follower of another leadership says is of a log that may be another.
    ///
    /// - Parameter leaderEpoch: That of the leadership that it follows; `nil` if it did not say.
    public func isOfPresentLeadership(_ leaderEpoch: Int?, _ partition: Partition) -> Bool {
        guard drawsTopicIDs, let epoch = leaderEpoch else { return true }
        return epoch == partition.leaderEpoch
    }

    /// A leader with an incarnation does (``AlterPartitions``): then no follower joins by what it says itself.
    public func saysWhoIsInSync(_ leader: BrokerID?) -> Bool {
        drawsTopicIDs && leader.flatMap { broker($0) }?.incarnation != nil && !Defect.followerJoinsByItself.isOn
    }
}

extension Partition {
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
