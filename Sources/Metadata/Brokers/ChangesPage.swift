import Defects

/// What changed of brokers, topics, partitions and groups behind a version, each once, as it is now: a part of it. Whoever takes in all
/// pages, what was removed first, and then goes on behind the version of the first page, has what the state has.
public struct ChangesPage: Sendable {
    public struct RemovedTopic: Equatable, Sendable {
        public let name: String
        public let id: TopicID
    }

    /// Where a page begins: with this one, or the first behind it.
    public enum Place: Equatable, Sendable {
        /// What this version removed.
        case removal(UInt64)
        case broker(BrokerID)
        /// This partition of the topic, or, with -1, its own row.
        case topic(String, partition: Int)
        case group(String)
    }

    /// Of the state that it was read from.
    public let version: UInt64
    public fileprivate(set) var removedBrokers: [BrokerID] = []
    public fileprivate(set) var removedTopics: [RemovedTopic] = []
    public fileprivate(set) var removedGroups: [String] = []
    public fileprivate(set) var brokers: [Broker] = []
    public fileprivate(set) var topics: [Topic] = []
    public fileprivate(set) var partitions: [(topic: Topic, partition: Partition)] = []
    public fileprivate(set) var groups: [ConsumerGroup] = []
    /// `nil` on the last page. A page may be short, or empty, and have a next.
    public fileprivate(set) var next: Place?

    public var rowCount: Int {
        removedBrokers.count + removedTopics.count + removedGroups.count + brokers.count + topics.count
            + partitions.count + groups.count
    }

    /// About how large one is as text.
    static let maximumBytes = 1024 * 1024
    /// How many rows, changed or not, are looked at for one.
    static let maximumLooks = 20_000

    fileprivate let limit: Int
    fileprivate var bytes = 0
    fileprivate var looks = 0

    fileprivate init(version: UInt64, limit: Int) { (self.version, self.limit) = (version, limit) }

    fileprivate var isFull: Bool { rowCount >= limit || bytes >= Self.maximumBytes || looks >= Self.maximumLooks }
}

extension MetadataStateMachine {
    /// Behind which versions ``ChangesImage/page(after:from:limit:)`` knows all that went: this one and later ones, and 0.
    public var oldestVersionToFollow: UInt64 { removals.floor }

    /// What pages are read from.
    public var changesImage: ChangesImage {
        ChangesImage(
            version: counters.version, brokers: brokerRows, brokerStamps: brokerStamps, topics: topicRows,
            groups: groups, removals: removals)
    }
}

/// Brokers, topics, partitions and groups of one moment, with the versions at which they changed. Whoever keeps it holds nothing of the
/// keys, which may all be replaced meanwhile.
public struct ChangesImage: Sendable {
    public let version: UInt64
    fileprivate let brokers: [Broker]
    fileprivate let brokerStamps: [UInt64]
    fileprivate let topics: TopicTable
    fileprivate let groups: GroupTable
    fileprivate let removals: Removals

    fileprivate init(
        version: UInt64, brokers: [Broker], brokerStamps: [UInt64], topics: TopicTable, groups: GroupTable,
        removals: Removals
    ) {
        (self.version, self.brokers, self.brokerStamps) = (version, brokers, brokerStamps)
        (self.topics, self.groups, self.removals) = (topics, groups, removals)
    }

    /// A page of what changed behind `version`, which must be one that can be followed, or 0: then it is all there is.
    public func page(after version: UInt64, from place: ChangesPage.Place?, limit: Int) -> ChangesPage {
        precondition(version == 0 || version >= removals.floor, "what went behind \(version) is not known")
        var page = ChangesPage(version: self.version, limit: limit)
        switch place {
        case nil: addRemovals(from: version + 1, changedAfter: version, to: &page)
        case .removal(let first): addRemovals(from: first, changedAfter: version, to: &page)
        case .broker(let id): addBrokers(from: id, changedAfter: version, to: &page)
        case .topic(let name, let partition): addTopics(from: (name, partition), changedAfter: version, to: &page)
        case .group(let id): addGroups(from: id, changedAfter: version, to: &page)
        }
        return page
    }

