import Metadata
import Server
import Wire

/// `/api/v1/metadata/topics`.
enum Topics {
    @Sendable static func create(_ exchange: Exchange) throws(Problem) {
        let topic = try exchange.decodeFields { json throws(JSONInputError) in try CreateTopic(json: json) }
        try check(topic)
        var creation = topic
        creation.id = TopicID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
        exchange.submit(.createTopic(creation)) { result in
            guard case .topic(let topic, let partitions, let isNew) = result else {
                return exchange.answerUnexpected(result)
            }
            answer(topic, partitions, status: isNew ? 201 : 200, exchange)
        }
    }

    /// `POST /topics/{name}/partitions`: more of them.
    @Sendable static func addPartitions(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        let creation = try exchange.decodeFields { json throws(JSONInputError) in
            try CreatePartitions(topic: name, json: json)
        }
        exchange.change(.createPartitions(creation)) { result in
            guard case .topic(let topic, let partitions, _) = result else { return exchange.answerUnexpected(result) }
            answer(topic, partitions, status: 200, exchange)
        }
    }

    /// Not a rule of the command: what is in a log already is applied.
    static func check(_ topic: CreateTopic) throws(Problem) {
        guard topic.partitionCount * topic.replicationFactor <= Topic.maximumReplicas else {
            throw Problem(
                .outOfRange,
                "`numPartitions` times `replicationFactor` must be at most \(Topic.maximumReplicas)")
        }
    }

    @Sendable static func delete(_ exchange: Exchange) throws(Problem) {
        let (name, id) = (try name(exchange), try exchange.query.text("topicId"))
        let wanted = id.flatMap { TopicID($0) }
        guard id == nil || wanted != nil else {
            throw Problem(.invalidParameter, "parameter `topicId` must be 32 hexadecimal digits in lower case")
        }
        exchange.submit(.deleteTopic(DeleteTopic(name, id: wanted))) { _ in exchange.answer(status: 204) }
    }

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        let consistency = try exchange.query.consistency(default: .stale)
        if try exchange.query.isFullView(with: "prefix", "limit", "after") {
            return try listFully(consistency, exchange)
        }
        exchange.read(consistency) { view in
            let names = view.metadata.topicNames
            exchange.answerJSON(
                stream: JSONStream.body(.array(.each(names) { name in [.write { $0.value(name) }] })))
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        let consistency = try exchange.query.consistency(default: .stale)
        if try exchange.query.isFullView(with: "from", "limit") { return try getFully(name, consistency, exchange) }
        exchange.read(consistency) { view in
            guard let (topic, partitions) = view.metadata.topic(name) else {
                return exchange.answer(.unknownTopic(name))
            }
            answer(topic, partitions, status: 200, exchange)
        }
    }

    private static let defaultLimit: UInt64 = 1000

    /// With counts in place of partitions, by pages.
    private static func listFully(_ consistency: Consistency, _ exchange: Exchange) throws(Problem) {
        let limit = Int(try exchange.query.integer("limit", in: Partitions.limits) ?? defaultLimit)
        let (prefix, after) = (try exchange.query.text("prefix") ?? "", try exchange.query.text("after"))
        exchange.read(consistency) { view in
            let found = view.metadata.topics(prefix: prefix, after: after, limit: limit + 1)
            let page = found.prefix(limit)
            exchange.answerJSON(
                headers: Exchange.tag(view.metadata.counters.version),
                stream: JSONStream.body(
                    .object(
                        .array("topics", .each(page) { rows in [.write { $0.summary(of: rows) }] }),
                        .one { $0.field("next", found.count > limit ? page.last?.topic.name : nil) })))
        }
    }

    /// With its partitions as operators see them, by pages.
    private static func getFully(
        _ name: String, _ consistency: Consistency, _ exchange: Exchange
    ) throws(Problem) {
        let limit = Int(try exchange.query.integer("limit", in: Partitions.limits) ?? Partitions.defaultLimit)
        let from = Int(try exchange.query.integer("from", in: 0...UInt64(Topic.partitionCounts.upperBound)) ?? 0)
        exchange.read(consistency) { view in
            guard let (topic, partitions) = view.metadata.topic(name) else {
                return exchange.answer(.unknownTopic(name))
            }
            let page = partitions.dropFirst(from).prefix(limit)
            let next = from + page.count
            exchange.answerJSON(
                headers: Exchange.tag(view.metadata.counters.version),
                stream: JSONStream.body(
                    .object(
                        .one { json in
                            json.fields(of: topic)
                            json.field("topicId", topic.id.description)
                        },
                        .array(
                            "partitions",
                            .each(page) { partition in [.write { $0.fullValue(partition, in: topic) }] }),
                        .one { $0.field("next", next < partitions.count ? next : nil) })))
        }
    }

    private static func answer(_ topic: Topic, _ partitions: [Partition], status: Int, _ exchange: Exchange) {
        exchange.answerJSON(status: status, stream: JSONStream.body(JSONStream.topics([(topic, partitions)])))
    }

    /// A name that no topic can have is the name of an unknown topic.
    private static func name(_ exchange: Exchange) throws(Problem) -> String {
        guard let bytes = PercentDecoding.decode(exchange.tail), let name = String(validating: bytes, as: UTF8.self)
        else { throw Problem(.invalidParameter, "the topic's name in the path is not percent-encoded UTF-8") }
        guard Topic.isValidName(name) else { throw Problem(.unknownTopic(name)) }
        return name
    }
}
