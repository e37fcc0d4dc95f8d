import Metadata

// What the product says, in the model's words.

extension ModelAnswer {
    /// - Parameter command: Of which it is the result.
    init(_ result: CommandResult, of command: Command = .noop(clusterID: nil)) {
        self =
            switch result {
            case .done: .done
            case .broker(let broker, let isNew): .broker(ClusterModel.Broker(broker), isNew: isNew)
            case .topic(let topic, let partitions, let isNew):
                .topic(ClusterModel.Topic(topic, partitions), isNew: isNew)
            case .put(let revision, let version): .put(revision: revision, version: version)
            case .deleted(let count, let revision): .deleted(count: count, revision: revision)
            case .transaction(let result, let revision):
                if case .transaction(let transaction) = command {
                    .transaction(TransactionModel.Answer(result, of: transaction), revision: revision)
                } else {
                    .refused("a result of a transaction that was none")
                }
            case .partitions(let results, _): .partitions(results.map { ClusterModel.Altered($0) })
            case .group(let group, let leader):
                .group(ClusterModel.Group(group), at: leader.map { "\($0.host):\($0.port)" })
            case .producerIDs(let first, let count): .producerIDs(first: first, count: count)
            case .lease(let lease): .lease(lease.id, ttl: lease.ttlSeconds)
            case .refused(.revisionMismatch(let present)): .refused("revisionMismatch", present: present)
            case .refused(let refusal): .refused(Self.name(of: refusal))
            }
    }

    private static func name(of refusal: Refusal) -> String {
        switch refusal {
        case .brokerIDInUse: "brokerIDInUse"
        case .unknownBroker: "unknownBroker"
        case .staleBrokerEpoch: "staleBrokerEpoch"
        case .duplicateRegistration: "duplicateRegistration"
        case .brokerHasPartitions: "brokerHasPartitions"
        case .notEnoughBrokers: "notEnoughBrokers"
        case .maintenanceInProgress: "maintenanceInProgress"
        case .topicExists: "topicExists"
        case .unknownTopic: "unknownTopic"
        case .topicIDMismatch: "topicIDMismatch"
        case .topicNameCollision: "topicNameCollision"
        case .invalidPartitions: "invalidPartitions"
        case .invalidReplicaAssignment: "invalidReplicaAssignment"
        case .tooManyReplicas: "tooManyReplicas"
        case .unknownKey: "unknownKey"
        case .revisionMismatch: "revisionMismatch"
        case .revisionCompacted: "revisionCompacted"
        case .futureRevision: "futureRevision"
        case .unknownLease: "unknownLease"
        case .leaseExists: "leaseExists"
        case .tooManyLeases: "tooManyLeases"
        case .leaseIsFull: "leaseIsFull"
        case .unknownGroup: "unknownGroup"
        case .notGroupLeader: "notGroupLeader"
        case .groupIDCollision: "groupIDCollision"
        case .tooManyGroups: "tooManyGroups"
        case .noGroupLeader: "noGroupLeader"
        case .brokerNotActive: "brokerNotActive"
        case .producerIDsExhausted: "producerIDsExhausted"
        case .staleFence: "staleFence"
        case .invalidCommand: "invalidCommand"
        }
    }
}

extension TransactionModel.Answer {
    init(_ result: TransactionResult, of transaction: Transaction) {
        let operations = result.succeeded ? transaction.success : transaction.failure
        self.init(
            succeeded: result.succeeded,
            results: zip(operations, result.results).map { TransactionModel.Result($1, of: $0) })
    }
}

extension TransactionModel.Result {
    init(_ result: OperationResult, of operation: Transaction.Operation) {
        switch (result.kind, operation) {
        case (.put(let pair, _), _): self = .put(pair.key, KeysModel.Value(pair))
        case (.deleted(let deleted), _): self = .deleted(deleted.map(\.key))
        case (.read(let image), .read(let span, let revision)):
            var found: [TransactionModel.Found] = []
            image.state.visit(span, at: revision) { pair in
                found.append(TransactionModel.Found(key: pair.key, value: KeysModel.Value(pair)))
                return true
            }
            self = .read(found)
        case (.transaction(let nested), .transaction(let transaction)):
            self = .nested(TransactionModel.Answer(nested, of: transaction))
        default: self = .nested(TransactionModel.Answer(succeeded: false))
        }
    }
}

extension ClusterModel.Broker {
    init(_ broker: Broker) {
        self.init(
            id: broker.id, host: broker.host, port: broker.port, rack: broker.rack, isOnline: broker.status == .online,
            registeredAt: broker.registeredAt, process: broker.incarnation.map { ClusterModel.Process($0) },
            isCordoned: broker.restrictions.contains(.cordoned),
            isInMaintenance: broker.restrictions.contains(.maintenance))
    }
}

extension ClusterModel.Process {
    init(_ incarnation: BrokerIncarnation) {
        self.init(
            name: incarnation.id, epoch: incarnation.epoch, state: incarnation.state.rawValue,
            mayStopAt: incarnation.shutdownVersion, fetches: incarnation.fetches)
    }
}

extension ClusterModel.Altered {
    init(_ result: PartitionResult) {
        self =
            switch result.partition {
            case .success(let partition): .partition(ClusterModel.Partition(partition))
            case .failure(let flaw): .refused(Self.name(of: flaw))
            }
    }

