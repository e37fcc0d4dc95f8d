import Defects

extension MetadataStateMachine {
    mutating func apply(_ alteration: AlterPartitions) -> Outcome {
        guard drawsTopicIDs else { return .refused(.invalidCommand) }
        guard let broker = broker(alteration.broker) else { return .refused(.unknownBroker(alteration.broker)) }
        guard broker.incarnation?.epoch == alteration.epoch || Defect.staleEpochAltersPartitions.isOn else {
            return .refused(.staleBrokerEpoch(broker.id, present: broker.incarnation?.epoch))
        }
        var changes: [Change] = []
        let results = alteration.changes.map { change -> PartitionResult in
            if let result = resultIfUnchanged(change, of: broker.id) { return result }
            var result = settled(change.topic, change.partition, .keep, &changes) { partition in
                partition.inSyncReplicas = [broker.id] + change.inSync.map(\.id).filter { $0 != broker.id }
            }
            if case .success(let partition) = result.partition, partition.leader != broker.id {
                result.partition = .failure(.newLeaderElected)
            }
            return result
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .partitions(results, version: counters.version), changes: changes)
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ alteration: AlterPartitions) -> CommandResult? {
        resultIfUnchanged(alteration.changes.lazy.map { resultIfUnchanged($0, of: alteration.broker) })
    }

    private func resultIfUnchanged(_ change: AlterPartitions.Change, of sender: BrokerID) -> PartitionResult? {
        resultIfUnchanged(change.topic, change.partition) { partition in
            if let flaw = flaw(of: change, by: sender, partition) { return .failure(flaw) }
            return change.isRepeat(of: partition) ? .success(()) : nil
        }
    }

    /// In Kafka's order (ReplicationControlManager, `validateAlterPartitionData`).
    private func flaw(
        of change: AlterPartitions.Change, by sender: BrokerID, _ partition: Partition
    ) -> PartitionFlaw? {
        if change.leaderEpoch > partition.leaderEpoch || change.partitionEpoch > partition.partitionEpoch {
            return .epochAhead
        }
        if change.leaderEpoch < partition.leaderEpoch, !Defect.fencedLeaderAltersPartitions.isOn {
            return .fencedLeaderEpoch(present: partition.leaderEpoch)
        }
        guard partition.leader == sender else { return .notLeader(present: partition.leader) }
        // After a lost answer the same may come again.
        if change.partitionEpoch < partition.partitionEpoch, !change.isRepeat(of: partition),
            !Defect.partitionEpochNotChecked.isOn
        {
            return .invalidPartitionEpoch(present: partition.partitionEpoch)
        }
        let ids = Set(change.inSync.map(\.id))
        if ids.count < change.inSync.count { return .invalidISR("names a replica twice") }
        if !ids.isSubset(of: partition.replicas) { return .invalidISR("has members that are no replicas") }
        if !ids.contains(sender) { return .invalidISR("is without the leader") }
        for member in change.inSync {
            if let reason = ineligibility(of: member) { return .ineligibleReplica(member.id, reason) }
        }
        return nil
    }

    /// A fenced broker, or one that was started again since, would be in sync by what it had (KIP-841, KIP-903).
    private func ineligibility(of member: AlterPartitions.Member) -> PartitionFlaw.Ineligibility? {
        guard let broker = broker(member.id) else { return .unregistered }
        if broker.state != .active, !Defect.fencedReplicaJoins.isOn { return .notActive(broker.state) }
        let present = broker.incarnation?.epoch
        if let epoch = member.epoch, epoch != present, !Defect.memberEpochNotChecked.isOn {
            return .staleEpoch(present: present)
        }
        return nil
    }
}

extension AlterPartitions.Change {
    fileprivate func isRepeat(of partition: Partition) -> Bool {
        inSync.count == partition.inSyncReplicas.count && Set(inSync.map(\.id)) == Set(partition.inSyncReplicas)
    }
}
