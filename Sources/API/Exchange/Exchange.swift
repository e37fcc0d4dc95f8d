import Dispatch
import HTTP
import Metadata
import Raft
import Server
import Synchronization
import Wire

/// One request and the promise of its answer.
final class Exchange: Sendable {
    /// Without its body, which is had by ``takeBody()``.
    let request: HTTPRequest
    let method: Method
    /// What the route's parameter stands for, still percent-encoded.
    let tail: ArraySlice<UInt8>
    private let body: Mutex<[UInt8]>
    /// Of a request that may be passed on.
    private let kept = Mutex<[UInt8]>([])
    private let route: Int?
    private let environment: Environment
    private let responder: HTTPResponder

    /// - Parameter route: the place in ``Routes/table``; `nil` for a path of no route.
    init(
        request: HTTPRequest, method: Method, route: Int?, tail: ArraySlice<UInt8>, environment: Environment,
        responder: HTTPResponder
    ) {
        var head = request
        body = Mutex(request.body)
        head.body = []
        self.request = head
        self.method = method
        self.tail = tail
        self.route = route
        self.environment = environment
        self.responder = responder
    }

    var service: any NodeService { environment.service }
    var peers: PeerConnections { environment.peers }
    var timers: DispatchQueue { environment.timers }
    var looking: DispatchQueue { environment.looking }
    var forks: ForkQueue { environment.forks }
    var rehearsals: ForkQueue { environment.rehearsals }
    /// Unix milliseconds.
    var now: Int64 { environment.now() }
    /// The requests answered so far, and the listener's figures, in Prometheus text format.
    var requestMetrics: String {
        environment.counters.text() + (environment.statistics.map { ConnectionMetrics.text($0()) } ?? "")
            + (environment.lostLogLines.map { ConnectionMetrics.text(lostLogLines: $0()) } ?? "")
    }
    /// What to say when requests and answers have used up their memory.
    var fullMemory: String? {
        guard let full = environment.statistics?().memory.first(where: { $0.used >= $0.limit }) else { return nil }
        return "the memory for requests and answers of \(full.holder) is used up (\(full.used) of \(full.limit) bytes)"
    }
    var query: QueryParameters { QueryParameters(request.query) }

    // MARK: Reading

    /// The request's body, once: it is not held any longer than it is needed.
    func takeBody() -> [UInt8] {
        let bytes = body.withLock { body in
            defer { body = [] }
            return body
        }
        if mayBeForwarded { kept.withLock { $0 = bytes } }
        return bytes
    }

    /// The body of a request that is passed on: it is needed once more.
    var keptBody: [UInt8] {
        let taken = kept.withLock { $0 }
        return taken.isEmpty ? body.withLock { $0 } : taken
    }

    var hasForwarder: Bool { environment.connections != nil }
    var forwardsAll: Bool { environment.forwardsAll || route == Routes.etcd }
    var connections: LeaderConnections? { environment.connections }

    /// The body as JSON, read by `read`. For endpoints that require one.
    func decodeBody<Value>(_ read: ([UInt8]) throws(JSONInputError) -> Value) throws(Problem) -> Value {
        // Without a type as well: a page can make a browser send that to anybody, but a type only with leave.
        guard let contentType = request.headers["Content-Type"], MediaType.isJSON(contentType) else {
            let found = request.headers["Content-Type"].map { "not \($0)" } ?? "and must say so in Content-Type"
            throw Problem(.unsupportedMediaType, "the body must be application/json, \(found)")
        }
        do {
            return try read(takeBody())
        } catch {
            throw Problem(error)
        }
    }

    /// As ``decodeBody(_:)``, for bodies that are read field by field.
    func decodeFields<Value>(_ read: (JSONObject) throws(JSONInputError) -> Value) throws(Problem) -> Value {
        try decodeBody { body throws(JSONInputError) in try read(try JSONObject(parsing: body)) }
    }

    /// The route's parameter as a broker's id.
    func brokerID() throws(Problem) -> BrokerID {
        let text = PercentDecoding.decode(tail).flatMap { String(validating: $0, as: UTF8.self) }
        guard let id = text.flatMap({ BrokerID($0) }), Limits.id.contains(id), String(id) == text else {
            throw Problem(.invalidParameter, "a broker's id is an integer from 1 to \(Limits.maxInteger)")
        }
        return id
    }

    // MARK: Answering

    func answer(_ response: HTTPResponse) {
        environment.counters.count(route: route, method, status: response.status)
        responder.respond(response)
    }

