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
        let count = try json.integer("numPartitions", or: "partitionCount", in: Limits.partitionCount)
        let factor = try json.integer("replicationFactor", in: Limits.replicationFactor)
        let configuration = try json.objectIfPresent("config") { json throws(JSONInputError) in
            try TopicConfiguration(json: json)
        }
        self.init(
            name: name, partitionCount: Int(count), replicationFactor: Int(factor),
            configuration: configuration ?? TopicConfiguration())
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
