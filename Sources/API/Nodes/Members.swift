import HTTP
import Metadata
import Raft
import Server
import Wire

/// `/api/v1/raft/members`: who is a member of the cluster. Looked at on any node, changed on the leader.
enum Members {
    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        exchange.service.membership { view in
            exchange.answerJSON(
                headers: Exchange.tag(view.configurationIndex.number), capacity: 1024
            ) { write(view, to: &$0) }
        }
    }

    /// `{"id":4,"host":"node4","port":9091,"url":"http://…","learner":false}`
    @Sendable static func add(_ exchange: Exchange) throws(Problem) {
        let options = try Options(exchange.query)
        let (member, isLearner) = try exchange.decodeFields { json throws(JSONInputError) in
            (try Member(json: json, id: try json.nodeID("id")), try json.boolIfPresent("learner") ?? false)
        }
        carryOut(options.request(.add(member, asLearner: isLearner)), exchange)
    }

    /// `{"voters":[1,2,3]}`
    @Sendable static func setVoters(_ exchange: Exchange) throws(Problem) {
        let options = try Options(exchange.query)
        let voters = try exchange.decodeFields { json throws(JSONInputError) in try json.nodeIDs("voters") }
        carryOut(options.request(.setVoters(voters)), exchange)
    }

    @Sendable static func remove(_ exchange: Exchange) throws(Problem) {
        let options = try Options(exchange.query)
        let (id, verb) = try subject(exchange)
        guard verb == nil else { throw Problem(.methodNotAllowed, "only a member itself can be deleted") }
        carryOut(options.request(.remove(id)), exchange)
    }

    /// `POST …/{id}/promote`, `…/{id}/lead`, `…/{id}/replace` and `…/{id}/move` with the address of who takes the place, or is
    /// moved.
    @Sendable static func act(_ exchange: Exchange) throws(Problem) {
        let options = try Options(exchange.query)
        let (id, verb) = try subject(exchange)
        switch verb {
        case "promote": carryOut(options.request(.promote(id)), exchange)
        case "lead": carryOut(options.request(.transferLeadership(to: id)), exchange)
        case "replace":
            let member = try exchange.decodeFields { json throws(JSONInputError) in
                try Member(json: json, id: try json.nodeID("id"))
            }
            carryOut(options.request(.replace(id, by: member)), exchange)
        case "move":
            let member = try exchange.decodeFields { json throws(JSONInputError) in try Member(json: json, id: id) }
            carryOut(options.request(.move(member)), exchange)
        default: throw Problem(.unknownPath, "a member can be asked to promote, lead, replace or move")
        }
    }

    /// How a change is to be made.
    private struct Options {
        private let isForced: Bool
        private let isDryRun: Bool
        private let waits: Bool

        init(_ query: QueryParameters) throws(Problem) {
            isForced = try query.bool("force") ?? false
            isDryRun = try query.bool("dryRun") ?? false
            waits = try query.bool("wait") ?? false
        }

        func request(_ change: MembershipChange) -> MembershipRequest {
            MembershipRequest(change, isForced: isForced, isDryRun: isDryRun, waits: waits)
        }
    }

    static func carryOut(_ request: MembershipRequest, _ exchange: Exchange) {
        exchange.service.change(request) { result in
            switch result {
            case .success(let progress):
                exchange.service.membership { view in
                    var view = view
                    if exchange.validatesOnly { view.features.set(request.change) }
                    exchange.answerJSON(status: progress == .done ? 200 : 202, capacity: 1024) { write(view, to: &$0) }
                }
            case .failure(.notLeader(let leader)): exchange.answerNotLeader(leader)
            case .failure(.outcomeUnknown): exchange.answer(.outcomeUnknown)
            case .failure(.unavailable(let reason)): exchange.answer(.unavailable(reason))
            case .failure(.refused(let reason, let text)): exchange.answer(Problem(reason.code, text))
            }
        }
    }

    /// `{id}` or `{id}/{verb}` at the end of the path.
    private static func subject(_ exchange: Exchange) throws(Problem) -> (NodeID, verb: String?) {
        let parts = exchange.tail.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= 2, let first = parts.first, let number = UInt64(String(decoding: first, as: UTF8.self)),
            Limits.nodeID.contains(Int64(clamping: number))
        else { throw Problem(.invalidParameter, "the path must end in a node's id, 1 to 9999") }
        return (NodeID(number), parts.count == 2 ? String(decoding: parts[1], as: UTF8.self) : nil)
    }

    // Shapes

    static func write(_ view: MembershipView, to json: inout JSONWriter) {
        json.object { json in
            json.field("clusterId", view.clusterID)
            json.field("configurationIndex", view.configurationIndex.number)
            json.field("isCommitted", view.isCommitted)
            json.field("isJoint", view.isJoint)
            json.field("leaderId", view.leader?.number)
            json.field("lastLogIndex", view.lastIndex.number)
            json.field("operation", view.operation)
            json.field("failureTolerance", view.failureTolerance)
            json.arrayField("features") { json in
                for feature in view.features {
                    json.object { json in
                        json.field("name", feature.name)
                        json.field("level", UInt64(feature.level))
                    }
                }
            }
            json.arrayField("members") { json in for row in view.rows { write(row, to: &json) } }
        }
    }

    private static func write(_ row: MembershipView.Row, to json: inout JSONWriter) {
        json.object { json in
            json.field("id", row.member.id.number)
            json.field("role", row.member.role.rawValue)
            json.field("directoryId", row.member.directory?.description)
            json.field("host", row.member.host)
            json.field("port", UInt64(row.member.port))
            json.field("url", Member(row.member).url)
            json.field("matchIndex", row.matchIndex?.number)
            json.field("lastContactMs", row.lastContactMs)
            json.field("build", row.build)
            json.arrayField("features") { json in
                for feature in row.features {
                    json.object { json in
                        json.field("name", feature.name)
                        json.field("minLevel", UInt64(feature.levels.lowerBound))
                        json.field("maxLevel", UInt64(feature.levels.upperBound))
                    }
                }
            }
        }
    }
}

