// Skeleton: the signatures other targets build on.

/// A request as the server hands it to its handler: complete, checked, its body read.
public struct HTTPRequest: Sendable {
    /// The method's token, for example `GET`.
    public var method: String
    /// The path as it came, still percent-encoded, without the query; starts with `/`.
    public var path: String
    /// What follows `?`, still percent-encoded; `nil` without a `?`.
    public var query: String?
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// The connection that the request came on.
    public var connection: HTTPServerConnection

    public init(
        method: String, path: String, query: String? = nil, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [],
        connection: HTTPServerConnection
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.connection = connection
    }
}

/// Header fields in order; names compare without case.
public struct HTTPHeaders: Sendable, Equatable {
    public init() {}
    public init(_ fields: [(name: String, value: String)]) {}
    /// The first field of that name.
    public subscript(name: String) -> String? { nil }
    public func all(_ name: String) -> [String] { [] }
    public mutating func add(_ name: String, _ value: String) {}
}

public struct HTTPResponse: Sendable {
    public var status: Int
    public var headers: HTTPHeaders
    public var body: [UInt8]

    public init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// One accepted connection, for handlers that must know when it ends.
public final class HTTPServerConnection: Sendable {
    public init() {}
    /// Calls `body` once, on the event loop, when the connection has ended (at once if it already has).
    public func onClose(_ body: @escaping @Sendable () -> Void) {}
}

/// The promise of exactly one answer to one request. May be kept and called from any thread, once.
public struct HTTPResponder: Sendable {
    public init() {}
    public func respond(_ response: HTTPResponse) {}
}

public typealias HTTPHandler = @Sendable (HTTPRequest, HTTPResponder) -> Void

/// A thread's worth of connections: one Dispatch queue, one epoll descriptor.
public final class EventLoop: Sendable {
    public init(label: String) {}
}

public final class HTTPServer: Sendable {
    public struct Configuration: Sendable {
        public var maxHeaderBytes = 16 * 1024
        public var maxHeaderFields = 100
        public var maxBodyBytes = 2 * 1024 * 1024
        public var maxConnections = 10_000
        public var idleTimeout: Duration = .seconds(120)
        /// From the first byte of a request to its last.
        public var requestTimeout: Duration = .seconds(30)
        public init() {}
    }

    public init(configuration: Configuration, loops: [EventLoop], handler: @escaping HTTPHandler) {}

    /// Binds and listens; `host` `nil` is every address. Returns the port (useful with 0).
    public func listen(host: String?, port: UInt16) throws(HTTPServerError) -> UInt16 { port }

    /// Stops accepting, lets every request in progress be answered (with `Connection: close`), closes idle
    /// connections, then calls `completion`; after `timeout` whatever is left is closed.
    public func drain(timeout: Duration, completion: @escaping @Sendable () -> Void) {}
}

public struct HTTPServerError: Error, Sendable {
    public var operation: String
    public var errno: Int32
}

public enum HTTPClientError: Error, Sendable, Equatable {
    case resolutionFailed(String)
    case connectionFailed(errno: Int32)
    case connectionClosed
    case timedOut
    case invalidResponse(String)
}

/// One persistent, pipelining connection to one server. Connects when the first request is sent, again after it broke.
public final class HTTPClientConnection: Sendable {
    /// `onClose` is called on the loop whenever an established connection ends or an attempt fails.
    public init(
        host: String, port: UInt16, loop: EventLoop, connectTimeout: Duration = .seconds(5),
        onClose: (@Sendable (HTTPClientError) -> Void)? = nil
    ) {}

    /// Requests are sent at once, without waiting for earlier answers; answers come in order. When the connection
    /// breaks every outstanding request fails. `completion` is called once, on the loop.
    public func send(
        method: String, path: String, headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], timeout: Duration,
        completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    ) {}

    /// Ends the connection and fails what is outstanding. Not used again.
    public func close() {}
}
