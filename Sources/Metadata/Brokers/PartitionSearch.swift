/// Which partitions somebody wants to see, in ascending order of topic name and id, a page at a time.
public struct PartitionSearch: Sendable {
    public struct Place: Equatable, Sendable {
        public var topic: String
        public var partition: Int

        public init(topic: String, partition: Int) { (self.topic, self.partition) = (topic, partition) }
    }

    public struct Page: Sendable {
        public internal(set) var rows: [(topic: Topic, partition: Partition)] = []
        /// Behind which the next one begins; `nil` if there is none. A page may be short, or empty, and have a next.
        public internal(set) var next: Place?
    }

    public var condition: PartitionCondition?
    /// That has a replica.
    public var broker: BrokerID?
    public var leader: BrokerID?
    public var topic: String?

    public init(
        condition: PartitionCondition? = nil, broker: BrokerID? = nil, leader: BrokerID? = nil, topic: String? = nil
    ) {
        (self.condition, self.broker, self.leader, self.topic) = (condition, broker, leader, topic)
    }

    /// Of one page: how many partitions, or topics in vain, are looked at.
    static let maximumLooks = 20_000

    fileprivate func matches(_ partition: Partition, in topic: Topic) -> Bool {
        condition?.holds(for: partition, in: topic) ?? true
            && leader.map { $0 == partition.leader } ?? true && broker.map(partition.replicas.contains) ?? true
    }
}

extension MetadataStateMachine {
    /// How many there are on all pages; `nil` where only a look at them would tell.
    public func count(of search: PartitionSearch) -> Int? {
        switch (search.condition, search.broker, search.leader, search.topic) {
        case (let condition, nil, nil, let topic):
            let counts =
                topic.map { topicIndex($0).map { topicRows[$0].counts } ?? PartitionCounts() } ?? topicRows.counts
            return condition.map { counts[$0] } ?? counts.all
        case (nil, let broker?, nil, nil): return replicaCount(of: broker)
        case (nil, nil, let leader?, nil): return leaderCount(of: leader)
        default: return nil
        }
    }

    public func page(
        of search: PartitionSearch, after place: PartitionSearch.Place?, limit: Int
    ) -> PartitionSearch.Page {
        var page = PartitionSearch.Page()
        var (index, id, end) = range(of: search, after: place)
        var looks = 0
        while index < end {
            if let condition = search.condition {
                let found = topicRows.first(with: condition, from: index)
                looks += found.looks
                guard found.index < end else { break }
                if found.index != index { (index, id) = (found.index, 0) }
            }
            let rows = topicRows[index]
            while id < rows.partitions.count {
                guard page.rows.count < limit, looks < PartitionSearch.maximumLooks else { return page }
                let partition = rows.partitions[id]
                if search.matches(partition, in: rows.topic) { page.rows.append((rows.topic, partition)) }
                page.next = PartitionSearch.Place(topic: rows.topic.name, partition: id)
                looks += 1
                id += 1
            }
            (index, id) = (topicRows.index(after: index), 0)
        }
        page.next = nil
        return page
    }

    private func range(
        of search: PartitionSearch, after place: PartitionSearch.Place?
    ) -> (index: TopicTable.Index, id: Int, end: TopicTable.Index) {
        var (index, id, end) = (topicRows.startIndex, 0, topicRows.endIndex)
        if let topic = search.topic {
            guard let only = topicIndex(topic) else { return (end, 0, end) }
            (index, end) = (only, topicRows.index(after: only))
        }
        guard let place else { return (index, id, end) }
        let first = topicRows.lowerBound(of: place.topic)
        if first >= index {
            index = first
            if first < topicRows.endIndex, topicRows[first].topic.name == place.topic { id = place.partition + 1 }
        }
        return (index, id, end)
    }
}
