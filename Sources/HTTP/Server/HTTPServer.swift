import Synchronization

/// An HTTP/1.1 server (RFC 9112) over some event loops. Lives until it is drained.
public final class HTTPServer: Sendable {
    public struct Configuration: Sendable {
        /// Of all header fields of one request together; beyond it 431.
        public var maxHeaderBytes = 16 * 1024
        /// Beyond it 431.
        public var maxHeaderFields = 100
        /// Of method, target and version; beyond it 414.
        public var maxRequestLineBytes = 8 * 1024
        /// Beyond it 413, before the body is read.
        public var maxBodyBytes = 2 * 1024 * 1024
        /// Of all chunk extensions of one body together; beyond it 400.
        public var maxChunkExtensionBytes = 4 * 1024
        /// Beyond it connections are answered 503 and closed.
        public var maxConnections = 10_000
        /// How many of them are for `isReserved` requests only, so that those come through when all others are taken.
        public var reservedConnections = 0
        /// Whether a request may come on a reserved connection.
        public var isReserved: @Sendable (_ request: HTTPParsedRequest) -> Bool = { _ in false }
        /// How long a reserved connection may be silent before its first request.
        public var probationTimeout: Duration = .seconds(2)
        /// Told, now and then, that connections are refused: with a sentence for the log.
        public var onRefusals: (@Sendable (_ text: String) -> Void)?
        /// Unanswered requests of one connection; beyond it nothing more is read from it.
        public var maxPipelinedRequests = 64
        /// Unsent bytes of one connection; beyond it nothing more is read from it.
        public var maxOutputBytes = 256 * 1024
        /// Without a request or an answer due; then the connection is closed silently.
        public var idleTimeout: Duration = .seconds(120)
        /// From the first byte of a request to its last; then 408.
        public var requestTimeout: Duration = .seconds(30)
        /// In which the peer takes nothing of what is to be sent; then the connection is dropped.
        public var writeTimeout: Duration = .seconds(30)
        /// How long, and for how many bytes, input is still read and dropped behind a last answer, so that it arrives.
        public var lingerTimeout: Duration = .seconds(2)
        public var maxLingerBytes = 4 * 1024 * 1024

        /// What all connections together may hold; shared with whoever else holds memory for clients.
        public var account = MemoryAccount(limit: 256 * 1024 * 1024)
        /// How long a request waits for memory; then 503.
        public var memoryPatience: Duration = .seconds(5)
        /// How long a body for which memory was taken may stand still while others wait for memory, then 408; or such an
        /// answer be not taken, then the connection ends.
        public var bodyPatience: Duration = .seconds(1)
        /// Whether requests for a path are those of the cluster's other nodes: their connections come first, and have memory
        /// of their own.
        public var isPeerPath: @Sendable (_ path: String) -> Bool = { _ in false }
        /// About how many bytes the answer to a request holds while it is sent, beyond what is sent at once; 0 for most. Such
        /// a request waits for room, and is carried out alone on its connection.
        public var weigh: @Sendable (HTTPParsedRequest) -> Int = { _ in 0 }

        public init() {}
    }

    private let core: HTTPServerCore

    /// `handler` is called on the loop of the request's connection. The first of `loops` accepts; connections go round all.
    public init(configuration: Configuration, loops: [EventLoop], handler: @escaping HTTPHandler) {
        core = HTTPServerCore(configuration: configuration, loops: loops, handler: handler)
    }

    /// Binds and listens; `host` `nil` is every address. Returns the port (useful with 0).
    public func listen(host: String?, port: UInt16) throws(HTTPServerError) -> UInt16 {
        try core.listen(host: host, port: port)
    }

    /// Stops accepting, lets every request in progress be answered (with `Connection: close`), closes idle
    /// connections, then calls `completion`; after `timeout` whatever is left is closed.
    ///
    /// `completion` is called once, on a loop. To be called once.
    public func drain(timeout: Duration, completion: @escaping @Sendable () -> Void) {
        core.drain(timeout: timeout, completion: completion)
    }

    public var statistics: Statistics {
        var statistics = core.counters.snapshot(core.account)
        statistics.maxConnections = core.configuration.maxConnections
        return statistics
    }
}

/// A system call that failed while a server was being set up.
public struct HTTPServerError: Error, Sendable {
    /// The call and what it was about, for example `bind 127.0.0.1:9091`.
    public var operation: String
    public var errno: Int32

    public init(operation: String, errno: Int32) {
        self.operation = operation
        self.errno = errno
    }
}