    func answer(_ problem: Problem) { answer(problem.response) }

    func answer(_ refusal: Refusal) { answer(Problem(refusal)) }

    func answer(status: Int) { answer(marked(HTTPResponse(status: status))) }

    func answerText(_ text: String, type: String = "text/plain; charset=utf-8") {
        answer(
            HTTPResponse(
                status: 200, headers: HTTPHeaders([(name: "Content-Type", value: type)]), body: Array(text.utf8)))
    }

    func answerJSON(
        status: Int = 200, headers: HTTPHeaders = HTTPHeaders(), capacity: Int = 256,
        _ write: (inout JSONWriter) -> Void
    ) {
        var json = JSONWriter(capacity: capacity)
        write(&json)
        answerJSON(status: status, headers: headers, text: json.bytes)
    }

    func answerJSON(status: Int = 200, headers: HTTPHeaders = HTTPHeaders(), text: [UInt8]) {
        var fields = headers
        fields.add("Content-Type", "application/json")
        answer(marked(HTTPResponse(status: status, headers: fields, body: text)))
    }

    /// For text of any length.
    func answerJSON(status: Int = 200, headers: HTTPHeaders = HTTPHeaders(), stream: HTTPBodyStream) {
        var fields = headers
        fields.add("Content-Type", "application/json")
        answer(marked(HTTPResponse(status: status, headers: fields, stream: stream)))
    }

    /// Names the state, or the part of it, that an answer shows.
    static func tag(_ version: UInt64) -> HTTPHeaders { HTTPHeaders([(name: "ETag", value: "\"\(version)\"")]) }

    func answer(_ failure: RequestFailure) {
        if case .notLeader(let leader) = failure { answerNotLeader(leader) } else { answer(Problem(failure)) }
    }

    /// An answer to clients that must not be mistaken: "not executed, go there". Its body is empty.
    func answerNotLeader(_ leader: NodeID?) {
        if leader != nil, mayBeForwarded, forward(to: leader, failed: { [self] in answerNotForwarded($0) }) { return }
        refuseAsFollower(leader)
    }

    private func answerNotForwarded(_ failure: RequestFailure) {
        if case .notLeader = failure { refuseAsFollower(nil) } else { answer(failure) }
    }

    private func refuseAsFollower(_ leader: NodeID?) {
        var headers = HTTPHeaders([(name: "X-Controller-Leader", value: leader?.description ?? "")])
        if let leader {
            if let member = service.members.first(where: { $0.id == leader }) {
                headers.add("X-Controller-Url", member.url)
            }
        } else {
            headers.add("Retry-After", "1")
        }
        answer(HTTPResponse(status: 503, headers: headers))
    }

    // MARK: The node

    /// Proposes `command`, or only validates it, and hands its result to `answer`, refusals and failures excepted.
    func submit(_ command: Command, answer: @escaping @Sendable (CommandResult) -> Void) {
        if validatesOnly { return validate(command, answer) }
        service.submit(command) { [self] in settle($0, answer) }
    }

    /// As ``submit(_:answer:)``, for a command that may change nothing.
    func change(_ command: Command, answer: @escaping @Sendable (CommandResult) -> Void) {
        if validatesOnly { return validate(command, answer) }
        service.change(command) { [self] in settle($0, answer) }
    }

    /// Hands the result of a command to `answer`, refusals and failures excepted.
    func settle(_ result: Result<CommandResult, RequestFailure>, _ answer: (CommandResult) -> Void) {
        switch result {
        case .success(.refused(let refusal)): self.answer(refusal)
        case .success(let result): answer(result)
        case .failure(let failure): self.answer(failure)
        }
    }

    /// Looks at the state on the node's executor; `look` must be short and answer, or pass on what it saw.
    func read(_ consistency: Consistency, _ look: @escaping @Sendable (NodeView) -> Void) {
        service.read(consistency) { [self] result in
            switch result {
            case .success(let view): look(view)
            case .failure(let failure): self.answer(failure)
            }
        }
    }

    /// As ``read(_:_:)``, for a look that takes a while: at a copy of the state, and where nobody waits for it but others of its
    /// kind.
    func readAside(_ consistency: Consistency, _ look: @escaping @Sendable (MetadataStateMachine) -> Void) {
        read(consistency) { [environment] view in
            let state = view.metadata
            environment.looking.async { look(state) }
        }
    }

    /// For results that the command just submitted can not have.
    func answerUnexpected(_ result: CommandResult) {
        answer(Problem(.internalError, "the command had a result of another kind: \(result)"))
    }
}
