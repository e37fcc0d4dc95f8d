import CLinux
import Glibc

/// The client's end of a connection: sends requests, matches answers to them in order, connects again when asked to send.
final class HTTPClientChannel: Channel, @unchecked Sendable {
    private enum Phase { case disconnected, resolving, connecting, connected, shutDown }

    private struct Outstanding {
        var isHead: Bool
        var limit: ClientRequest.Limit
        var completion: @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    }

    private let host: String
    private let port: UInt16
    private let resolver: Resolver
    private let connectTimeout: UInt64
    private let onClose: (@Sendable (HTTPClientError) -> Void)?
    private let hostField: [UInt8]
    private let limits: HTTPParserLimits

    private let isUrgent: Bool
    private var phase = Phase.disconnected
    /// Counts attempts, so that an answer of the resolver to an abandoned one is told apart.
    private var attempt: UInt64 = 0
    private var addresses: ArraySlice<SocketAddress> = []
    /// For all addresses together, and for the one being tried.
    private var connectDeadline = UInt64.max
    private var attemptDeadline = UInt64.max
    private var outstanding: [Outstanding] = []
    /// Outstanding requests before this one are answered.
    private var head = 0
    private var parser: HTTPResponseParser
    private var output = SendBuffer()
    private var waitsForWritability = false
    /// What epoll reported and no turn has looked at yet.
    private var pendingEvents: UInt32 = 0
    /// When bytes last left or an answer came.
    private var progressedAt: UInt64 = 0
    /// What the other end had not acknowledged when that was last looked at.
    private var unacknowledged = Int.max

    private static let interest = EPOLLIN.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue

    init(
        host: String, port: UInt16, loop: EventLoop, resolver: Resolver, connectTimeout: UInt64, isUrgent: Bool,
        maxResponseBytes: Int, onClose: (@Sendable (HTTPClientError) -> Void)?
    ) {
        self.host = host
        self.port = port
        self.resolver = resolver
        self.connectTimeout = connectTimeout
        self.isUrgent = isUrgent
        self.onClose = onClose
        let name = host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host
        let text = port == 80 ? name : "\(name):\(port)"
        hostField = Array("Host: ".utf8) + text.utf8.filter(ByteClass.isHost) + Array("\r\n".utf8)
        var limits = HTTPParserLimits()
        limits.maxHeaderBytes = 64 * 1024
        limits.maxBodyBytes = maxResponseBytes
        self.limits = limits
        parser = HTTPResponseParser(limits: limits)
        super.init(loop: loop, descriptor: -1)
    }

    override var pace: Pace { isUrgent ? .urgent : .ordinary }

    func send(
        _ request: ClientRequest, completion: @escaping @Sendable (Result<HTTPResponse, HTTPClientError>) -> Void
    ) {
        guard phase != .shutDown else { return completion(.failure(.connectionClosed)) }
        output.write(loop) { request.encode(hostField: hostField, into: &$0) }
        outstanding.append(
            Outstanding(isHead: request.method == "HEAD", limit: request.limit, completion: completion))
        if phase == .disconnected { connect() }
        loop.scheduleTurn(self)
        if request.limit.deadline < deadline { setDeadline(request.limit.deadline) }
    }

    func shutDown() {
        guard phase != .shutDown else { return }
        finish(takeDown(to: .shutDown), with: .connectionClosed)
    }

    // MARK: Connecting

    private func connect() {
        attempt += 1
        parser = HTTPResponseParser(limits: limits)
        connectDeadline = Monotonic.now() + connectTimeout
        if let addresses = Resolver.resolveDirectly(host, port: port) {
            return tryAddresses(addresses[...])
        }
        phase = .resolving
        resolver.resolve(host, port: port, deadline: connectDeadline) { [attempt] result in
            self.loop.submit { self.resolved(result, attempt: attempt) }
        }
    }

