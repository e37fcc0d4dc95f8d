import Defects

// More partitions (KIP-195)

extension MetadataStateMachine {
    mutating func apply(_ creation: CreatePartitions) -> Outcome {
        guard hasOperations else { return .refused(.invalidCommand) }
        if let result = resultIfUnchanged(creation) { return Outcome(result: result) }
        guard let index = topicIndex(creation.topic) else { preconditionFailure("partitions of no topic") }
        var topic = topicRows[index].topic
        let present = topic.partitionCount
        let added: [Partition]
        switch newPartitions(
            from: present, count: creation.partitionCount - present, replicationFactor: topic.replicationFactor,
            creation.assignments)
        {
        case .success(let made): added = made
        case .failure(let refusal): return .refused(refusal)
        }
        // An id that follows from the number of partitions is drawn, as it was, from here on.
        topic.drawnID = topic.id
        if !Defect.partitionCountStays.isOn { topic.partitionCount = creation.partitionCount }
        replaceTopic(index, with: topic)
        topicRows.extend(index, by: added, version: nextVersion)
        let rows = topicRows[index]
        for partition in added { enter(partition, of: rows) }
        if !Defect.addedPartitionsNotCounted.isOn { counters.partitionsCreated &+= UInt64(added.count) }
        counters.version += 1
        return Outcome(
            result: .topic(rows.topic, rows.partitions, isNew: false), changes: [.partitionsCreated(topic: topic.name)])
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ creation: CreatePartitions) -> CommandResult? {
        guard let index = topicIndex(creation.topic) else { return .refused(.unknownTopic(creation.topic)) }
        let rows = topicRows[index]
        // A repeat, after a lost answer, is none.
        if creation.partitionCount == rows.topic.partitionCount {
            return .topic(rows.topic, rows.partitions, isNew: false)
        }
        guard creation.partitionCount > rows.topic.partitionCount,
            Topic.partitionCounts.contains(creation.partitionCount)
        else { return .refused(.invalidPartitions(creation.topic, present: rows.topic.partitionCount)) }
        let added = (creation.partitionCount - rows.topic.partitionCount) * rows.topic.replicationFactor
        guard rows.replicaCount + added <= Topic.maximumReplicas else {
            return .refused(.tooManyReplicas(limit: Topic.maximumReplicas))
        }
        return nil
    }
}

// The first replicas of new partitions

extension MetadataStateMachine {
    /// With the replicas that somebody wants, or those that are due.
    mutating func newPartitions(
        from first: Int, count: Int, replicationFactor: Int, _ assignments: [[BrokerID]]?
    ) -> Result<[Partition], Refusal> {
        guard let assignments else {
            let hosts = ring.count
            guard hosts >= replicationFactor else {
                return .failure(.notEnoughBrokers(online: hosts, wanted: replicationFactor))
            }
            let placed = place(count, replicationFactor: replicationFactor)
            return .success(
                placed.enumerated().map { place, replicas in
                    Partition(
                        id: first + place, leader: replicas[0], replicas: replicas, inSyncReplicas: replicas,
                        leaderEpoch: 0)
                })
        }
        if let flaw = flaw(of: assignments, count: count, replicationFactor: replicationFactor) {
            return .failure(.invalidReplicaAssignment(flaw))
        }
        return .success(
            assignments.enumerated().map { place, replicas in
                let active = Defect.assignedInSync.isOn ? replicas : replicas.filter(isActive)
                let leader = active.first { !isInMaintenance($0) } ?? active[0]
                return Partition(
                    id: first + place, leader: leader, replicas: replicas,
                    inSyncReplicas: [leader] + active.filter { $0 != leader }, leaderEpoch: 0)
            })
    }

    private func flaw(of assignments: [[BrokerID]], count: Int, replicationFactor: Int) -> String? {
        if assignments.count != count { return "there are \(assignments.count) assignments for \(count) partitions" }
        for (place, replicas) in assignments.enumerated() {
            if let flaw = assignmentFlaw(of: replicas) { return "assignment \(place): \(flaw)" }
            if replicas.count != replicationFactor {
                return "assignment \(place) has \(replicas.count) replicas, not \(replicationFactor)"
            }
            if let cordoned = replicas.first(where: isCordoned) {
                return "assignment \(place): broker \(cordoned) is cordoned"
            }
            if !replicas.contains(where: isActive) { return "assignment \(place): none of the brokers is ACTIVE" }
        }
        return nil
    }
}
