import Metadata

// What is asked of partitions, in the log as in requests.

extension JSONWriter {
    mutating func fields(of update: UpdateInSyncReplicas) {
        field("brokerId", update.broker)
        if let epoch = update.epoch { field("brokerEpoch", epoch) }
        arrayField("changes") { json in
            for change in update.changes {
                json.object { json in
                    json.field("topic", change.topic)
                    json.field("partition", change.partition)
                    json.field("isInSync", change.isInSync)
                    if let epoch = change.leaderEpoch { json.field("leaderEpoch", epoch) }
                }
            }
        }
    }

    mutating func fields(of election: ElectLeaders) {
        arrayField("partitions") { json in
            for place in election.partitions {
                json.object { json in
                    json.field("topic", place.topic)
                    json.field("partition", place.partition)
                }
            }
        }
    }

    mutating func fields(of alteration: AlterReassignments) {
        arrayField("partitions") { json in
            for move in alteration.moves {
                json.object { json in
                    json.reference(to: move.topic)
                    json.field("partition", move.partition)
                    guard let replicas = move.replicas else { return json.nullField("replicas") }
                    json.arrayField("replicas") { json in for id in replicas { json.value(id) } }
                }
            }
        }
        if !alteration.mayChangeReplicationFactor { field("allowReplicationFactorChange", false) }
    }

    private mutating func reference(to topic: TopicReference) {
        switch topic {
        case .id(let id): field("topicId", id.description)
        case .name(let name): field("topic", name)
        }
    }

    mutating func fields(of alteration: AlterPartitions) {
        field("brokerId", alteration.broker)
        field("brokerEpoch", alteration.epoch)
        arrayField("partitions") { json in for change in alteration.changes { json.value(change) } }
    }

    private mutating func value(_ change: AlterPartitions.Change) {
        object { json in
            json.reference(to: change.topic)
            json.field("partition", change.partition)
            json.field("leaderEpoch", change.leaderEpoch)
            json.field("partitionEpoch", change.partitionEpoch)
            // As short as it came: an entry must not outgrow its request.
            guard change.inSync.contains(where: { $0.epoch != nil }) else {
                return json.arrayField("isr") { json in for member in change.inSync { json.value(member.id) } }
            }
            json.arrayField("isr") { json in
                for member in change.inSync {
                    json.object { json in
                        json.field("id", member.id)
                        if let epoch = member.epoch { json.field("epoch", epoch) }
                    }
                }
            }
        }
    }
}

extension AlterPartitions {
    /// - Throws: ``JSONInputError`` for what can be no report at all. Whether it fits the state is decided when it is applied.
    public init(json: JSONObject) throws(JSONInputError) {
        self.init(
            broker: try json.integer("brokerId", in: Limits.id),
            epoch: UInt64(try json.integer("brokerEpoch", in: Limits.counter)),
            changes: try json.objects("partitions", atMost: Limits.maxAlteredPartitions) {
                json throws(JSONInputError) in try Change(json: json)
            })
    }
}

extension AlterPartitions.Change {
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        let topic = try json.topicReference()
        if let recovery = try json.stringIfPresent("recovery"), recovery != "RECOVERED" {
            throw JSONInputError(code: .outOfRange, field: "recovery", problem: "must be RECOVERED")
        }
        let epochs = 0...Limits.counter.upperBound
        self.init(
            topic: topic, partition: Int(try json.integer("partition", in: 0...Limits.counter.upperBound)),
            leaderEpoch: Int(try json.integer("leaderEpoch", in: epochs)),
            partitionEpoch: Int(try json.integer("partitionEpoch", in: epochs)),
            inSync: try json.members("isr"))
    }
}

extension AlterReassignments {
    /// - Throws: ``JSONInputError`` for what can be no request at all. Whether it fits the state is decided when it is applied.
    public init(json: JSONObject) throws(JSONInputError) {
        let moves = try json.objects("partitions", atMost: Limits.maxAlteredPartitions) {
            json throws(JSONInputError) in
            Move(
                topic: try json.topicReference(),
                partition: Int(try json.integer("partition", in: 0...Limits.counter.upperBound)),
                replicas: try json.brokersOrNull("replicas"))
        }
        self.init(moves, mayChangeReplicationFactor: try json.boolIfPresent("allowReplicationFactorChange") ?? true)
    }
}

extension JSONObject {
    /// The id wins: a name may be another topic's by now.
    fileprivate func topicReference() throws(JSONInputError) -> TopicReference {
        if let id = try topicIDIfPresent("topicId") { return .id(id) }
        let name = try string("topic")
        // Another text is merely no topic's; it comes back with the answer.
        guard name.utf8.count <= Limits.maxNameBytes else {
            throw JSONInputError(code: .outOfRange, field: "topic", problem: "is longer than any topic's name")
        }
        return .name(name)
    }

    /// What is left out is a mistake.
    fileprivate func brokersOrNull(_ name: String) throws(JSONInputError) -> [BrokerID]? {
        guard find(name) != nil else { throw .missing(name) }
        guard let ids = try integersIfPresent(name) else { return nil }
        guard ids.count <= Partition.maximumReplicas, ids.allSatisfy(Limits.id.contains) else {
            throw JSONInputError(
                code: .outOfRange, field: name,
                problem: "must be at most \(Partition.maximumReplicas) ids of brokers, which begin with 1")
        }
        return ids
    }

    /// Each with the epoch of its registration, or a plain number.
    fileprivate func members(_ name: String) throws(JSONInputError) -> [AlterPartitions.Member] {
        if let ids = try? integersIfPresent(name) {
            guard ids.count <= Limits.replicationFactor.upperBound, ids.allSatisfy(Limits.id.contains) else {
                throw JSONInputError(code: .outOfRange, field: name, problem: "must be ids of brokers")
            }
            return ids.map { AlterPartitions.Member($0) }
        }
        return try objects(name, atMost: Int(Limits.replicationFactor.upperBound)) { json throws(JSONInputError) in
            // Kafka's -1: not known.
            let epoch = try json.integerIfPresent("epoch", in: -1...Limits.counter.upperBound)
            return AlterPartitions.Member(
                try json.integer("id", in: Limits.id), epoch: epoch.flatMap { $0 < 0 ? nil : UInt64($0) })
        }
    }
}