/// `/api/v1/metadata/features`: what all members have agreed to use (KIP-584).
enum Features {
    @Sendable static func list(_ exchange: Exchange) throws(Problem) { try Members.list(exchange) }

    /// `{"feature":"kraft.version","level":1}`
    @Sendable static func set(_ exchange: Exchange) throws(Problem) {
        let isDryRun = try exchange.query.bool("dryRun") ?? false
        let (name, level) = try exchange.decodeFields { json throws(JSONInputError) in
            (try json.string("feature"), try json.integer("level", in: 0...1000))
        }
        let isOnlyAsked = isDryRun || exchange.validatesOnly
        let request = MembershipRequest(.setFeature(name, level: Int(level)), isDryRun: isOnlyAsked, waits: true)
        guard exchange.validatesOnly else { return Members.carryOut(request, exchange) }
        // A leader that has lost its quorum does not know it yet.
        exchange.read(.linearizable) { _ in Members.carryOut(request, exchange) }
    }
}

extension [Configuration.Feature] {
    /// As they would be behind the change.
    fileprivate mutating func set(_ change: MembershipChange) {
        guard case .setFeature(let name, let level) = change, let place = firstIndex(where: { $0.name == name }) else {
            return
        }
        self[place].level = level
    }
}

extension MembershipFailure.Reason {
    fileprivate var code: ProblemCode {
        switch self {
        case .changeInProgress: .changeInProgress
        case .wouldLoseQuorum: .wouldLoseQuorum
        case .notCaughtUp: .notCaughtUp
        case .idInUse: .idInUse
        case .unknownMember: .unknownMember
        case .unreachable: .unreachable
        case .foreignCluster: .foreignCluster
        case .featureNotEnabled: .featureNotEnabled
        case .unsupportedLevel: .unsupportedFeatureLevel
        case .unknownFeature: .unknownFeature
        case .invalid: .outOfRange
        }
    }
}

extension MembershipView {
    /// How many voters may fail at once, for people who decide whether to stop one.
    var failureTolerance: UInt64 {
        let voters = rows.count { $0.member.role != .learner }
        return voters == 0 ? 0 : UInt64((voters - 1) / 2)
    }
}

extension JSONObject {
    fileprivate func nodeID(_ name: String) throws(JSONInputError) -> NodeID {
        NodeID(UInt64(try integer(name, in: Limits.nodeID)))
    }

    fileprivate func nodeIDs(_ name: String) throws(JSONInputError) -> [NodeID] {
        var ids: [NodeID] = []
        for number in try integersIfPresent(name) ?? [] where Limits.nodeID.contains(number) {
            ids.append(NodeID(UInt64(number)))
        }
        guard (1...Configuration.maximumVoters).contains(ids.count), Set(ids).count == ids.count else {
            throw JSONInputError(
                code: .outOfRange, field: name,
                problem: "must be 1 to \(Configuration.maximumVoters) node ids, each once")
        }
        return ids
    }
}

extension Member {
    fileprivate init(json: JSONObject, id: NodeID) throws(JSONInputError) {
        let host = try json.string("host")
        guard HostSyntax.isHost(host) else {
            throw JSONInputError(
                code: .outOfRange, field: "host", problem: "must be a host name or an address, without a port")
        }
        let port = UInt16(try json.integer("port", in: Limits.port))
        self.init(
            id: id, host: host, port: port, url: try json.stringIfPresent("url") ?? Member.url(host: host, port: port))
    }
}
