import Metadata

/// Brokers, topics and partitions by the rules of the contract (§3 to §5), in the plainest way that can be read against
/// it: every change goes through everything, and nothing of the product is asked.
struct ClusterModel: Equatable {
    struct Broker: Equatable {
        let id: BrokerID
        var host: String
        var port: Int
        var rack: String?
        var isOnline = true
        var registeredAt: Int64
        /// `nil` of one that registered without.
        var process: Process?
        /// What an operator has taken from it.
        var isCordoned = false
        var isInMaintenance = false

        /// Whether it may lead, and be in sync with others.
        var mayLead: Bool { process.map { $0.state == "ACTIVE" } ?? isOnline }
    }

    struct Partition: Equatable {
        var leader: BrokerID?
        /// In the order of assignment.
        var replicas: [BrokerID]
        var inSync: [BrokerID]
        var epoch = 0
        /// How often it changed, since that is counted.
        var changes = 0
        /// `nil` of one that stays where it is.
        var move: Move?
    }

    struct Topic: Equatable {
        let name: String
        var replicationFactor: Int
        let configuration: TopicConfiguration
        let createdAt: Int64
        /// `nil` of one from before ids were drawn.
        var id: TopicID?
        var partitions: [Partition]
    }

    /// In ascending id.
    private(set) var brokers: [Broker] = []
    /// In ascending name.
    var topics: [Topic] = []
    /// In ascending name.
    var groups: [Group] = []
    /// Of all topics that ever were: each goes on where the one before ended.
    var partitionsCreated = 0

    func broker(_ id: BrokerID) -> Broker? { brokers.first { $0.id == id } }
    func topic(_ name: String) -> Topic? { topics.first { $0.name == name } }

    func partition(_ topic: String, _ number: Int) -> Partition? {
        guard let partitions = self.topic(topic)?.partitions, partitions.indices.contains(number) else { return nil }
        return partitions[number]
    }

    func isOnline(_ id: BrokerID) -> Bool { broker(id)?.isOnline ?? false }
    func mayLead(_ id: BrokerID) -> Bool { broker(id)?.mayLead ?? false }

    mutating func put(_ broker: Broker) {
        if let index = brokers.firstIndex(where: { $0.id == broker.id }) {
            brokers[index] = broker
        } else {
            brokers.insert(broker, at: brokers.firstIndex { $0.id > broker.id } ?? brokers.count)
        }
    }

    // Brokers

    mutating func register(_ registration: RegisterBroker, at time: Int64) -> ModelAnswer {
        let new = Broker(
            id: registration.id, host: registration.host, port: registration.port, rack: registration.rack,
            registeredAt: time)
        guard let index = brokers.firstIndex(where: { $0.id == new.id }) else {
            put(new)
            return .broker(new, isNew: true)
        }
        let old = brokers[index]
        let isSamePlace = old.host == new.host && old.port == new.port
        if let process = old.process, old.mayLead || process.epoch != registration.replacing {
            return .refused("duplicateRegistration")
        }
        if old.mayLead, !isSamePlace { return .refused("brokerIDInUse") }
        let isRepeated = isSamePlace && old.rack == new.rack
        brokers[index] = new
        (brokers[index].isCordoned, brokers[index].isInMaintenance) = (old.isCordoned, old.isInMaintenance)
        if isRepeated { brokers[index].registeredAt = old.registeredAt }
        if !old.mayLead { giveBack(to: new.id) }
        return .broker(brokers[index], isNew: !isRepeated)
    }

    mutating func unregister(_ id: BrokerID) -> ModelAnswer {
        guard let index = brokers.firstIndex(where: { $0.id == id }) else { return .refused("unknownBroker") }
        if topics.contains(where: { $0.partitions.contains { $0.replicas.contains(id) } }) {
            return .refused("brokerHasPartitions")
        }
        brokers.remove(at: index)
        return .done
    }

    mutating func setStatus(of id: BrokerID, isOnline: Bool) -> ModelAnswer {
        guard let index = brokers.firstIndex(where: { $0.id == id }) else { return .refused("unknownBroker") }
        guard brokers[index].isOnline != isOnline, brokers[index].process == nil else { return .done }
        brokers[index].isOnline = isOnline
        if isOnline { giveBack(to: id) } else { withdraw(id) { $0.first } }
        return .done
    }

    /// May lead no more: out of every ISR it is not alone in; what it led passes to one of the members that may, or to nobody.
    mutating func withdraw(_ id: BrokerID, _ choose: ([BrokerID]) -> BrokerID?) {
        for topic in topics {
            for number in topic.partitions.indices { withdraw(id, from: topic.name, number, choose) }
        }
    }

