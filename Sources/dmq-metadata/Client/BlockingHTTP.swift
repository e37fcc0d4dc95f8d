import Dispatch
import HTTP
import Synchronization

/// One request after the other, each waited for: what a command line needs. Keeps its connections.
final class BlockingHTTP {
    private let loop = EventLoop(label: "dmq.client")
    private var connections: [Endpoint: HTTPClientConnection] = [:]

    /// Waits at most about `timeout`.
    func send(
        _ request: ClientRequest, to endpoint: Endpoint, timeout: Duration
    ) -> Result<HTTPResponse, HTTPClientError> {
        let connection =
            connections[endpoint]
            ?? HTTPClientConnection(
                host: endpoint.host, port: endpoint.port, loop: loop, connectTimeout: min(timeout, .seconds(3)))
        connections[endpoint] = connection
        let done = DispatchSemaphore(value: 0)
        let answer = Answer()
        connection.send(
            method: request.method, path: request.path,
            // Any node that can be reached will do.
            headers: HTTPHeaders(request.headers + [(name: "X-Forward", value: "leader")]), body: request.body,
            timeout: timeout
        ) { result in
            answer.result.withLock { $0 = result }
            done.signal()
        }
        done.wait()
        return answer.result.withLock { $0 } ?? .failure(.timedOut)
    }

    deinit {
        for connection in connections.values { connection.close() }
    }

    private final class Answer: Sendable {
        let result = Mutex<Result<HTTPResponse, HTTPClientError>?>(nil)
    }
}

/// A request without the server that it goes to.
struct ClientRequest: Sendable {
    var method: String
    /// Path and query, percent-encoded.
    var path: String
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    static func get(_ path: String) -> ClientRequest { ClientRequest(method: "GET", path: path) }

    static func json(_ method: String, _ path: String, _ body: String) -> ClientRequest {
        ClientRequest(
            method: method, path: path, headers: [("Content-Type", "application/json")], body: Array(body.utf8))
    }
}
