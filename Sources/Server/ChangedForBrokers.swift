import Metadata

/// What some commands in a row changed, each thing named once.
struct ChangedForBrokers {
    struct Name: Hashable {
        let topic: String
        let partition: Int
    }

    private(set) var brokers = false
    /// Brokers that are told of changes hear nothing of groups.
    private(set) var isOfGroupsOnly = true
    private(set) var createdTopics: [String] = []
    private(set) var deletedTopics: [String] = []
    /// Partitions with another leader or other replicas, and those of which only the in-sync replicas changed. In the order of the first
    /// change; a created topic tells of all its partitions.
    private(set) var leaders: [Name] = []
    private(set) var inSync: [Name] = []

    init(_ entries: ArraySlice<ChangeHistory.Entry>) {
        var kinds: [Name: Bool] = [:]
        var order: [Name] = []
        for change in entries.lazy.flatMap(\.changes) where !change.isOfKeys {
            if change != .groupsChanged { isOfGroupsOnly = false }
            switch change {
            case .brokerRegistered, .brokerMoved, .brokerOnline, .brokerOffline, .brokerUnregistered,
                .brokerStateChanged:
                brokers = true
            case .topicCreated(let name), .partitionsCreated(let name):
                if !createdTopics.contains(name) { createdTopics.append(name) }
            case .topicDeleted(let name):
                createdTopics.removeAll { $0 == name }
                if !deletedTopics.contains(name) { deletedTopics.append(name) }
            case .leaderChanged(let topic, let partition), .replicasChanged(let topic, let partition):
                let name = Name(topic: topic, partition: partition)
                if kinds.updateValue(true, forKey: name) == nil { order.append(name) }
            case .inSyncReplicasChanged(let topic, let partition):
                let name = Name(topic: topic, partition: partition)
                if kinds[name] == nil {
                    kinds[name] = false
                    order.append(name)
                }
            case .groupsChanged, .keyPut, .keyDeleted, .keysDeleted: break
            }
        }
        let created = Set(createdTopics)
        for name in order where !created.contains(name.topic) {
            if kinds[name] ?? false { leaders.append(name) } else { inSync.append(name) }
        }
    }
}

extension Change {
    fileprivate var isOfKeys: Bool {
        switch self {
        case .keyPut, .keyDeleted, .keysDeleted: true
        default: false
        }
    }
}
