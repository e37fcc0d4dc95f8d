import HTTP
import Metadata
import Server
import Wire

/// An error as etcd's clients know it: a text that they compare, and a code of gRPC.
struct EtcdError: Error, Equatable {
    enum Code: Int {
        case unknown = 2
        case invalidArgument = 3
        case notFound = 5
        case permissionDenied = 7
        case resourceExhausted = 8
        case failedPrecondition = 9
        case outOfRange = 11
        case unavailable = 14
        case unauthenticated = 16

        var status: Int {
            switch self {
            case .unknown: 500
            case .invalidArgument, .failedPrecondition, .outOfRange: 400
            case .notFound: 404
            case .permissionDenied: 403
            case .resourceExhausted: 429
            case .unavailable: 503
            case .unauthenticated: 401
            }
        }

        var statusText: String {
            switch self {
            case .unknown: "Internal Server Error"
            case .invalidArgument, .failedPrecondition, .outOfRange: "Bad Request"
            case .notFound: "Not Found"
            case .permissionDenied: "Forbidden"
            case .resourceExhausted: "Too Many Requests"
            case .unavailable: "Service Unavailable"
            case .unauthenticated: "Unauthorized"
            }
        }
    }

    let text: String
    let code: Code

    init(_ text: String, _ code: Code) { (self.text, self.code) = (text, code) }

    static let keyMissing = EtcdError("etcdserver: key is not provided", .invalidArgument)
    static let keyNotFound = EtcdError("etcdserver: key not found", .invalidArgument)
    static let valueProvided = EtcdError("etcdserver: value is provided", .invalidArgument)
    static let leaseProvided = EtcdError("etcdserver: lease is provided", .invalidArgument)
    static let duplicateKey = EtcdError("etcdserver: duplicate key given in txn request", .invalidArgument)
    static let tooManyOperations = EtcdError("etcdserver: too many operations in txn request", .invalidArgument)
    static let tooLarge = EtcdError("etcdserver: request is too large", .invalidArgument)
    static let invalidSort = EtcdError("etcdserver: invalid sort option", .invalidArgument)
    static let leaseNotFound = EtcdError("etcdserver: requested lease not found", .notFound)
    static let leaseExists = EtcdError("etcdserver: lease already exists", .failedPrecondition)
    static let leaseTTLTooLarge = EtcdError("etcdserver: too large lease TTL", .outOfRange)
    static let compacted = EtcdError("etcdserver: mvcc: required revision has been compacted", .outOfRange)
    static let future = EtcdError("etcdserver: mvcc: required revision is a future revision", .outOfRange)
    static let noLeader = EtcdError("etcdserver: no leader", .unavailable)
    static let leaderChanged = EtcdError("etcdserver: leader changed", .unavailable)
    static let timedOut = EtcdError("etcdserver: request timed out", .unavailable)
    static let tooManyRequests = EtcdError("etcdserver: too many requests", .unavailable)

    init(_ refusal: Refusal) {
        self =
            switch refusal {
            case .unknownKey: .keyNotFound
            case .unknownLease: .leaseNotFound
            case .leaseExists: .leaseExists
            case .revisionCompacted: .compacted
            case .futureRevision: .future
            case .tooManyLeases(let limit):
                EtcdError("etcdserver: there are \(limit) leases, as many as may be", .resourceExhausted)
            case .leaseIsFull(_, let limit):
                EtcdError("etcdserver: \(limit) keys have the lease, as many as may have", .resourceExhausted)
            default: EtcdError("etcdserver: \(refusal)", .unknown)
            }
    }

    init(_ fault: RevisionFault) {
        if case .compacted = fault { self = .compacted } else { self = .future }
    }

    init(_ failure: RequestFailure) {
        self =
            switch failure {
            case .notLeader(nil): .noLeader
            case .notLeader: .leaderChanged
            case .outcomeUnknown: .timedOut
            case .overloaded: .tooManyRequests
            case .tooManyRows(let limit):
                EtcdError(
                    "etcdserver: more than \(limit) keys are in the range; delete them part by part", .invalidArgument)
            case .commandTooLarge, .tooManyReplicas: EtcdError("etcdserver: request is too large", .invalidArgument)
            case .levelTooLow(let needed):
                EtcdError("etcdserver: this needs level \(needed) of metadata.version", .failedPrecondition)
            case .unavailable(let reason): EtcdError("etcdserver: server stopped: \(reason)", .unavailable)
            }
    }

    init(_ flaw: TransactionFlaw) {
        if case .keyChangedTwice = flaw { self = .duplicateKey } else { self = .tooManyOperations }
    }
}

extension Exchange {
    /// Of a unary call.
    func answer(_ error: EtcdError) {
        answerJSON(status: error.code.status) { json in
            json.object { json in
                json.field("error", error.text)
                json.field("message", error.text)
                json.field("code", error.code.rawValue)
            }
        }
    }

    /// What needs the leader is passed on to it; any node takes any request.
    func answerEtcd(_ failure: RequestFailure, isStream: Bool = false) {
        let refuse: @Sendable (RequestFailure) -> Void = { [self] failure in
            let error = EtcdError(failure)
            isStream ? answer(EtcdStream.head(error)) : answer(error)
        }
        if case .notLeader(let leader) = failure, mayBeForwarded,
            forward(to: leader, timeout: EtcdGateway.forwardTimeout, isStream: isStream, failed: refuse)
        {
            return
        }
        refuse(failure)
    }

    func submitEtcd(_ command: Command, _ answer: @escaping @Sendable (CommandResult) -> Void) {
        service.submit(command) { [self] result in
            switch result {
            case .success(.refused(let refusal)): self.answer(EtcdError(refusal))
            case .success(let result): answer(result)
            case .failure(let failure): answerEtcd(failure)
            }
        }
    }

    func readEtcd(_ consistency: Consistency, _ look: @escaping @Sendable (NodeView) -> Void) {
        service.read(consistency) { [self] result in
            switch result {
            case .success(let view): look(view)
            case .failure(let failure): answerEtcd(failure)
            }
        }
    }
}

extension EtcdGateway {
    /// A client tries the next node after some seconds.
    static let forwardTimeout: Duration = .seconds(3)
}
