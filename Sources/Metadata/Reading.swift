extension MetadataStateMachine {
    /// In ascending id.
    public var brokers: [Broker] { brokerRows }

    public func broker(_ id: BrokerID) -> Broker? { brokerIndex(id).map { brokerRows[$0] } }

    /// Topic names in byte order.
    public var topicNames: [String] { topicRows.map(\.topic.name) }

    /// The topic and its partitions in ascending id.
    public func topic(_ name: String) -> (Topic, [Partition])? {
        topicIndex(name).map { (topicRows[$0].topic, topicRows[$0].partitions) }
    }

    /// All topics, in byte order of their names.
    public var topics: TopicTable { topicRows }

    /// Those whose names begin so, behind one.
    public func topics(prefix: String, after name: String?, limit: Int) -> [TopicRows] {
        var index = topicRows.lowerBound(of: max(prefix, name ?? ""))
        if let name, index < topicRows.endIndex, topicRows[index].topic.name == name {
            index = topicRows.index(after: index)
        }
        return Array(topicRows[index...].lazy.prefix { $0.topic.name.hasPrefix(prefix) }.prefix(limit))
    }

    /// The partitions of all topics.
    public var partitionCount: Int { topicRows.counts.all }

    /// How many partitions have a replica on the broker.
    public func replicaCount(of broker: BrokerID) -> Int { replicaIndex.count(of: broker) }

    /// How many partitions the broker leads.
    public func leaderCount(of broker: BrokerID) -> Int { replicaIndex.ledCount(of: broker) }

    public var topicCount: Int { topicRows.count }

    public var onlineBrokerCount: Int { brokerCounts[.active] + brokerCounts[.controlledShutdown] }

    public func brokerCount(in state: BrokerState) -> Int { brokerCounts[state] }

    public var keyCount: Int { keys.count }

    public func value(_ key: Key) -> KeyValue? { keys[key] }

    /// Whether it may lead, and join an ISR.
    public func isActive(_ id: BrokerID) -> Bool { brokerIndex(id).map { brokerRows[$0].state == .active } ?? false }

    public func partition(_ topic: String, _ id: Int) -> Partition? {
        guard let index = topicIndex(topic), topicRows[index].partitions.indices.contains(id) else { return nil }
        return topicRows[index].partitions[id]
    }

    public func partition(_ topic: TopicID, _ id: Int) -> Partition? {
        guard let index = topicIndex(topic), topicRows[index].partitions.indices.contains(id) else { return nil }
        return topicRows[index].partitions[id]
    }

    func brokerIndex(_ id: BrokerID) -> Int? {
        let index = brokerRows.partitioningIndex { $0.id >= id }
        return index < brokerRows.count && brokerRows[index].id == id ? index : nil
    }

    func topicIndex(_ name: String) -> TopicTable.Index? { topicRows.index(of: name) }

    func topicIndex(_ id: TopicID) -> TopicTable.Index? { replicaIndex.name(of: id).flatMap { topicIndex($0) } }

    func topicIndex(_ reference: TopicReference) -> TopicTable.Index? {
        switch reference {
        case .id(let id): topicIndex(id)
        case .name(let name): topicIndex(name)
        }
    }
}

extension Array {
    /// The first index whose element satisfies `predicate`, in an array where all behind it do as well.
    func partitioningIndex(_ predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
