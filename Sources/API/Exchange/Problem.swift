import HTTP
import Metadata
import Server
import Wire

/// An error as clients see it: a problem document (RFC 9457) with a stable code.
struct Problem: Error, Equatable {
    var code: ProblemCode
    var detail: String
    /// Further header fields, such as `Allow`.
    var headers: [(name: String, value: String)] = []
    /// Further members of the document (RFC 9457 §3.2).
    var members: [(name: StaticString, value: UInt64)] = []
    var texts: [(name: StaticString, value: String)] = []

    init(
        _ code: ProblemCode, _ detail: String, headers: [(name: String, value: String)] = [],
        members: [(name: StaticString, value: UInt64)] = [], texts: [(name: StaticString, value: String)] = []
    ) {
        self.code = code
        self.detail = detail
        self.headers = headers
        self.members = members
        self.texts = texts
    }

    static func == (a: Self, b: Self) -> Bool { a.response == b.response }

    static let contentType = "application/problem+json"

    var response: HTTPResponse {
        var json = JSONWriter(capacity: 128 + detail.utf8.count)
        json.object(write)
        var fields = HTTPHeaders([(name: "Content-Type", value: Self.contentType)])
        for (name, value) in headers { fields.add(name, value) }
        return HTTPResponse(status: code.status, headers: fields, body: json.bytes)
    }

    func write(to json: inout JSONWriter) {
        json.field("status", code.status)
        json.field("title", Self.title(code.status))
        json.field("detail", detail)
        json.field("code", code.rawValue)
        for (name, value) in members { json.field(name, value) }
        for (name, value) in texts { json.field(name, value) }
    }

    /// The reason phrases of RFC 9110 §15, as RFC 9457 §4.2.1 wants them for problems without a type of their own.
    private static func title(_ status: Int) -> String {
        switch status {
        case 400: "Bad Request"
        case 403: "Forbidden"
        case 404: "Not Found"
        case 405: "Method Not Allowed"
        case 409: "Conflict"
        case 410: "Gone"
        case 412: "Precondition Failed"
        case 413: "Content Too Large"
        case 415: "Unsupported Media Type"
        case 421: "Misdirected Request"
        case 422: "Unprocessable Content"
        case 503: "Service Unavailable"
        case 504: "Gateway Timeout"
        case 507: "Insufficient Storage"
        default: "Internal Server Error"
        }
    }
}

extension Problem {
    private static let retryLater = [(name: "Retry-After", value: "1")]

    /// `remaining`: for so long the process that has the id may be alive.
    init(duplicate broker: Broker, remaining: Duration) {
        let seconds = remaining.components.seconds + 1
        self.init(
            .duplicateRegistration,
            "broker \(broker.id) is \(broker.state.rawValue) at \(broker.address), and its process may be alive; "
                + "it is free when that stops or is silent",
            headers: [(name: "Retry-After", value: "\(seconds)")])
    }

    /// Who is not the leader says so in another way.
    init(_ failure: RequestFailure) {
        switch failure {
        case .notLeader: preconditionFailure("not to lead is no problem")
        case .outcomeUnknown:
            self.init(.outcomeUnknown, "the outcome is not known in time; the change may still happen")
        case .overloaded: self.init(.overloaded, "too much work is waiting; nothing was done", headers: Self.retryLater)
        case .tooManyRows(let limit):
            self.init(.outOfRange, "more than \(limit) keys are below this one; delete them part by part")
        case .tooManyReplicas(let limit):
            self.init(
                .tooManyChanges,
                "these partitions have more than \(limit) replicas, as they are and as they are to be; move fewer at once"
            )
        case .commandTooLarge(let limit):
            self.init(.bodyTooLarge, "the log takes commands of at most \(limit) bytes; ask for less at once")
        case .levelTooLow(let needed):
            self.init(
                .featureNotEnabled,
                "this needs level \(needed) of metadata.version. Once all nodes run a release that has it: "
                    + "\"dmq-metadata feature upgrade metadata.version=\(needed)\"")
        case .unavailable(let reason): self.init(.unavailable, reason, headers: Self.retryLater)
        }
    }

    init(_ fault: RevisionFault) {
        switch fault {
        case .compacted(let oldest):
            self.init(
                .revisionCompacted, "the revision is not kept any more; the oldest that can be read is \(oldest)",
                members: [("oldestRevision", oldest)])
        case .future(let present):
            self.init(.futureRevision, "the present revision is \(present)", members: [("revision", present)])
        }
    }

