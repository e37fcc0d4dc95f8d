import Metadata
import Server
import Wire

/// `POST /elections`: leaders go back to the first of the replicas.
enum Elections {
    @Sendable static func elect(_ exchange: Exchange) throws(Problem) {
        let request = try exchange.decodeFields { json throws(JSONInputError) in try ElectLeadersRequest(json: json) }
        guard !exchange.validatesOnly else { return validate(request, exchange) }
        exchange.service.electLeaders(request) { result in
            switch result {
            case .success(let outcome): answer(outcome, exchange)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    private static func validate(_ request: ElectLeadersRequest, _ exchange: Exchange) {
        exchange.fork(.linearizable) { state in
            let (election, isMore) = state.election(request)
            exchange.settle(exchange.attempt(.electLeaders(election), on: &state)) { result in
                answer(ElectLeadersOutcome(election, result, isMore: isMore), exchange)
            }
        }
    }

    private static func answer(_ outcome: ElectLeadersOutcome, _ exchange: Exchange) {
        let items = zip(outcome.election.partitions, outcome.results).map {
            PartitionItem(topic: .name($0.topic), partition: $0.partition, result: $1)
        }
        let changed = outcome.results.count { if case .success = $0.partition { true } else { false } }
        exchange.answerJSON(
            headers: Exchange.tag(outcome.version),
            stream: JSONStream.body(
                .object(
                    .one { json in
                        json.field("version", outcome.version)
                        json.field("changed", changed)
                        json.field("more", outcome.isMore)
                    }, .array("results", PartitionItem.steps(items)))))
    }
}

extension ElectLeadersRequest {
    /// Without `topics` all partitions.
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        guard try json.string("type") == "preferred" else {
            throw JSONInputError(code: .outOfRange, field: "type", problem: "must be preferred")
        }
        let topics = try json.objectsIfPresent("topics") { json throws(JSONInputError) in try Self.places(json) }
        guard let places = topics?.flatMap({ $0 }) else {
            self = .all
            return
        }
        guard places.count <= Limits.maxElections else {
            throw JSONInputError(
                code: .outOfRange, field: "topics", problem: "must name at most \(Limits.maxElections) partitions")
        }
        self = .listed(ElectLeaders(places))
    }

    private static func places(_ json: JSONObject) throws(JSONInputError) -> [ElectLeaders.Place] {
        let name = try json.topicName("topic")
        guard let ids = try json.integersIfPresent("partitions") else { throw .missing("partitions") }
        guard ids.allSatisfy(Limits.partition.contains) else {
            throw JSONInputError(code: .outOfRange, field: "partitions", problem: "must be numbers of partitions")
        }
        return ids.map { ElectLeaders.Place(topic: name, partition: Int($0)) }
    }
}
