import Synchronization

extension HTTPServer {
    /// A server's counters, as they stood at about the same moment.
    public struct Statistics: Sendable {
        public var openConnections = 0
        public var acceptedConnections = 0
        /// Complete requests given to the handler.
        public var requests = 0
        /// Answers that the server made itself, by reason.
        public var rejections: [(reason: HTTPRejection, count: Int)] = []
        /// Connections dropped because their peer did not read what it had asked for.
        public var slowReadersDropped = 0
        /// Connections dropped at accept because the process had no descriptor left.
        public var acceptsWithoutDescriptor = 0
        /// How often a connection had to wait for memory.
        public var memoryWaits = 0
        /// Of the server's memory account, in bytes.
        public var memory: [(holder: MemoryAccount.Holder, used: Int, limit: Int)] = []
        /// Beyond it connections are refused.
        public var maxConnections = 0
        public var bytesReceived = 0
        public var bytesSent = 0
    }
}

/// The counters of a server. Relaxed: each is right, their moments differ by a little.
final class HTTPServerCounters: Sendable {
    let open = Atomic(0)
    let accepted = Atomic(0)
    let requests = Atomic(0)
    let slowReaders = Atomic(0)
    let withoutDescriptor = Atomic(0)
    let memoryWaits = Atomic(0)
    let received = Atomic(0)
    let sent = Atomic(0)
    private let rejections = Mutex([Int](repeating: 0, count: HTTPRejection.allCases.count))

    func count(_ rejection: HTTPRejection) {
        let index = HTTPRejection.allCases.firstIndex(of: rejection)!
        rejections.withLock { $0[index] += 1 }
    }

    func snapshot(_ account: MemoryAccount) -> HTTPServer.Statistics {
        HTTPServer.Statistics(
            openConnections: open.load(ordering: .relaxed), acceptedConnections: accepted.load(ordering: .relaxed),
            requests: requests.load(ordering: .relaxed),
            rejections: rejections.withLock { counts in
                zip(HTTPRejection.allCases, counts).map { (reason: $0, count: $1) }
            },
            slowReadersDropped: slowReaders.load(ordering: .relaxed),
            acceptsWithoutDescriptor: withoutDescriptor.load(ordering: .relaxed),
            memoryWaits: memoryWaits.load(ordering: .relaxed),
            memory: MemoryAccount.Holder.allCases.map {
                (holder: $0, used: account.used(by: $0), limit: account.limit(of: $0))
            },
            bytesReceived: received.load(ordering: .relaxed), bytesSent: sent.load(ordering: .relaxed))
    }
}