    init(_ error: JSONInputError) {
        let code: ProblemCode =
            switch error.code {
            case .malformed: .invalidJSON
            case .missingField: .missingField
            case .wrongType: .invalidType
            case .outOfRange: .outOfRange
            }
        self.init(code, error.description)
    }

    init(_ refusal: Refusal) {
        switch refusal {
        case .brokerIDInUse(let broker):
            self.init(
                .brokerIDInUse,
                "broker \(broker.id) is ONLINE at \(broker.address); it can move only when it is OFFLINE")
        case .unknownBroker(let id): self.init(.unknownBroker, "broker \(id) is not registered")
        case .staleBrokerEpoch(let id, let present):
            self.init(
                .staleBrokerEpoch,
                "another process is registered as broker \(id)\(present.map { ", with epoch \($0)" } ?? "")")
        case .duplicateRegistration(let broker): self.init(duplicate: broker, remaining: .zero)
        case .brokerHasPartitions(let id, let count):
            self.init(
                .brokerHasPartitions, "broker \(id) is a replica of \(count) partitions; delete or move them first")
        case .maintenanceInProgress(let id):
            self.init(
                .maintenanceInProgress,
                "broker \(id) is in maintenance; end that first, or say that both may be (`force=true`)")
        case .notEnoughBrokers(let online, let wanted):
            self.init(
                .notEnoughBrokers,
                "the replication factor is \(wanted), but only \(online) brokers are ONLINE and may have new replicas")
        case .topicExists(let name): self.init(.topicExists, "topic \(name) exists with other parameters")
        case .unknownTopic(let name): self.init(.unknownTopic, "topic \(name) does not exist")
        case .topicIDMismatch(let name, let present):
            self.init(.topicIDMismatch, "topic \(name) is another one by now: \(present)")
        case .topicNameCollision(let name):
            self.init(
                .topicNameCollision,
                "there is a topic whose name differs from \(name) only in “.” and “_”, which brokers' metrics do not tell apart"
            )
        case .invalidPartitions(let name, let present):
            self.init(
                .invalidPartitions,
                "topic \(name) has \(present) partitions; it can only have more, and \(Topic.partitionCounts.upperBound) at most"
            )
        case .invalidReplicaAssignment(let flaw): self.init(.invalidReplicaAssignment, flaw)
        case .tooManyReplicas(let limit):
            self.init(.outOfRange, "the partitions of a topic have \(limit) replicas together at most")
        case .unknownKey(let key): self.init(.unknownKey, "key \(key) does not exist")
        case .revisionMismatch(let present?):
            self.init(
                .revisionMismatch, "the key is at revision \(present)",
                headers: [(name: "ETag", value: "\"\(present)\"")])
        case .revisionMismatch(nil): self.init(.revisionMismatch, "the key does not exist")
        case .revisionCompacted(let oldest): self.init(RevisionFault.compacted(oldest: oldest))
        case .futureRevision(let present): self.init(RevisionFault.future(present: present))
        case .unknownLease(let id): self.init(.unknownLease, "lease \(id) does not exist, or its time is up")
        case .leaseExists(let id): self.init(.leaseExists, "lease \(id) exists")
        case .tooManyLeases(let limit): self.init(.tooManyLeases, "there are \(limit) leases, as many as may be")
        case .leaseIsFull(let id, let limit):
            self.init(.leaseFull, "lease \(id) has \(limit) keys, as many as may go with one")
        case .unknownGroup(let id): self.init(.unknownGroup, "group \(id) does not exist")
        case .notGroupLeader(let id, let leader): self.init(.notGroupLeader, "group \(id) is led by broker \(leader)")
        case .groupIDCollision(let id):
            self.init(.groupIDCollision, "the id \(id) is that of another topic's group, whose names give the same")
        case .tooManyGroups(let limit): self.init(.tooManyGroups, "there are \(limit) groups, as many as may be")
        case .noGroupLeader:
            self.init(.unavailable, "no broker is ACTIVE that could lead the group", headers: Self.retryLater)
        case .brokerNotActive(let broker):
            self.init(
                .unavailable, "broker \(broker.id) is \(broker.state.rawValue), and can not lead",
                headers: Self.retryLater)
        case .producerIDsExhausted: self.init(.producerIDsExhausted, "so many ids for producers are not left")
        case .staleFence:
            self.init(.staleFence, "the token is not that of the lock's present holder; nothing was changed")
        case .invalidCommand: self.init(.invalidCommand, "the command was refused as malformed; nothing was changed")
        }
    }
}
