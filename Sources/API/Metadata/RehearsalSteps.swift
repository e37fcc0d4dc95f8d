import Metadata
import Server
import Wire

/// A step of a rehearsal as it is asked for: an object with one field, whose name says what happens.
struct RehearsalStep: Sendable {
    let name: String
    let step: Rehearsal.Step

    private typealias Kind = (
        name: String, read: @Sendable (JSONObject) throws(JSONInputError) -> Rehearsal.Step?
    )

    /// Each reads its field; `nil` where there is none. What is a command like any other is one line.
    private static let kinds: [Kind] = [
        ("lose", { json throws(JSONInputError) in try json.brokersIfPresent("lose").map { .lose($0) } }),
        ("return", { json throws(JSONInputError) in try json.brokersIfPresent("return").map { .bringBack($0) } }),
        ("elect", { json throws(JSONInputError) in try json.electionIfPresent("elect") }),
        command("createTopic") { json throws(JSONInputError) in .createTopic(try CreateTopic(json: json)) },
        command("deleteTopic") { json throws(JSONInputError) in
            .deleteTopic(DeleteTopic(try json.topicName("topicName"), id: try json.topicIDIfPresent("topicId")))
        },
        command("reassign") { json throws(JSONInputError) in
            .alterReassignments(try AlterReassignments(json: json))
        },
        command("addPartitions") { json throws(JSONInputError) in
            .createPartitions(try CreatePartitions(topic: try json.topicName("topicName"), json: json))
        },
    ]

    private static func command(
        _ name: String, _ read: @escaping @Sendable (JSONObject) throws(JSONInputError) -> Command
    ) -> Kind {
        (name, { json throws(JSONInputError) in try json.objectIfPresent(name, read).map { .command($0) } })
    }

    init(json: JSONObject) throws(JSONInputError) {
        var found: RehearsalStep?
        for kind in Self.kinds {
            guard let step = try kind.read(json) else { continue }
            guard found == nil else {
                throw JSONInputError(code: .outOfRange, field: kind.name, problem: "must be a step of its own")
            }
            found = RehearsalStep(name: kind.name, step: step)
        }
        guard let found else {
            let names = Self.kinds.map(\.name).joined(separator: ", ")
            throw JSONInputError(
                code: .missingField, field: Self.kinds[0].name, problem: "or one of \(names) is missing")
        }
        self = found
    }

    private init(name: String, step: Rehearsal.Step) { (self.name, self.step) = (name, step) }
}

extension JSONObject {
    /// `{"brokers":[101,102]}` or `{"rack":"a"}`
    fileprivate func brokersIfPresent(_ name: String) throws(JSONInputError) -> BrokerSelection? {
        try objectIfPresent(name) { json throws(JSONInputError) in
            guard let ids = try json.integersIfPresent("brokers") else { return .rack(try json.string("rack")) }
            guard ids.allSatisfy(Limits.id.contains), (1...StopChecks.maximumBrokers).contains(ids.count) else {
                throw JSONInputError(
                    code: .outOfRange, field: "brokers",
                    problem: "must be 1 to \(StopChecks.maximumBrokers) ids of brokers")
            }
            return .listed(ids)
        }
    }

    fileprivate func electionIfPresent(_ name: String) throws(JSONInputError) -> Rehearsal.Step? {
        guard let type = try stringIfPresent(name) else { return nil }
        guard type == "preferred" else {
            throw JSONInputError(code: .outOfRange, field: name, problem: "must be preferred")
        }
        return .electPreferred
    }
}
