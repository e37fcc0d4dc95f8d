import Metadata

/// A state machine with short words for what tests do to it.
struct Machine {
    var state = MetadataStateMachine()
    var time: Int64 = 1000

    @discardableResult
    mutating func apply(_ command: Command) -> Outcome { state.apply(command, timestamp: time) }

    @discardableResult
    mutating func register(_ id: BrokerID, host: String? = nil, rack: String? = nil) -> Outcome {
        apply(.registerBroker(RegisterBroker(id: id, host: host ?? "host\(id)", port: 9092, rack: rack)))
    }

    @discardableResult
    mutating func setStatus(_ id: BrokerID, _ status: BrokerStatus) -> Outcome {
        apply(.updateBrokerStatus(UpdateBrokerStatus(id: id, status: status, timestamp: time)))
    }

    @discardableResult
    mutating func create(
        _ topic: String, partitions: Int = 1, replicas: Int = 1, id: TopicID? = nil
    ) -> Outcome {
        apply(.createTopic(CreateTopic(name: topic, partitionCount: partitions, replicationFactor: replicas, id: id)))
    }

    @discardableResult
    mutating func setInSync(_ broker: BrokerID, _ isInSync: Bool, _ topic: String, _ partition: Int = 0) -> Outcome {
        let change = UpdateInSyncReplicas.Change(topic: topic, partition: partition, isInSync: isInSync)
        return apply(.updateInSyncReplicas(UpdateInSyncReplicas(broker: broker, changes: [change])))
    }

    @discardableResult
    mutating func put(_ key: String, _ value: String = "", _ precondition: Precondition = .none) -> Outcome {
        apply(.put(Put(key: Key(key), value: Array(value.utf8), precondition: precondition)))
    }

    @discardableResult
    mutating func delete(_ key: String, recursive: Bool = false, _ precondition: Precondition = .none) -> Outcome {
        apply(.delete(Delete(key: Key(key), isRecursive: recursive, precondition: precondition)))
    }

    func partition(_ topic: String, _ id: Int = 0) -> Partition { state.topic(topic)!.1[id] }

    var rows: [Row] {
        var rows: [Row] = []
        state.forEachRow { rows.append($0) }
        return rows
    }
}

extension Key {
    init(_ text: String) { self.init(validated: Array(text.utf8)) }
}

extension Outcome {
    var refusal: Refusal? {
        if case .refused(let refusal) = result { refusal } else { nil }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers from the same seed everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }
}
