import CLinux
import Glibc
import Synchronization

/// One connection of a server: reads requests, hands them on, sends the answers in order.
///
/// Reading stops while too many requests are unanswered, too much output is unsent, or memory is short, so a peer can fill
/// none of them. Everything is done in turns (``takeTurn()``), each of which is short.
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
    let room: WaitingRoom
    var phase = Phase.open
    /// Whether the connection counts against the limit; one that is refused does not.
    let isCounted: Bool
    /// Whether only reserved requests may come on it, and whether none has come yet.
    var isOnReserve = false
    var isOnProbation = false

    var parser: HTTPRequestParser
    /// Octets read but not parsed, from `backlogStart` on.
    var backlog: [UInt8] = []
    var backlogStart = 0
    /// Parsed but not handed on: it waits for those before it, or for memory.
    var held: Weighed?
    /// Whether the requests in progress are safe ones (RFC 9110 §9.2.1).
    var areSafeInProgress = false
    var queue = ResponseQueue()
    /// The body that is being sent.
    var outgoing: OutgoingBody?
    /// It is a live one that has nothing more at the moment.
    var bodyWaits = false
    var output = SendBuffer()
    var memory = MemoryOfConnection()

    /// Whether the connection is that of another node.
    var isPeer = false

    /// The socket may hold input: events are edge-triggered, a pause must not forget them.
    var mayRead = true
    /// The peer has closed its side, so a read that empties the socket is not the last one.
    var hasHungUp = false
    var inputHasEnded = false
    /// Nothing can be sent or received any more.
    var isBroken = false
    var waitsForWritability = false
    var lingerBytesLeft = 0

    /// Since when the request that is being read is awaited, since when there has been nothing to do, since when the peer has
    /// taken nothing; nanoseconds of the monotonic clock.
    var requestStart: UInt64 = 0
    var idleStart: UInt64 = 0
    var sendStart: UInt64 = 0

    static let interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    init(server: HTTPServerCore, room: WaitingRoom, descriptor: Int32, peer: SocketAddress, isCounted: Bool) {
        self.server = server
        self.room = room
        let loop = room.loop
        self.isCounted = isCounted
        connection = HTTPServerConnection(loop: loop, remoteAddress: peer.description)
        parser = HTTPRequestParser(limits: server.limits)
        super.init(loop: loop, descriptor: descriptor)
    }

    /// On the loop, once.
    func start() {
        Socket.disableNagle(descriptor)
        idleStart = loop.now
        guard loop.register(self, events: Self.interest) else { return close() }
        // The request is often there already.
        loop.scheduleTurn(self)
    }

    /// Answers with an error and ends the connection, without reading anything.
    func refuse(_ error: HTTPParseError) {
        guard loop.register(self, events: Self.interest) else { return close() }
        reject(error)
        loop.scheduleTurn(self)
    }

    // MARK: Events

    override var pace: Pace {
        if isPeer { return .urgent }
        if outgoing?.stream?.isLive == true { return .ordinary }
        return phase == .lingering || memory.reservedBody > 0 || outgoing != nil ? .bulk : .ordinary
    }

    override func ready(_ events: UInt32) {
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { isBroken = true }
        if events & EPOLLRDHUP.rawValue != 0 { hasHungUp = true }
        if isBroken || hasHungUp || events & EPOLLIN.rawValue != 0 { mayRead = true }
        loop.scheduleTurn(self)
    }

    override func takeTurn() {
        guard phase != .closed else { return }
        if isBroken {
            // A peer that reset the connection wants no answer any more; what it sent before is still carried out.
            if phase == .open, !inputHasEnded, !isReadingPaused { readInput() }
            return close()
        }
        sendOutput()
        if phase == .open, !isReadingPaused, hasBacklog { parseBacklog() }
        readInput()
        if phase != .closed, !queue.isEmpty || hasToSend { sendOutput() }
        if phase == .open, server.isDraining, queue.isEmpty, !hasToSend, outgoing == nil, !parser.isMidRequest,
            !hasWaiting
        {
            return close()
        }
        // Who listens to a live body and closes its side has gone.
        if hasHungUp, bodyWaits { return close() }
        guard phase != .closed else { return }
        countMemory()
        updateDeadline()
    }

    override func deadlinePassed() {
        let now = loop.now
        switch phase {
        case .closed: return
        case .lingering: return close()
        case .open, .finishing, .closing: break
        }
        if hasToSend, now >= sendStart + server.writeTimeout {
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
            && (held != nil || memory.isWaiting || queue.count >= server.configuration.maxPipelinedRequests
                || unsentBytes > server.configuration.maxOutputBytes)
    }

    var hasBacklog: Bool { backlogStart < backlog.count }

    /// Whether something has been read that is not handed on yet.
    var hasWaiting: Bool { held != nil || hasBacklog }

    private var isAwaitingRequest: Bool {
        parser.isMidRequest && !isReadingPaused && !hasWaiting
    }

    private var isIdle: Bool {
        phase == .open && queue.isEmpty && !hasToSend && outgoing == nil && !parser.isMidRequest && !hasWaiting
    }

    private func updateDeadline() {
        var earliest = UInt64.max
        switch phase {
        case .closed, .lingering: return
        case .open, .finishing, .closing: break
        }
        if hasToSend { earliest = min(earliest, sendStart + server.writeTimeout) }
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
        dropBacklog()
    }

    func linger() {
        guard !inputHasEnded, !isBroken else { return close() }
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
        forgetRequests()
        outgoing = nil
        output.release(loop)
        releaseMemory()
        connection.end()
        if isOnProbation { endProbation() }
        server.connectionEnded(isCounted: isCounted)
    }

    /// Nobody waits for what was read any more.
    func forgetRequests() {
        memory.reservedByRequests -= queue.removeAll()
        memory.reservedBody = 0
        memory.reservedAnswer = 0
        parser = HTTPRequestParser(limits: server.limits)
        dropBacklog()
        held = nil
    }
}