    private func resolved(_ result: Result<[SocketAddress], HTTPClientError>, attempt: UInt64) {
        guard phase == .resolving, attempt == self.attempt else { return }
        switch result {
        case .success(let addresses): tryAddresses(addresses[...])
        case .failure(let error): fail(error)
        }
    }

    private func tryAddresses(_ addresses: ArraySlice<SocketAddress>, lastError: Int32 = EADDRNOTAVAIL) {
        var lastError = lastError
        self.addresses = addresses
        while let address = self.addresses.popFirst() {
            let socket = Socket.make(family: address.family)
            guard socket >= 0 else {
                lastError = errno
                continue
            }
            let result = address.withSockaddr { Glibc.connect(socket, $0, $1) }
            guard result == 0 || errno == EINPROGRESS else {
                lastError = errno
                Socket.close(socket)
                continue
            }
            Socket.disableNagle(socket)
            adopt(socket)
            phase = .connecting
            waitsForWritability = true
            guard loop.register(self, events: Self.interest | EPOLLOUT.rawValue) else {
                lastError = errno
                closeDescriptor()
                continue
            }
            // Every address gets its share of the time, so that a dead one does not use up that of the next.
            let now = Monotonic.now()
            let left = connectDeadline > now ? connectDeadline - now : 0
            attemptDeadline = now + left / UInt64(self.addresses.count + 1)
            updateDeadline()
            return
        }
        fail(.connectionFailed(errno: lastError))
    }

    private func finishConnecting() {
        var error = Socket.pendingError(descriptor)
        // A connection to a port of the ephemeral range that nobody listens on can meet itself.
        if error == 0, Socket.localAddress(descriptor) == Socket.peerAddress(descriptor) { error = ECONNREFUSED }
        guard error == 0 else { return tryNextAddress(error) }
        phase = .connected
        updateDeadline()
        loop.scheduleTurn(self)
    }

    private func tryNextAddress(_ error: Int32) {
        closeDescriptor()
        tryAddresses(addresses, lastError: error)
    }

    // MARK: Events

    override func ready(_ events: UInt32) {
        pendingEvents |= events
        loop.scheduleTurn(self)
    }

    override func takeTurn() {
        let events = pendingEvents
        pendingEvents = 0
        if phase == .connecting, events & (EPOLLOUT.rawValue | EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 {
            finishConnecting()
        }
        guard phase == .connected else { return }
        let hasHungUp = events & (EPOLLRDHUP.rawValue | EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
        if hasHungUp || events & EPOLLIN.rawValue != 0 { readInput(hasHungUp: hasHungUp) }
        if phase == .connected { sendOutput() }
    }

    private func sendOutput() {
        var sent = 0
        let result = output.flush(descriptor, loop, sent: &sent)
        if sent > 0 { noteProgress() }
        switch result {
        case .sentAll: waitForWritability(false)
        case .wouldBlock: waitForWritability(true)
        case .failed(let errno):
            // What the server said before it closed still counts: a 413, for one.
            readInput(hasHungUp: true)
            if phase == .connected {
                fail(errno == EPIPE || errno == ECONNRESET ? .connectionClosed : .connectionFailed(errno: errno))
            }
        }
    }

    private func waitForWritability(_ waits: Bool) {
        guard waits != waitsForWritability else { return }
        waitsForWritability = waits
        loop.modify(self, events: waits ? Self.interest | EPOLLOUT.rawValue : Self.interest)
    }

    private func noteProgress() {
        progressedAt = loop.now
        unacknowledged = .max
    }

    /// What the kernel took at once may take the link long: bytes that were acknowledged since the last look are progress.
    private func lookForProgress() {
        guard phase == .connected, let count = Socket.unacknowledged(descriptor), count > 0 else { return }
        if count < unacknowledged { progressedAt = loop.now }
        unacknowledged = count
    }

    override func deadlinePassed() {
        let now = loop.now
        lookForProgress()
        if phase == .connecting, now >= attemptDeadline {
            tryNextAddress(ETIMEDOUT)
        } else if phase == .resolving, now >= connectDeadline {
            fail(.timedOut)
        }
        let expired = outstanding[head...].contains { $0.limit.deadline(after: progressedAt) <= now }
        if expired { fail(.timedOut) }
        updateDeadline()
    }

    private func updateDeadline() {
        var earliest = outstanding[head...].lazy.map { $0.limit.deadline(after: self.progressedAt) }.min() ?? .max
        if phase == .connecting { earliest = min(earliest, attemptDeadline) }
        if phase == .resolving { earliest = min(earliest, connectDeadline) }
        setDeadline(earliest)
    }

    // MARK: Reading

    /// As the server's: a read that does not fill the buffer has emptied the socket.
    private func readInput(hasHungUp: Bool) {
        while phase == .connected {
            if loop.isTurnOver() {
                pendingEvents |= EPOLLIN.rawValue | (hasHungUp ? EPOLLRDHUP.rawValue : 0)
                return loop.scheduleTurn(self)
            }
            switch Socket.receive(descriptor, into: loop.receiveBuffer) {
            case .bytes(let count):
                parse(UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count]))
                if count < loop.receiveBuffer.count, !hasHungUp { return }
            case .wouldBlock:
                return
            case .endOfInput:
                if head < outstanding.count, let last = parser.endOfInput() { answer(last) }
                if phase == .connected { fail(.connectionClosed) }
            case .failed:
                fail(.connectionClosed)
            }
        }
    }