    private static func name(of flaw: PartitionFlaw) -> String {
        switch flaw {
        case .unknownTopic: "unknownTopic"
        case .unknownPartition: "unknownPartition"
        case .epochAhead: "epochAhead"
        case .fencedLeaderEpoch: "fencedLeaderEpoch"
        case .notLeader: "notLeader"
        case .invalidPartitionEpoch: "invalidPartitionEpoch"
        case .invalidISR: "invalidISR"
        case .ineligibleReplica: "ineligibleReplica"
        case .electionNotNeeded: "electionNotNeeded"
        case .preferredLeaderNotAvailable: "preferredLeaderNotAvailable"
        case .newLeaderElected: "newLeaderElected"
        case .invalidReplicaAssignment: "invalidReplicaAssignment"
        case .replicationFactorChange: "replicationFactorChange"
        case .noReassignmentInProgress: "noReassignmentInProgress"
        case .uncleanCancel: "uncleanCancel"
        }
    }
}

extension ClusterModel.Partition {
    init(_ partition: Partition) {
        self.init(
            leader: partition.leader, replicas: partition.replicas, inSync: partition.inSyncReplicas,
            epoch: partition.leaderEpoch, changes: partition.partitionEpoch,
            move: partition.reassignment.map { move in
                ClusterModel.Move(
                    adding: move.adding, removing: move.removing, origin: move.original, time: move.startedAt)
            })
    }
}

extension ClusterModel.Topic {
    init(_ topic: Topic, _ partitions: [Partition]) {
        self.init(
            name: topic.name, replicationFactor: topic.replicationFactor, configuration: topic.configuration,
            createdAt: topic.createdAt, id: Self.drawnID(of: topic),
            partitions: partitions.map { ClusterModel.Partition($0) })
    }

    /// One that followed from the number of partitions stays when that grows: the model does not know it.
    private static func drawnID(of topic: Topic) -> TopicID? {
        let isDerived = (1..<max(2, topic.partitionCount)).contains { count in
            Topic.derivedID(name: topic.name, createdAt: topic.createdAt, partitionCount: count) == topic.drawnID
        }
        return isDerived ? nil : topic.drawnID
    }
}

extension ClusterModel.Group {
    init(_ group: ConsumerGroup) {
        self.init(
            topic: group.topic, app: group.appID, leader: group.leader, createdAt: group.createdAt,
            changedAt: group.modifiedAt)
    }
}

extension KeysModel.Value {
    init(_ pair: KeyValue) {
        self.init(
            bytes: pair.value, createRevision: pair.createRevision, modRevision: pair.modRevision,
            version: pair.version, lease: pair.lease)
    }
}

extension ClusterModel {
    /// How brokers, topics and partitions of `metadata` differ, if they do.
    func difference(from metadata: MetadataStateMachine) -> String? {
        let brokers = metadata.brokers.map { Broker($0) }
        if brokers != self.brokers { return "brokers are \(brokers), right is \(self.brokers)" }
        let groups = metadata.allGroups.map { Group($0) }
        if groups != self.groups { return "groups are \(groups), right is \(self.groups)" }
        for broker in brokers {
            let (count, right) = (metadata.groupCount(of: broker.id), groups.count { $0.leader == broker.id })
            if count != right { return "broker \(broker.id) counts \(count) groups, right is \(right)" }
        }
        let names = metadata.topicNames
        if names != topics.map(\.name) { return "topics are \(names), right is \(topics.map(\.name))" }
        for right in topics {
            guard let (topic, partitions) = metadata.topic(right.name) else { return "topic \(right.name) is missing" }
            let found = Topic(topic, partitions)
            if found.partitions.count != right.partitions.count || found != right {
                return found.difference(from: right)
            }
        }
        return nil
    }
}

extension ClusterModel.Topic {
    fileprivate func difference(from right: Self) -> String {
        for (number, pair) in zip(partitions, right.partitions).enumerated() where pair.0 != pair.1 {
            return "partition \(number) of \(name) is \(pair.0), right is \(pair.1)"
        }
        return "topic \(name) is \(self), right is \(right)"
    }
}

extension KeysModel {
    /// How all keys of `metadata` differ, if they do.
    func difference(from metadata: MetadataStateMachine) -> String? {
        let present = present
        for (key, value) in present {
            let found = metadata.value(key).map { Value($0) }
            if found != value { return "\(key) is \(found.map { "\($0)" } ?? "missing"), right is \(value)" }
        }
        if metadata.keyCount != present.count {
            return "there are \(metadata.keyCount) keys, right is \(present.count)"
        }
        let found = metadata.allLeases.map { "\($0.id) of \($0.ttlSeconds) s" }
        let right = leases.sorted { $0.key < $1.key }.map { "\($0.key) of \($0.value) s" }
        return found == right ? nil : "the leases are \(found), right is \(right)"
    }

    /// How what `metadata` tells of the past differs, if it does: of all keys at a few revisions.
    func pastDifference(from metadata: MetadataStateMachine) -> String? {
        let oldest = horizon ?? revision
        if metadata.oldestRevision != oldest { return "the oldest is \(metadata.oldestRevision), right is \(oldest)" }
        for revision in Set([oldest, (oldest + revision) / 2, revision]).sorted() {
            for key in everNamed {
                let right = value(key, at: revision)
                guard let found = try? metadata.value(key, at: revision).map({ Value($0) }) else {
                    if right == nil { continue }
                    return "\(key) is missing at \(revision), right is \(String(describing: right))"
                }
                if found != right { return "\(key) is \(found) at \(revision), right is \(String(describing: right))" }
            }
        }
        return nil
    }
}

extension KeysModel.Version {
    init(_ version: KeyVersion) {
        switch version {
        case .put(let pair): self.init(revision: pair.modRevision, value: KeysModel.Value(pair))
        case .deletion(let revision): self.init(revision: revision, value: nil)
        }
    }
}
