import HTTP
import Raft
import Server
import Wire

/// `POST /api/v1/raft/…`: what nodes ask of each other, in the dense form or as JSON.
enum PeerRequests {
    @Sendable static func vote(_ exchange: Exchange) throws(Problem) {
        try receive(exchange) { body throws(JSONInputError) in
            .requestVote(try JSONMessageCodec.decodeRequestVote(body))
        }
    }

    @Sendable static func append(_ exchange: Exchange) throws(Problem) {
        try receive(exchange) { body throws(JSONInputError) in
            .appendEntries(try JSONMessageCodec.decodeAppendEntries(body))
        }
    }

    @Sendable static func snapshot(_ exchange: Exchange) throws(Problem) {
        try receive(exchange) { body throws(JSONInputError) in
            .installSnapshot(try JSONMessageCodec.decodeInstallSnapshot(body))
        }
    }

    @Sendable static func timeoutNow(_ exchange: Exchange) throws(Problem) {
        try receive(exchange) { body throws(JSONInputError) in
            .timeoutNow(try JSONMessageCodec.decodeTimeoutNow(body))
        }
    }

    @Sendable static func introduce(_ exchange: Exchange) throws(Problem) {
        guard case .introduction(let introduction, let envelope) = try decodeDense(exchange) else {
            throw Problem(.invalidMessage, "peer request: the message is no introduction")
        }
        exchange.service.receive(introduction, in: envelope, connection: connection(exchange)) { result in
            answerDense(result, exchange)
        }
    }

    private static func receive(
        _ exchange: Exchange, json: ([UInt8]) throws(JSONInputError) -> Request
    ) throws(Problem) {
        let isDense = exchange.request.headers["Content-Type"].map { MediaType.isSame($0, MessageCodec.contentType) }
        guard isDense == true else {
            let request = try exchange.decodeBody(json)
            return exchange.service.receive(request, from: .anybody, connection: connection(exchange)) { result in
                answerJSON(result, exchange)
            }
        }
        guard case .request(let request, let origin) = try decodeDense(exchange) else {
            throw Problem(.invalidMessage, "peer request: the message is an introduction")
        }
        try check(request, origin, exchange)
        exchange.service.receive(request, from: origin, connection: connection(exchange)) { result in
            answerDense(result, exchange)
        }
    }

    private static func connection(_ exchange: Exchange) -> UInt64 {
        exchange.peers.register(exchange.request.connection, with: exchange.service)
    }

    private static func decodeDense(_ exchange: Exchange) throws(Problem) -> MessageCodec.Question {
        do { return try MessageCodec.decodeQuestion(exchange.takeBody()) } catch {
            throw Problem(.invalidMessage, "\(error)")
        }
    }

    private static func check(_ request: Request, _ origin: RequestOrigin, _ exchange: Exchange) throws(Problem) {
        guard exchange.request.path == request.path else {
            throw Problem(.invalidMessage, "peer request: the message is one for \(request.path)")
        }
        let sender: NodeID? =
            switch origin {
            case .envelope(let envelope): envelope.sender.node
            case .legacy(let sender, _): sender
            case .anybody: nil
            }
        if let sender, sender != request.author {
            throw Problem(.invalidMessage, "peer request: node \(sender) speaks for node \(request.author)")
        }
    }

    private static func answerDense(_ result: Result<MessageCodec.Answer, RequestFailure>, _ exchange: Exchange) {
        let body: [UInt8]
        switch result {
        case .failure(let failure): return exchange.answer(failure)
        case .success(.reply(let reply, let speaker)): body = MessageCodec.encode(reply, from: speaker)
        case .success(.introduction(let reply)): body = MessageCodec.encode(reply)
        }
        let headers = HTTPHeaders([(name: "Content-Type", value: MessageCodec.contentType)])
        exchange.answer(HTTPResponse(status: 200, headers: headers, body: body))
    }

    private static func answerJSON(_ result: Result<MessageCodec.Answer, RequestFailure>, _ exchange: Exchange) {
        switch result {
        case .failure(let failure): exchange.answer(failure)
        case .success(.reply(let reply, _)): exchange.answerJSON(text: JSONMessageCodec.encode(reply))
        case .success(.introduction): preconditionFailure("a request without a name on it is not refused by name")
        }
    }
}

extension Request {
    fileprivate var path: String {
        switch self {
        case .requestVote: "/api/v1/raft/vote"
        case .appendEntries: "/api/v1/raft/append"
        case .installSnapshot: "/api/v1/raft/snapshot"
        case .timeoutNow: "/api/v1/raft/timeout-now"
        }
    }
}