    mutating func withdraw(
        _ id: BrokerID, from topic: String, _ number: Int, _ choose: ([BrokerID]) -> BrokerID?
    ) {
        guard let index = topics.firstIndex(where: { $0.name == topic }) else { return }
        var partition = topics[index].partitions[number]
        if partition.inSync != [id] { partition.inSync.removeAll { $0 == id } }
        if partition.leader == id { partition.lead(by: choose(candidates(partition.inSync))) }
        topics[index].partitions[number] = partition
    }

    /// May lead again: what waits for an ISR member has one. It is no other's ISR member until its report says so.
    mutating func giveBack(to id: BrokerID) {
        for topic in topics.indices {
            for number in topics[topic].partitions.indices {
                let partition = topics[topic].partitions[number]
                guard partition.leader == nil, partition.inSync.contains(id) else { continue }
                topics[topic].partitions[number].lead(by: id)
            }
        }
    }

    // Topics

    mutating func create(
        _ creation: CreateTopic, at time: Int64, level: Int, placement placementLevel: Int
    ) -> ModelAnswer {
        if let known = topic(creation.name) {
            let isSame =
                known.partitions.count == creation.partitionCount
                && known.replicationFactor == creation.replicationFactor
                && known.configuration == creation.configuration
            return isSame ? .topic(known, isNew: false) : .refused("topicExists")
        }
        let similar = creation.name.replacing(".", with: "_")
        if level >= 5, topics.contains(where: { $0.name.replacing(".", with: "_") == similar }) {
            return .refused("topicNameCollision")
        }
        let new = firstPartitions(
            creation.partitionCount, replicas: creation.replicationFactor, level >= 5 ? creation.assignments : nil,
            placementLevel)
        guard case .partitions(let partitions) = new else { return new.refusal }
        let topic = Topic(
            name: creation.name, replicationFactor: creation.replicationFactor,
            configuration: creation.configuration, createdAt: time, id: level >= 4 ? creation.id : nil,
            partitions: partitions)
        topics.insert(topic, at: topics.firstIndex { $0.name > topic.name } ?? topics.count)
        return .topic(topic, isNew: true)
    }

    func place(_ count: Int, _ replicas: Int, _ level: Int) -> [[BrokerID]] {
        let brokers = hosts.map { ($0.id, $0.rack) }
        let numbers = (0..<count).map { partitionsCreated + $0 }
        if level == 1 {
            let placement = Placement(brokers)
            return numbers.map { placement.replicas(startingAt: $0, count: replicas) }
        }
        var placement = SpreadPlacement(brokers)
        return numbers.map { placement.replicas(of: $0, count: replicas) }
    }

    mutating func delete(_ deletion: DeleteTopic, level: Int) -> ModelAnswer {
        guard let index = topics.firstIndex(where: { $0.name == deletion.name }) else {
            return .refused("unknownTopic")
        }
        if level >= 4, let id = deletion.id, id != topics[index].id { return .refused("topicIDMismatch") }
        topics.remove(at: index)
        return .done
    }

    // In-sync replicas

    /// What a lag report came to. What may not be any more when it is applied does not happen.
    mutating func update(_ update: UpdateInSyncReplicas, level: Int) -> ModelAnswer {
        guard let known = broker(update.broker) else { return .refused("unknownBroker") }
        if level >= 3, let epoch = update.epoch, epoch != known.process?.epoch {
            return .refused("staleBrokerEpoch")
        }
        for change in update.changes {
            guard let topic = topics.firstIndex(where: { $0.name == change.topic }),
                var partition = partition(change.topic, change.partition)
            else { continue }
            if level >= 4, let epoch = change.leaderEpoch, epoch != partition.epoch { continue }
            // A leader that names its process says itself who follows it.
            let leaderDecides = level >= 4 && partition.leader.flatMap { self.broker($0) }?.process != nil
            if change.isInSync {
                if !leaderDecides, partition.mayJoin(update.broker, mayLead: mayLead(update.broker)) {
                    partition.inSync.append(update.broker)
                }
            } else if partition.mayLeave(update.broker) {
                partition.inSync.removeAll { $0 == update.broker }
            }
            arrive(&partition)
            relieve(&partition)
            put(partition, topic, change.partition)
        }
        return .done
    }
}

extension ClusterModel.Partition {
    mutating func lead(by broker: BrokerID?) {
        leader = broker
        epoch += 1
        guard let broker else { return }
        inSync = [broker] + inSync.filter { $0 != broker }
    }

    /// Never below one member and never the leader.
    func mayLeave(_ broker: BrokerID) -> Bool { inSync.contains(broker) && inSync.count > 1 && leader != broker }

    /// Without a leader there is nobody to have caught up with.
    func mayJoin(_ broker: BrokerID, mayLead: Bool) -> Bool {
        mayLead && leader != nil && replicas.contains(broker) && !inSync.contains(broker)
    }
}