    /// And what follows, as far as there is room; so the others.
    private func addRemovals(from first: UInt64, changedAfter version: UInt64, to page: inout ChangesPage) {
        // Who has nothing has nothing to forget.
        if version > 0, !Defect.removalsNotTold.isOn {
            for removal in removals.from(first) {
                if page.isFull {
                    page.next = .removal(removal.version)
                    return
                }
                page.add(removal.what)
            }
        }
        addBrokers(from: 0, changedAfter: version, to: &page)
    }

    private func addBrokers(from id: BrokerID, changedAfter version: UInt64, to page: inout ChangesPage) {
        for index in brokers.partitioningIndex({ $0.id >= id })..<brokers.count {
            if page.isFull {
                page.next = .broker(brokers[index].id)
                return
            }
            page.looks += 1
            if brokerStamps[index] > version { page.add(brokers[index]) }
        }
        addTopics(from: ("", -1), changedAfter: version, to: &page)
    }

    private func addTopics(
        from place: (topic: String, partition: Int), changedAfter version: UInt64, to page: inout ChangesPage
    ) {
        var index = topics.lowerBound(of: place.topic)
        var isThere = index < topics.endIndex && isSameText(topics[index].topic.name, place.topic)
        while true {
            let found = topics.first(changedAfter: version, from: index)
            page.looks += found.looks
            guard found.index < topics.endIndex else { break }
            var first = isThere && found.index == index ? place.partition : -1
            if Defect.changesPageSkipsRow.isOn, isThere, found.index == index { first += 1 }
            guard addTopic(topics[found.index], from: first, changedAfter: version, to: &page) else { return }
            (index, isThere) = (topics.index(after: found.index), false)
        }
        addGroups(from: "", changedAfter: version, to: &page)
    }

    private func addGroups(from id: String, changedAfter version: UInt64, to page: inout ChangesPage) {
        var index = groups.lowerBound(of: id)
        while true {
            let found = groups.first(changedAfter: version, from: index)
            page.looks += found.looks
            guard found.index < groups.endIndex else { return }
            if page.isFull {
                page.next = .group(groups[found.index].id)
                return
            }
            page.add(groups[found.index])
            index = groups.index(after: found.index)
        }
    }

    /// False if the page is full before its end.
    private func addTopic(
        _ rows: TopicRows, from first: Int, changedAfter version: UInt64, to page: inout ChangesPage
    ) -> Bool {
        // One of that name may have had more.
        for id in first..<max(first, rows.partitions.count) {
            if page.isFull {
                page.next = .topic(rows.topic.name, partition: id)
                return false
            }
            page.looks += 1
            if id < 0 {
                if rows.topicChangedAt > version { page.add(rows.topic) }
            } else if rows.stamp(of: id) > version {
                page.add(rows.partitions[id], of: rows.topic)
            }
        }
        return true
    }
}

extension ChangesPage {
    fileprivate mutating func add(_ removal: Removals.Removal.What) {
        switch removal {
        case .broker(let id): removedBrokers.append(id)
        case .topic(let name, let id): removedTopics.append(RemovedTopic(name: name, id: id))
        case .group(let id): removedGroups.append(id)
        }
        bytes += 100
    }

    fileprivate mutating func add(_ group: ConsumerGroup) {
        groups.append(group)
        bytes += 200 + 3 * group.id.utf8.count
    }

    fileprivate mutating func add(_ broker: Broker) {
        brokers.append(broker)
        bytes += 350 + 2 * broker.host.utf8.count + 2 * (broker.rack?.utf8.count ?? 0)
    }

    fileprivate mutating func add(_ topic: Topic) {
        topics.append(topic)
        bytes += 300 + topic.name.utf8.count + topic.configuration.compressionType.utf8.count
    }

    fileprivate mutating func add(_ partition: Partition, of topic: Topic) {
        partitions.append((topic, partition))
        bytes += 200 + topic.name.utf8.count + 12 * (partition.replicas.count + partition.inSyncReplicas.count)
    }
}
