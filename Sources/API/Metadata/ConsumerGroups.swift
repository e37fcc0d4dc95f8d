import Metadata
import Server
import Wire

/// `/api/v1/metadata/consumer-groups`: which broker coordinates the consumers of an application that read a topic.
enum ConsumerGroups {
    @Sendable static func findOrCreate(_ exchange: Exchange) throws(Problem) {
        let command = try exchange.decodeFields { json throws(JSONInputError) in try GroupCommand.find(json: json) }
        submit(command, exchange) { Problem($0) }
    }

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            // Whoever reads slowly holds nothing of the keys.
            let metadata = view.metadata.withoutKeys
            exchange.answerJSON(
                headers: Exchange.tag(metadata.counters.version),
                stream: JSONStream.body(
                    .array(
                        .each(metadata.allGroups) { group in
                            [.write { $0.value(group, leader: metadata.broker(group.leader)) }]
                        })))
        }
    }

    @Sendable static func get(_ exchange: Exchange) throws(Problem) {
        let id = try id(exchange)
        exchange.read(try exchange.query.consistency(default: .stale)) { view in
            guard let group = view.metadata.group(id) else { return exchange.answer(.unknownGroup(id)) }
            exchange.answerJSON { $0.value(group, leader: view.metadata.broker(group.leader)) }
        }
    }

    @Sendable static func delete(_ exchange: Exchange) throws(Problem) {
        submit(.delete(try id(exchange), by: try broker("brokerId", exchange)), exchange) { Problem($0) }
    }

    @Sendable static func reassignLeader(_ exchange: Exchange) throws(Problem) {
        submit(.move(try id(exchange), to: try broker("newLeaderBrokerId", exchange)), exchange) { refusal in
            let problem = Problem(refusal)
            // What the request names, and not what its path does, is not there.
            return problem.code.status == 404 ? Problem(.invalidParameter, problem.detail) : problem
        }
    }

    private static func submit(
        _ command: GroupCommand, _ exchange: Exchange, _ problem: @escaping @Sendable (Refusal) -> Problem
    ) {
        exchange.service.change(.group(command)) { result in
            switch result {
            case .success(.refused(let refusal)): exchange.answer(problem(refusal))
            case .success(.group(let group, let leader)): exchange.answerJSON { $0.value(group, leader: leader) }
            case .success(.done): exchange.answer(status: 200)
            case .success(let other): exchange.answerUnexpected(other)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    /// An id that no group can have is that of an unknown one.
    private static func id(_ exchange: Exchange) throws(Problem) -> String {
        guard let bytes = PercentDecoding.decode(exchange.tail), let id = String(validating: bytes, as: UTF8.self)
        else {
            throw Problem(.invalidParameter, "the group's id in the path is not percent-encoded UTF-8")
        }
        guard Limits.isGroupID(id) else { throw Problem(.unknownGroup(id)) }
        return id
    }

    private static func broker(_ name: String, _ exchange: Exchange) throws(Problem) -> BrokerID {
        let range = UInt64(Limits.id.lowerBound)...UInt64(Limits.id.upperBound)
        guard let id = try exchange.query.integer(name, in: range) else {
            throw Problem(.invalidParameter, "parameter `\(name)` is missing")
        }
        return BrokerID(id)
    }
}

extension JSONWriter {
    /// Nothing is ever added: brokers refuse what they do not know.
    fileprivate mutating func value(_ group: ConsumerGroup, leader: Broker?) {
        object { json in
            json.field("groupId", group.id)
            json.field("topic", group.topic)
            json.field("appId", group.appID)
            json.field("groupLeaderBrokerId", group.leader)
            json.field("groupLeaderUrl", leader.map { "http://\($0.address)" })
            json.field("createdAt", group.createdAt)
            json.field("lastModifiedAt", group.modifiedAt)
        }
    }

    /// Whoever follows the changes knows the brokers, and where they are.
    mutating func value(followed group: ConsumerGroup) {
        object { json in
            json.field("groupId", group.id)
            json.field("topic", group.topic)
            json.field("appId", group.appID)
            json.field("groupLeaderBrokerId", group.leader)
            json.field("createdAt", group.createdAt)
            json.field("lastModifiedAt", group.modifiedAt)
        }
    }
}
