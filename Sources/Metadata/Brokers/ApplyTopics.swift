import Defects

extension MetadataStateMachine {
    mutating func apply(_ creation: CreateTopic, timestamp: Int64) -> Outcome {
        guard Topic.isValidName(creation.name), Topic.partitionCounts.contains(creation.partitionCount),
            creation.replicationFactor >= 1
        else { return .refused(.invalidCommand) }
        if let index = topicIndex(creation.name) { return recreateTopic(at: index, creation) }
        if hasOperations, topicRows.hasSimilarName(to: creation.name), !Defect.similarNamesAdmitted.isOn {
            return .refused(.topicNameCollision(creation.name))
        }
        let partitions: [Partition]
        switch newPartitions(
            from: 0, count: creation.partitionCount, replicationFactor: creation.replicationFactor,
            hasOperations ? creation.assignments : nil)
        {
        case .success(let made): partitions = made
        case .failure(let refusal): return .refused(refusal)
        }
        let topic = Topic(
            name: creation.name, partitionCount: creation.partitionCount,
            replicationFactor: creation.replicationFactor, createdAt: timestamp, configuration: creation.configuration,
            drawnID: drawsTopicIDs ? creation.id : nil)
        // Drawn again, when the client tries again.
        guard topicIndex(topic.id) == nil else { return .refused(.invalidCommand) }
        if !Defect.topicsNotCreated.isOn {
            insert(
                TopicRows(
                    topic: topic, partitions: partitions, number: replicaIndex.number(for: topic), at: nextVersion))
        }
        counters.partitionsCreated &+= UInt64(partitions.count)
        counters.version += 1
        return Outcome(result: .topic(topic, partitions, isNew: true), changes: [.topicCreated(topic.name)])
    }

    /// A repeated request gets the topic that the first one made.
    private func recreateTopic(at index: TopicTable.Index, _ creation: CreateTopic) -> Outcome {
        let (topic, partitions) = (topicRows[index].topic, topicRows[index].partitions)
        guard topic.partitionCount == creation.partitionCount,
            topic.replicationFactor == creation.replicationFactor || Defect.otherTopicIsTheSame.isOn,
            topic.configuration.isSame(as: creation.configuration)
        else { return .refused(.topicExists(creation.name)) }
        return Outcome(result: .topic(topic, partitions, isNew: Defect.repeatedTopicIsNew.isOn))
    }

    private mutating func insert(_ rows: TopicRows) {
        topicRows.insert(rows)
        ownDigest.add(Digest(rows.topic))
        changedRows.insert(topic: rows.topic.name)
        for partition in rows.partitions { enter(partition, of: rows) }
    }

    mutating func enter(_ partition: Partition, of rows: TopicRows) {
        replicaIndex.insert(partition, of: rows.number)
        ownDigest.add(Digest(partition, topic: rows.topic.name))
        changedRows.insert(partition: partition.id, of: rows.topic.name)
    }

    mutating func apply(_ deletion: DeleteTopic) -> Outcome {
        let name = deletion.name
        guard let index = topicIndex(name) else { return .refused(.unknownTopic(name)) }
        let present = topicRows[index].topic.id
        if drawsTopicIDs, let id = deletion.id, id != present, !Defect.deletesAnotherTopic.isOn {
            return .refused(.topicIDMismatch(name, present: present))
        }
        if Defect.topicsNotDeleted.isOn { return Outcome(result: .done) }
        let rows = topicRows.remove(at: index)
        ownDigest.subtract(Digest(rows.topic))
        changedRows.insert(topic: name)
        for partition in rows.partitions {
            ownDigest.subtract(Digest(partition, topic: name))
            changedRows.insert(partition: partition.id, of: name)
        }
        replicaIndex.remove(rows)
        removals.append(.topic(name: name, id: present), at: nextVersion)
        counters.version += 1
        return Outcome(result: .done, changes: [.topicDeleted(name)])
    }
}

extension TopicConfiguration {
    fileprivate func isSame(as other: Self) -> Bool {
        retentionMs == other.retentionMs && retentionBytes == other.retentionBytes
            && segmentBytes == other.segmentBytes && minInsyncReplicas == other.minInsyncReplicas
            && isSameText(compressionType, other.compressionType)
    }
}