    private func parse(_ bytes: UnsafeRawBufferPointer) {
        let input = bytes.bindMemory(to: UInt8.self).span
        var position = 0
        while phase == .connected, position < input.count {
            guard head < outstanding.count else {
                return fail(.invalidResponse("The server sent a response that no request asked for."))
            }
            do throws(HTTPParseError) {
                let isHead = outstanding[head].isHead
                guard let parsed = try parser.next(input, at: &position, isToHead: isHead) else { return }
                answer(parsed)
            } catch {
                fail(.invalidResponse(error.detail))
            }
        }
    }

    private func answer(_ parsed: HTTPParsedResponse) {
        let completion = outstanding[head].completion
        noteProgress()
        head += 1
        if head == outstanding.count {
            outstanding.removeAll(keepingCapacity: true)
            head = 0
            setDeadline(.max)
        } else if head >= 64 {
            outstanding.removeFirst(head)
            head = 0
        }
        if parsed.keepsAlive {
            completion(.success(parsed.response))
        } else {
            // First, so that a request sent by the completion goes to a new connection.
            let ended = takeDown(to: .disconnected)
            completion(.success(parsed.response))
            finish(ended, with: .connectionClosed)
            onClose?(.connectionClosed)
        }
    }

    // MARK: Ending

    /// The connection or the attempt is over.
    private func fail(_ error: HTTPClientError) {
        let now = loop.now
        let ended = takeDown(to: .disconnected)
        let isLate = { [progressedAt] (request: Outstanding) in request.limit.deadline(after: progressedAt) <= now }
        let someAreLate = error == .timedOut && ended.contains(where: isLate)
        for request in ended {
            // The requests beside one that timed out have not timed out themselves.
            let isBystander = someAreLate && !isLate(request)
            request.completion(.failure(isBystander ? .connectionClosed : error))
        }
        onClose?(error)
    }

    private func finish(_ requests: [Outstanding], with error: HTTPClientError) {
        for request in requests { request.completion(.failure(error)) }
    }

    /// Leaves no trace of the connection, so that completions may send again; returns the unanswered requests.
    private func takeDown(to next: Phase) -> [Outstanding] {
        let ended = Array(outstanding[head...])
        outstanding = []
        head = 0
        phase = next
        closeDescriptor()
        setDeadline(.max)
        output.release(loop)
        pendingEvents = 0
        waitsForWritability = false
        connectDeadline = .max
        attemptDeadline = .max
        return ended
    }
}
