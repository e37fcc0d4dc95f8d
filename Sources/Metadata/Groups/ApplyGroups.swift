import Defects

extension MetadataStateMachine {
    mutating func apply(_ command: GroupCommand, timestamp: Int64) -> Outcome {
        if let result = resultIfUnchanged(command) { return Outcome(result: result) }
        let result: CommandResult
        switch command {
        case .find(let topic, let appID):
            guard let leader = groupLeaders.min(by: <)?.broker else { return .refused(.noGroupLeader) }
            let group = ConsumerGroup(
                topic: topic, appID: appID, leader: leader, createdAt: timestamp, modifiedAt: timestamp)
            put(group)
            result = found(group)
        case .move(let id, let broker):
            guard var group = groups[id] else { return .refused(.unknownGroup(id)) }
            (group.leader, group.modifiedAt) = (broker, timestamp)
            put(group)
            result = found(group)
        case .delete(let id, _):
            removeGroup(id)
            result = .done
        }
        counters.version += 1
        return Outcome(result: result, changes: [.groupsChanged])
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ command: GroupCommand) -> CommandResult? {
        guard hasOperations else { return .refused(.invalidCommand) }
        return switch command {
        case .find(let topic, let appID): resultIfFound(topic, appID)
        case .move(let id, let broker): resultIfUnmoved(id, broker)
        case .delete(let id, let broker):
            if let group = groups[id] {
                group.leader == broker || Defect.anyoneDeletesGroup.isOn
                    ? nil : .refused(.notGroupLeader(id, leader: group.leader))
            } else {
                .done
            }
        }
    }

    private func resultIfFound(_ topic: String, _ appID: String) -> CommandResult? {
        guard Topic.isValidName(topic), ConsumerGroup.isValidAppID(appID) else { return .refused(.invalidCommand) }
        let id = ConsumerGroup.id(topic: topic, appID: appID)
        if let group = groups[id] {
            // Then the application is another one as well.
            guard group.topic == topic || Defect.groupCollisionUnnoticed.isOn else {
                return .refused(.groupIDCollision(id))
            }
            return found(group)
        }
        guard groups.count < ConsumerGroup.maximumCount else {
            return .refused(.tooManyGroups(limit: ConsumerGroup.maximumCount))
        }
        return brokerCounts[.active] > 0 ? nil : .refused(.noGroupLeader)
    }

    private func resultIfUnmoved(_ id: String, _ leader: BrokerID) -> CommandResult? {
        guard let group = groups[id] else { return .refused(.unknownGroup(id)) }
        guard let broker = broker(leader) else { return .refused(.unknownBroker(leader)) }
        if group.leader == leader { return found(group) }
        return broker.state == .active || Defect.fencedBrokerGetsGroup.isOn ? nil : .refused(.brokerNotActive(broker))
    }

    private func found(_ group: ConsumerGroup) -> CommandResult { .group(group, leader: broker(group.leader)) }

    private mutating func put(_ group: ConsumerGroup) {
        let version = Defect.groupChangeNotStamped.isOn ? 0 : nextVersion
        if let previous = groups.put(group, at: version) { ownDigest.subtract(Digest(previous)) }
        ownDigest.add(Digest(group))
        changedRows.insert(group: group.id)
    }

    private mutating func removeGroup(_ id: String) {
        guard let group = groups.remove(id) else { return }
        ownDigest.subtract(Digest(group))
        changedRows.insert(group: id)
        removals.append(.group(id), at: nextVersion)
    }

    /// Who may lead, with how many each does.
    private var groupLeaders: some Sequence<(count: Int, broker: BrokerID)> {
        brokerRows.lazy.filter { $0.state == .active }.map { broker in
            (Defect.fewestGroupsIgnored.isOn ? 0 : groups.count(of: broker.id), broker.id)
        }
    }

    /// Behind a command that may have changed whether the broker is ACTIVE: its groups go to others, or those that waited while
    /// nobody was go to the first one. In the order of their ids.
    mutating func movingGroups(of broker: BrokerID, _ timestamp: Int64, _ outcome: consuming Outcome) -> Outcome {
        guard groups.count > 0, counters.version == nextVersion else { return outcome }
        let moving: [String] =
            switch (isActive(broker), brokerCounts[.active]) {
            case (false, 1...) where !Defect.lostBrokerKeepsGroups.isOn: groups.ids(of: broker)
            case (true, 1) where !Defect.waitingGroupsStay.isOn: groups.ids(notOf: broker)
            default: []
            }
        guard !moving.isEmpty else { return outcome }
        var leaders = FewestFirst(groupLeaders)
        for id in moving {
            guard var group = groups[id] else { continue }
            (group.leader, group.modifiedAt) = (leaders.next(), timestamp)
            put(group)
        }
        outcome.changes.append(.groupsChanged)
        return outcome
    }
}

extension MetadataStateMachine {
    public func group(_ id: String) -> ConsumerGroup? { groups[id] }

    public var groupCount: Int { groups.count }

    /// How many the broker leads.
    public func groupCount(of broker: BrokerID) -> Int { groups.count(of: broker) }

    /// In ascending id.
    public var allGroups: some Sequence<ConsumerGroup> & Sendable { groups }
}

/// Brokers by what they lead: the one with the least is next, of equal ones the first. It has one more then.
private struct FewestFirst {
    /// None is behind the two at twice its place and one or two more.
    private var heap: [(count: Int, broker: BrokerID)]

    init(_ brokers: some Sequence<(count: Int, broker: BrokerID)>) { heap = brokers.sorted(by: <) }

    mutating func next() -> BrokerID {
        let first = heap[0].broker
        heap[0].count += 1
        var place = 0
        while let least = [2 * place + 1, 2 * place + 2].filter(heap.indices.contains).min(by: { heap[$0] < heap[$1] }),
            heap[least] < heap[place]
        {
            heap.swapAt(place, least)
            place = least
        }
        return first
    }
}
