import Synchronization

extension HTTPServerChannel {
    /// How much a connection reads in one turn: the others come first then.
    private static let maxReadsPerTurn = 1
    /// How many requests a connection hands on in one turn.
    private static let maxRequestsPerTurn = 32
    /// How much is read at once while memory is short: enough for the head that says what the request will need.
    private static let shortRead = 4096

    /// Reads until the socket is empty or the turn is over. A read that does not fill the buffer has emptied the socket; the
    /// event of what arrives later is a new one. Only when the peer has hung up is one more read needed to see it.
    func readInput() {
        var reads = 0
        // What is in the backlog came before what is in the socket.
        while mayRead, reads < Self.maxReadsPerTurn,
            phase == .lingering || (phase == .open && !isReadingPaused && !hasBacklog && mayHoldMore())
        {
            reads += 1
            let isShort = server.account.isFull(for: holder) && memory.reservedBody == 0
            let buffer = UnsafeMutableRawBufferPointer(
                rebasing: loop.receiveBuffer[..<(isShort ? Self.shortRead : loop.receiveBuffer.count)])
            switch Socket.receive(descriptor, into: buffer) {
            case .bytes(let count):
                server.counters.received.wrappingAdd(count, ordering: .relaxed)
                if count < buffer.count, !hasHungUp, !isBroken { mayRead = false }
                take(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            case .wouldBlock:
                mayRead = false
            case .endOfInput:
                mayRead = false
                endInput()
            case .failed:
                return close()
            }
            if loop.isTurnOver() { break }
        }
        if mayRead, phase == .lingering || (phase == .open && !isReadingPaused) { loop.scheduleTurn(self) }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .open:
            let input = bytes.bindMemory(to: UInt8.self).span
            var position = 0
            parse(input, at: &position)
            if phase == .open, position < input.count { backlog.append(input.extracting(position..<input.count)) }
        case .lingering:
            lingerBytesLeft -= bytes.count
            if lingerBytesLeft <= 0 { close() }
        case .finishing, .closing, .closed:
            break
        }
    }

    func parseBacklog() {
        let waiting = backlog
        backlog = []
        var position = backlogStart
        parse(waiting.span, at: &position)
        guard phase == .open, position < waiting.count else { return dropBacklog() }
        backlog = waiting
        backlogStart = position
        // Either something is awaited, which comes with a turn, or this one is over.
        if !isReadingPaused { loop.scheduleTurn(self) }
    }

    func dropBacklog() {
        backlog = []
        backlogStart = 0
    }

    /// Goes on until the input is used up, until what it holds has to wait, or until the turn is over.
    private func parse(_ input: Span<UInt8>, at position: inout Int) {
        var requests = 0
        while phase == .open, position < input.count, !isReadingPaused, requests < Self.maxRequestsPerTurn {
            do throws(HTTPParseError) {
                guard let request = try parser.next(input, at: &position) else {
                    reserveForBody()
                    continue
                }
                requests += 1
                begin(request)
            } catch {
                return reject(error)
            }
            if loop.isTurnOver() { break }
        }
        if phase == .open { sendContinueIfDue() }
        if position < input.count { loop.scheduleTurn(self) }
    }

    private func begin(_ request: HTTPParsedRequest) {
        if isOnReserve {
            guard server.configuration.isReserved(request) else { return refuseOnReserve() }
            endProbation()
        }
        recognisePeer(request.path)
        held = weighed(request)
        handOnIfPossible()
    }

    /// RFC 9112 §9.3.2: only safe requests may be carried out side by side. Others are begun in their order, which is enough
    /// among themselves; a read must not overtake a write, nor a write a read. What is large is alone.
    private func mayBegin(_ request: Weighed) -> Bool {
        if queue.isEmpty { return !request.isHeavy || outgoing == nil }
        return request.request.isSafe == areSafeInProgress && !queue.hasHeavy && !request.isHeavy
    }

    /// The request that waited for those before it, or for memory.
    func handOnHeld() {
        if !memory.isWaiting, handOnIfPossible(), phase == .open { loop.scheduleTurn(self) }
    }

    /// - Returns: Whether there was a request, and it had to wait for nothing.
    @discardableResult private func handOnIfPossible() -> Bool {
        guard let request = held, mayBegin(request), reserveWhatIsWanted() else { return false }
        held = nil
        handOn(request)
        return true
    }

    private func handOn(_ weighed: Weighed) {
        let parsed = weighed.request
        areSafeInProgress = parsed.isSafe
        server.counters.requests.wrappingAdd(1, ordering: .relaxed)
        requestStart = 0
        let sequence = queue.append(
            ResponseQueue.Slot(
                response: nil, isToHead: parsed.method == "HEAD", isVersion10: parsed.isVersion10,
                closes: !parsed.keepsAlive, reserved: memory.handOver(), isHeavy: weighed.isHeavy))
        // RFC 9112 §9.6: nothing behind a request with `close` is looked at.
        if !parsed.keepsAlive { stopReading() }
        server.handler(
            HTTPRequest(
                method: parsed.method, path: parsed.path, query: parsed.query, headers: parsed.headers,
                body: parsed.body,
                connection: connection),
            HTTPResponder(channel: self, sequence: sequence))
    }

    /// The interim answer must not overtake those to earlier requests; it is due again when they are sent.
    func sendContinueIfDue() {
        guard phase == .open, queue.isEmpty, outgoing == nil, !memory.isWaiting, parser.takeContinueExpectation()
        else { return }
        beginSending()
        output.write(loop) { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
        loop.scheduleTurn(self)
    }

    /// Answers, behind all earlier answers, that what came cannot be read on, and ends the connection.
    func reject(_ error: HTTPParseError) {
        server.counters.count(error.rejection)
        held = nil
        let sequence = queue.append(
            ResponseQueue.Slot(response: nil, isToHead: parser.isHead, isVersion10: false, closes: true))
        stopReading()
        complete(sequence, with: ResponseEncoder.problem(error))
    }

    /// The peer sends nothing more, but may still want its answers (half-close).
    private func endInput() {
        inputHasEnded = true
        if phase == .lingering || (queue.isEmpty && !hasToSend && !hasWaiting) { return close() }
        if !hasWaiting { stopReading() }
    }
}
