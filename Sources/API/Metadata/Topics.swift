import Metadata
import Server
import Wire

/// `/api/v1/metadata/topics`.
enum Topics {
    @Sendable static func create(_ exchange: Exchange) throws(Problem) {
        let topic = try exchange.decodeFields { json throws(JSONInputError) in try CreateTopic(json: json) }
        // Not a rule of the command: what is in a log already is applied.
        guard topic.partitionCount * topic.replicationFactor <= Limits.maxTopicReplicas else {
            throw Problem(
                .outOfRange,
                "`numPartitions` times `replicationFactor` must be at most \(Limits.maxTopicReplicas)")
        }
        exchange.submit(.createTopic(topic)) { result in
            guard case .topic(let topic, let partitions, let isNew) = result else {
                return exchange.answerUnexpected(result)
            }
            answer(topic, partitions, status: isNew ? 201 : 200, exchange)
        }
    }

    @Sendable static func delete(_ exchange: Exchange) throws(Problem) {
        exchange.submit(.deleteTopic(name: try name(exchange))) { _ in exchange.answer(status: 204) }
    }

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            let names = view.metadata.topicNames
            exchange.answerJSON(
                stream: JSONStream.body(
                    .one { $0.beginArray() }, .each(names) { name in [.write { $0.value(name) }] },
                    .one { $0.endArray() }))
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let name = try name(exchange)
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            guard let (topic, partitions) = view.metadata.topic(name) else {
                return exchange.answer(.unknownTopic(name))
            }
            answer(topic, partitions, status: 200, exchange)
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
