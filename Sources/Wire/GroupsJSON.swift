import Metadata

// What is asked of consumer groups, and ids for producers, in the log as in requests.

extension GroupCommand {
    /// Its name in the log.
    var type: String {
        switch self {
        case .find: CommandType.findGroup
        case .move: CommandType.moveGroup
        case .delete: CommandType.deleteGroup
        }
    }

    /// The names that the group of a request is found by.
    public static func find(json: JSONObject) throws(JSONInputError) -> GroupCommand {
        let topic = try json.topicName("topic")
        let appID = try json.string("appId")
        guard ConsumerGroup.isValidAppID(appID) else {
            throw JSONInputError(
                code: .outOfRange, field: "appId",
                problem: "must be 1 to \(ConsumerGroup.maximumAppIDLength) of printable ASCII, and not blank")
        }
        return .find(topic: topic, appID: appID)
    }

    static func move(json: JSONObject) throws(JSONInputError) -> GroupCommand {
        .move(try json.groupID(), to: try json.integer("newLeaderBrokerId", in: Limits.id))
    }

    static func delete(json: JSONObject) throws(JSONInputError) -> GroupCommand {
        .delete(try json.groupID(), by: try json.integer("brokerId", in: Limits.id))
    }
}

extension AllocateProducerIDs {
    public init(json: JSONObject) throws(JSONInputError) {
        self.init(
            broker: try json.integer("brokerId", in: Limits.id), epoch: try json.counterIfPresent("brokerEpoch"),
            count: UInt64(try json.integerIfPresent("count", in: Self.counts) ?? Self.defaultCount))
    }
}

extension JSONObject {
    fileprivate func groupID() throws(JSONInputError) -> String {
        let id = try string("groupId")
        guard Limits.isGroupID(id) else {
            throw JSONInputError(code: .outOfRange, field: "groupId", problem: "is none that a group can have")
        }
        return id
    }
}

extension JSONWriter {
    mutating func fields(of command: GroupCommand) {
        switch command {
        case .find(let topic, let appID):
            field("topic", topic)
            field("appId", appID)
        case .move(let id, let broker):
            field("groupId", id)
            field("newLeaderBrokerId", broker)
        case .delete(let id, let broker):
            field("groupId", id)
            field("brokerId", broker)
        }
    }
}
