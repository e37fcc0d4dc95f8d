public enum HTTPClientError: Error, Sendable, Equatable {
    case resolutionFailed(String)
    case connectionFailed(errno: Int32)
    case connectionClosed
    case timedOut
    case invalidResponse(String)
}

/// One persistent, pipelining connection to one server. Connects when the first request is sent, again after it broke.
///
/// Safe to use from any thread. While connected it lives until `close()` or until the server ends the connection.
public final class HTTPClientConnection: Sendable {
    private let channel: HTTPClientChannel

    /// `host` is a name or a numeric address. `onClose` is called on the loop whenever an established connection ends other
    /// than by `close()`, also while idle, or an attempt fails. `maxResponseBytes` bounds the body of a response; beyond it
    /// `invalidResponse`. Connections that must not wait behind others' names have a `resolver` of their own;
    /// those that `isUrgent` have their turns on the loop before the others.
    public init(
        host: String, port: UInt16, loop: EventLoop, resolver: Resolver = .shared,
        connectTimeout: Duration = .seconds(5), isUrgent: Bool = false,
        maxResponseBytes: Int = 64 * 1024 * 1024, onClose: (@Sendable (HTTPClientError) -> Void)? = nil
    ) {
        channel = HTTPClientChannel(
            host: host, port: port, loop: loop, resolver: resolver, connectTimeout: connectTimeout.nanoseconds,
            isUrgent: isUrgent, maxResponseBytes: maxResponseBytes, onClose: onClose)
    }

    /// Requests are sent at once, without waiting for earlier answers; answers come in order. When the connection
    /// breaks every outstanding request fails. `completion` is called once, on the loop.
    ///
    /// `path` starts with `/` and may have a query; what may not stand in it is percent-encoded. `timeout` runs from this call
    /// and includes the time to connect; with `restartsOnProgress` it runs anew whenever the connection has carried bytes or
    /// brought an answer, to whichever request: a slow link is not a dead one. A request that times out breaks the
    /// connection: its answer would be in the way of the next.
    public func send(
        method: String, path: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], timeout: Duration,
        restartsOnProgress: Bool = false,
        completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    ) {
        precondition(!method.isEmpty && method.utf8.allSatisfy(ByteClass.isToken), "\"\(method)\" is no HTTP method")
        let limit = ClientRequest.Limit(
            deadline: Monotonic.now() + timeout.nanoseconds, patience: restartsOnProgress ? timeout.nanoseconds : nil)
        let channel = channel
        channel.loop.execute {
            channel.send(
                ClientRequest(method: method, path: path, headers: headers, body: body, limit: limit),
                completion: completion)
        }
    }

    /// Ends the connection and fails what is outstanding. Not used again.
    public func close() {
        let channel = channel
        channel.loop.execute { channel.shutDown() }
    }
}

/// A request on its way from the caller's thread to the loop.
struct ClientRequest: Sendable {
    var method: String
    var path: String
    var headers: HTTPHeaders
    var body: [UInt8]
    var limit: Limit

    /// When to give the answer up, in nanoseconds of the monotonic clock.
    struct Limit: Sendable {
        var deadline: UInt64
        /// So long after the connection's last progress, if that is later.
        var patience: UInt64?

        func deadline(after progress: UInt64) -> UInt64 {
            guard let patience else { return deadline }
            return max(deadline, progress + patience)
        }
    }

    /// Writes the request (RFC 9112 §3) at the end of the output.
    func encode(hostField: [UInt8], into out: inout [UInt8]) {
        out.append(contentsOf: method.utf8)
        out.append(ByteClass.space)
        if !path.utf8.starts(with: "/".utf8) { out.append(UInt8(ascii: "/")) }
        for byte in path.utf8 {
            if ByteClass.isTarget(byte) {
                out.append(byte)
            } else {
                let digits = Array("0123456789ABCDEF".utf8)
                out.append(UInt8(ascii: "%"))
                out.append(digits[Int(byte >> 4)])
                out.append(digits[Int(byte & 15)])
            }
        }
        out.append(" HTTP/1.1\r\n")
        out.append(contentsOf: hostField)
        headers.append(to: &out)
        if !body.isEmpty || method == "POST" || method == "PUT" || method == "PATCH" {
            out.append("Content-Length: ")
            out.append(decimal: body.count)
            out.append("\r\n")
        }
        out.append("\r\n")
        out.append(contentsOf: body)
    }
}
