import Metadata

// What the log's payloads and the clients' requests have in common: the same fields under the same names and rules.

extension JSONObject {
    /// A topic's name (1 to 249 of `A-Za-z0-9._-`, not `.` or `..`).
    public func topicName(_ name: String) throws(JSONInputError) -> String {
        let topic = try string(name)
        do throws(TopicNameError) {
            try Topic.validateName(topic)
        } catch {
            throw JSONInputError(code: .outOfRange, field: name, problem: "is no topic name: \(error)")
        }
        return topic
    }

    public func counterIfPresent(_ name: String) throws(JSONInputError) -> UInt64? {
        try integerIfPresent(name, in: Limits.counter).map { UInt64($0) }
    }

    /// 32 hexadecimal digits.
    public func drawnIDIfPresent(_ name: String) throws(JSONInputError) -> String? {
        guard let id = try stringIfPresent(name) else { return nil }
        guard Limits.isDrawnID(id) else {
            throw JSONInputError(
                code: .outOfRange, field: name, problem: "must be 32 hexadecimal digits in lower case")
        }
        return id
    }

    /// 32 hexadecimal digits.
    public func topicIDIfPresent(_ name: String) throws(JSONInputError) -> TopicID? {
        try drawnIDIfPresent(name).flatMap { TopicID($0) }
    }

    /// How a broker hears of changes: `push`, the default, or `fetch`.
    public func fetchesIfPresent(_ name: String) throws(JSONInputError) -> Bool {
        switch try stringIfPresent(name) {
        case nil, "push": return false
        case "fetch": return true
        default: throw JSONInputError(code: .outOfRange, field: name, problem: "must be push or fetch")
        }
    }

    /// Of a leader or of a partition.
    public func epochIfPresent(_ name: String) throws(JSONInputError) -> Int? {
        try integerIfPresent(name, in: 0...Limits.counter.upperBound).map { Int($0) }
    }

    fileprivate func label(_ name: String) throws(JSONInputError) -> String? {
        guard let label = try stringIfPresent(name) else { return nil }
        guard Limits.isLabel(label) else {
            throw JSONInputError(
                code: .outOfRange, field: name,
                problem: "must be 1 to \(Limits.maxNameBytes) bytes without control characters")
        }
        return label
    }
}

extension RegisterBroker {
    /// `id` is taken for `brokerId`.
    public init(json: JSONObject) throws(JSONInputError) {
        let id = try json.integer("brokerId", or: "id", in: Limits.id)
        let host = try json.string("host")
        guard Limits.isHost(host) else {
            throw JSONInputError(
                code: .outOfRange, field: "host",
                problem: "must be a host name or an address of 1 to \(Limits.maxNameBytes) characters")
        }
        let port = try json.integer("port", in: Limits.port)
        self.init(id: id, host: host, port: Int(port), rack: try json.label("rack"))
    }
}

extension CreateTopic {
    /// `partitionCount` is taken for `numPartitions`.
    public init(json: JSONObject) throws(JSONInputError) {
        let name = try json.topicName("topicName")
        let assignments = try json.assignmentsIfPresent("assignments")
        let count = try json.integer(
            "numPartitions", or: "partitionCount", in: Limits.partitionCount, implied: assignments?.count)
        let factor = try json.integer(
            "replicationFactor", in: Limits.replicationFactor, implied: assignments?.first?.count)
        let configuration = try json.objectIfPresent("config") { json throws(JSONInputError) in
            try TopicConfiguration(json: json)
        }
        self.init(
            name: name, partitionCount: Int(count), replicationFactor: Int(factor),
            configuration: configuration ?? TopicConfiguration(), assignments: assignments)
    }
}

extension CreatePartitions {
    public init(topic: String, json: JSONObject) throws(JSONInputError) {
        let count = try json.integer("numPartitions", or: "partitionCount", in: Limits.partitionCount)
        self.init(
            topic: topic, partitionCount: Int(count), assignments: try json.assignmentsIfPresent("assignments"))
    }
}

extension JSONObject {
    /// The number that a list says, if it is not said itself.
    fileprivate func integer(
        _ name: String, or alias: String? = nil, in range: ClosedRange<Int64>, implied: Int?
    ) throws(JSONInputError) -> Int64 {
        guard let implied, find(name, alias) == nil else { return try integer(name, or: alias, in: range) }
        guard range.contains(Int64(implied)) else {
            throw JSONInputError(
                code: .outOfRange, field: "assignments",
                problem: "would be \(implied) for `\(name)`, which must be \(range.lowerBound) to \(range.upperBound)")
        }
        return Int64(implied)
    }

    /// Of each partition the ids of its brokers.
    fileprivate func assignmentsIfPresent(_ name: String) throws(JSONInputError) -> [[BrokerID]]? {
        guard let lists = try integerArraysIfPresent(name) else { return nil }
        let count = lists.reduce(0) { $0 + $1.count }
        guard count <= Topic.maximumReplicas, lists.allSatisfy({ $0.allSatisfy(Limits.id.contains) }) else {
            throw JSONInputError(
                code: .outOfRange, field: name,
                problem: "must be lists of ids of brokers, \(Topic.maximumReplicas) together at most")
        }
        return lists
    }
}

extension JSONWriter {
    mutating func field(_ name: StaticString, _ assignments: [[BrokerID]]) {
        arrayField(name) { json in
            for replicas in assignments { json.array { json in for id in replicas { json.value(id) } } }
        }
    }
}

extension TopicConfiguration {
    /// What is absent has its default.
    public init(json: JSONObject) throws(JSONInputError) {
        self.init()
        retentionMs = try json.integerIfPresent("retentionMs", in: Limits.retention) ?? retentionMs
        retentionBytes = try json.integerIfPresent("retentionBytes", in: Limits.retention) ?? retentionBytes
        segmentBytes = try json.integerIfPresent("segmentBytes", in: Limits.segmentBytes) ?? segmentBytes
        compressionType = try json.label("compressionType") ?? compressionType
        let replicas = try json.integerIfPresent("minInsyncReplicas", in: Limits.replicationFactor)
        minInsyncReplicas = replicas.map { Int($0) } ?? minInsyncReplicas
    }
}

extension JSONWriter {
    public mutating func value(_ configuration: TopicConfiguration) {
        object { json in
            json.field("retentionMs", configuration.retentionMs)
            json.field("retentionBytes", configuration.retentionBytes)
            json.field("segmentBytes", configuration.segmentBytes)
            json.field("compressionType", configuration.compressionType)
            json.field("minInsyncReplicas", configuration.minInsyncReplicas)
        }
    }
}
