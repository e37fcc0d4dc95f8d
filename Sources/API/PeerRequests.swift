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

    private static func receive(
        _ exchange: Exchange, json: ([UInt8]) throws(JSONInputError) -> Request
    ) throws(Problem) {
        let isDense = exchange.request.headers["Content-Type"].map { MediaType.isSame($0, MessageCodec.contentType) }
        guard isDense == true else {
            let request = try exchange.decodeBody(json)
            return pass(request, clusterID: nil, exchange) { exchange.answerJSON(text: JSONMessageCodec.encode($0)) }
        }
        let (request, clusterID) = try decodeDense(exchange)
        pass(request, clusterID: clusterID, exchange) { reply in
            let headers = HTTPHeaders([(name: "Content-Type", value: MessageCodec.contentType)])
            exchange.answer(HTTPResponse(status: 200, headers: headers, body: MessageCodec.encode(reply)))
        }
    }

    private static func pass(
        _ request: Request, clusterID: String?, _ exchange: Exchange, answer: @escaping @Sendable (Reply) -> Void
    ) {
        let connection = exchange.peers.register(exchange.request.connection, with: exchange.service)
        exchange.service.receive(request, clusterID: clusterID, connection: connection) { result in
            switch result {
            case .success(let reply): answer(reply)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    private static func decodeDense(_ exchange: Exchange) throws(Problem) -> (Request, clusterID: String?) {
        do {
            let (request, sender, clusterID) = try MessageCodec.decodeRequest(exchange.request.body)
            guard exchange.request.path == request.path else {
                throw WireError("peer request: the message is one for \(request.path)")
            }
            guard sender == request.author else {
                throw WireError("peer request: node \(sender) speaks for node \(request.author)")
            }
            return (request, clusterID)
        } catch {
            throw Problem(.invalidMessage, "\(error)")
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

    /// The node that the message says it is from.
    fileprivate var author: NodeID {
        switch self {
        case .requestVote(let request): request.candidate
        case .appendEntries(let request): request.leader
        case .installSnapshot(let request): request.leader
        case .timeoutNow(let request): request.leader
        }
    }
}
