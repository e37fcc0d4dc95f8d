import HTTP
import Raft
import Server
import Synchronization

/// Connections to the leader, for requests that are passed on to it: one request at a time on each, so that none waits behind
/// another's answer.
final class LeaderConnections: Sendable {
    private struct Pool {
        var address = ""
        var idle: [HTTPClientConnection] = []
        var busy = 0
    }

    private let loop: EventLoop
    private let pool = Mutex(Pool())

    /// Requests on their way at once; beyond, they are refused as overload.
    static let maximumBusy = 512
    private static let maximumIdle = 64
    /// Of an answer: a page of keys and what it is written in.
    private static let maxResponseBytes = 16 * 1024 * 1024

    init(loop: EventLoop) { self.loop = loop }

    /// `nil` when there are too many on their way.
    private func take(_ member: Member) -> HTTPClientConnection? {
        let address = "\(member.host):\(member.port)"
        return pool.withLock { pool in
            guard pool.busy < Self.maximumBusy else { return nil }
            pool.busy += 1
            if pool.address != address {
                for connection in pool.idle { connection.close() }
                (pool.address, pool.idle) = (address, [])
            }
            return pool.idle.popLast()
                ?? HTTPClientConnection(
                    host: member.host, port: member.port, loop: loop, connectTimeout: .seconds(1),
                    maxResponseBytes: Self.maxResponseBytes)
        }
    }

    private func giveBack(_ connection: HTTPClientConnection, to member: Member, isUsable: Bool) {
        pool.withLock { pool in
            pool.busy -= 1
            guard isUsable, pool.address == "\(member.host):\(member.port)", pool.idle.count < Self.maximumIdle else {
                return connection.close()
            }
            pool.idle.append(connection)
        }
    }

    /// Passes a request on. `completion` is called once; `nil` when too many are on their way.
    func send(
        _ request: HTTPRequest, body: [UInt8], by node: NodeID, to member: Member, timeout: Duration,
        completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>?) -> Void
    ) {
        guard let connection = take(member) else { return completion(nil) }
        var headers = Self.passedOn(request.headers)
        headers.add(Forwarding.byField, node.description)
        let target = request.path + (request.query.map { "?" + $0 } ?? "")
        connection.send(
            method: request.method, path: target, headers: headers, body: body, timeout: timeout
        ) { [self] result in
            giveBack(connection, to: member, isUsable: (try? result.get()) != nil)
            completion(
                result.map { response in
                    HTTPResponse(
                        status: response.status, headers: Self.passedOn(response.headers), body: response.body)
                })
        }
    }

    private static func passedOn(_ headers: HTTPHeaders) -> HTTPHeaders {
        var kept = HTTPHeaders()
        let add = { (name: String, value: String) in if !isOfOneHop(name) { kept.add(name, value) } }
        headers.forEach(add)
        return kept
    }

    /// Fields that are about one connection (RFC 9110 §7.6.1), or that whoever sends the message writes himself; and what a
    /// browser said of its page, which was judged here.
    private static func isOfOneHop(_ name: String) -> Bool {
        switch name.lowercased() {
        case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "host",
            "expect", "date", "origin", "x-forward", "x-forwarded-by", "http2-settings", "proxy-connection":
            true
        default: false
        }
    }
}
