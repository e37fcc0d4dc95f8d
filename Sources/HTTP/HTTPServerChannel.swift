import CLinux
import Glibc
import Synchronization

/// One connection of a server: reads requests, hands them on, sends the answers in order.
///
/// Reading stops while too many requests are unanswered or too much output is unsent, so a peer can fill neither.
final class HTTPServerChannel: Channel, @unchecked Sendable {
    enum Phase {
        /// Reads requests.
        case open
        /// No request is read any more; the answers that are due are still sent.
        case finishing
        /// The last answer is in the output; when that is sent, the connection ends.
        case closing
        /// Sending is shut down; input is read and dropped, so that no reset destroys the answer (RFC 9112 §9.6).
        case lingering
        case closed
    }

    let server: HTTPServerCore
    let connection: HTTPServerConnection
    var phase = Phase.open
    /// Whether the connection counts against the limit; one that is refused does not.
    let isCounted: Bool
    /// Whether only reserved requests may come on it, and whether none has come yet.
    var isOnReserve = false
    var isOnProbation = false

    var parser: HTTPRequestParser
    /// Octets read but not parsed, since the queue was full.
    var backlog: [UInt8] = []
    /// Parsed but not handed on, since requests of the other kind are in progress.
    var held: HTTPParsedRequest?
    /// Whether the requests in progress are safe ones (RFC 9110 §9.2.1).
    var areSafeInProgress = false
    var queue = ResponseQueue()
    var output = SendBuffer()

    /// The socket may hold input: events are edge-triggered, a pause must not forget them.
    var mayRead = true
    var inputHasEnded = false
    var isHungUp = false
    var waitsForWritability = false
    var lingerBytesLeft = 0

    /// Since when the request that is being read is awaited, since when there has been nothing to do, since when the peer has
    /// taken nothing; nanoseconds of the monotonic clock.
    var requestStart: UInt64 = 0
    var idleStart: UInt64 = 0
    var sendStart: UInt64 = 0

    static let interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    init(server: HTTPServerCore, loop: EventLoop, descriptor: Int32, peer: SocketAddress, isCounted: Bool) {
        self.server = server
        self.isCounted = isCounted
        connection = HTTPServerConnection(loop: loop, remoteAddress: peer.description)
        parser = HTTPRequestParser(limits: server.limits)
        super.init(loop: loop, descriptor: descriptor)
    }

    /// On the loop, once.
    func start() {
        Socket.disableNagle(descriptor)
        idleStart = loop.now
        loop.register(self, events: Self.interest)
        // The request is often there already.
        loop.scheduleTurn(self)
    }

    /// Answers with an error and ends the connection, without reading anything.
    func refuse(_ error: HTTPParseError) {
        loop.register(self, events: Self.interest)
        reject(error)
        loop.scheduleTurn(self)
    }

    // MARK: Events

    override func ready(_ events: UInt32) {
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            isHungUp = true
            mayRead = true
        }
        if events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 { mayRead = true }
        // A peer that reset the connection wants no answer any more.
        if isHungUp, phase == .finishing || phase == .closing || inputHasEnded || isReadingPaused { return close() }
        readInput(hasHungUp: isHungUp || events & EPOLLRDHUP.rawValue != 0)
        if isHungUp { return close() }
        loop.scheduleTurn(self)
    }

    override func takeTurn() {
        guard phase != .closed else { return }
        sendOutput()
        if phase == .open, !isReadingPaused, !backlog.isEmpty { parseBacklog() }
        if mayRead, !isReadingPaused, phase == .open || phase == .lingering { readInput(hasHungUp: true) }
        if !output.isEmpty, !waitsForWritability { sendOutput() }
        if phase == .open, server.isDraining, queue.isEmpty, output.isEmpty, !parser.isMidRequest, !hasWaiting {
            return close()
        }
        updateDeadline()
    }

    override func deadlinePassed() {
        let now = loop.now
        switch phase {
        case .closed: return
        case .lingering: return close()
        case .open, .finishing, .closing: break
        }
        if !output.isEmpty, now >= sendStart + server.writeTimeout {
            server.counters.slowReaders.wrappingAdd(1, ordering: .relaxed)
            return close()
        }
        if phase == .open, isAwaitingRequest, now >= requestStart + server.requestTimeout {
            let seconds = server.configuration.requestTimeout.components.seconds
            reject(HTTPParseError(.requestTimeout, "The request was not complete within \(seconds) s."))
            loop.scheduleTurn(self)
        } else if isIdle, now >= idleStart + idleTimeout {
            return close()
        }
        updateDeadline()
    }

    var isReadingPaused: Bool {
        phase != .lingering
            && (held != nil || queue.count >= server.configuration.maxPipelinedRequests
                || output.count > server.configuration.maxOutputBytes)
    }

    /// Whether something has been read that is not handed on yet.
    var hasWaiting: Bool { held != nil || !backlog.isEmpty }

    private var isAwaitingRequest: Bool {
        parser.isMidRequest && !isReadingPaused && !hasWaiting
    }

    private var isIdle: Bool {
        phase == .open && queue.isEmpty && output.isEmpty && !parser.isMidRequest && !hasWaiting
    }

    private func updateDeadline() {
        var earliest = UInt64.max
        switch phase {
        case .closed, .lingering: return
        case .open, .finishing, .closing: break
        }
        if !output.isEmpty { earliest = min(earliest, sendStart + server.writeTimeout) }
        if phase == .open {
            if isAwaitingRequest {
                if requestStart == 0 { requestStart = loop.now }
                earliest = min(earliest, requestStart + server.requestTimeout)
            } else {
                requestStart = 0
            }
            if isIdle { earliest = min(earliest, idleStart + idleTimeout) }
        }
        setDeadline(earliest)
    }

    // MARK: Ending

    /// Sends what is due and then closes.
    func stopReading() {
        if phase == .open { phase = .finishing }
        backlog = []
    }

    func linger() {
        guard !inputHasEnded, !isHungUp else { return close() }
        phase = .lingering
        mayRead = true
        lingerBytesLeft = server.configuration.maxLingerBytes
        Socket.shutdownSending(descriptor)
        setDeadline(loop.now + server.lingerTimeout)
        loop.scheduleTurn(self)
    }

    func close() {
        guard phase != .closed else { return }
        phase = .closed
        closeDescriptor()
        queue.removeAll()
        output.release(loop)
        backlog = []
        held = nil
        connection.end()
        if isOnProbation { endProbation() }
        server.connectionEnded(isCounted: isCounted)
    }
}
