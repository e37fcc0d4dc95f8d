import Synchronization

extension HTTPServerChannel {
    /// So that one busy sender does not hold up the loop's other connections.
    private static let maxReadsPerTurn = 16

    /// Reads until the socket is empty. A read that does not fill the buffer has emptied it; the event of what arrives later
    /// is a new one. Only when the peer has hung up is one more read needed to see it.
    func readInput(hasHungUp: Bool) {
        var reads = 0
        // What is in the backlog came before what is in the socket.
        while mayRead, reads < Self.maxReadsPerTurn,
            phase == .lingering || (phase == .open && !isReadingPaused && backlog.isEmpty)
        {
            reads += 1
            switch Socket.receive(descriptor, into: loop.receiveBuffer) {
            case .bytes(let count):
                server.counters.received.wrappingAdd(count, ordering: .relaxed)
                if count < loop.receiveBuffer.count, !hasHungUp { mayRead = false }
                take(UnsafeRawBufferPointer(rebasing: loop.receiveBuffer[..<count]))
            case .wouldBlock:
                mayRead = false
            case .endOfInput:
                mayRead = false
                endInput()
            case .failed:
                return close()
            }
        }
        if mayRead { loop.scheduleTurn(self) }
    }

    private func take(_ bytes: UnsafeRawBufferPointer) {
        switch phase {
        case .open:
            parse(bytes.bindMemory(to: UInt8.self).span)
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
        parse(waiting.span)
    }

    private func parse(_ input: Span<UInt8>) {
        var position = 0
        while phase == .open, position < input.count {
            guard !isReadingPaused else {
                backlog.append(input.extracting(position..<input.count))
                return
            }
            do throws(HTTPParseError) {
                guard let request = try parser.next(input, at: &position) else { break }
                // RFC 9112 §9.3.2: only safe requests may be carried out side by side. Others are begun in their order,
                // which is enough among themselves; a read must not overtake a write, nor a write a read.
                if queue.isEmpty || request.isSafe == areSafeInProgress { handOn(request) } else { held = request }
            } catch {
                return reject(error)
            }
        }
        sendContinueIfDue()
    }

    /// The request that waited until all before it are answered.
    func handOnHeld() {
        guard let request = held else { return }
        held = nil
        handOn(request)
    }

    private func handOn(_ parsed: HTTPParsedRequest) {
        if isOnReserve {
            guard server.configuration.isReserved(parsed) else { return refuseOnReserve() }
            endProbation()
        }
        areSafeInProgress = parsed.isSafe
        server.counters.requests.wrappingAdd(1, ordering: .relaxed)
        requestStart = 0
        let sequence = queue.append(
            ResponseQueue.Slot(
                response: nil, isToHead: parsed.method == "HEAD", isVersion10: parsed.isVersion10,
                closes: !parsed.keepsAlive))
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
        guard phase == .open, queue.isEmpty, parser.takeContinueExpectation() else { return }
        beginSending()
        output.write(loop) { $0.append("HTTP/1.1 100 Continue\r\n\r\n") }
        loop.scheduleTurn(self)
    }

    /// Answers, behind all earlier answers, that what came cannot be read on, and ends the connection.
    func reject(_ error: HTTPParseError) {
        server.counters.count(error.rejection)
        let sequence = queue.append(
            ResponseQueue.Slot(response: nil, isToHead: parser.isHead, isVersion10: false, closes: true))
        stopReading()
        complete(sequence, with: ResponseEncoder.problem(error))
    }

    /// The peer sends nothing more, but may still want its answers (half-close).
    private func endInput() {
        inputHasEnded = true
        if phase == .lingering || (queue.isEmpty && output.isEmpty && !hasWaiting) { return close() }
        if !hasWaiting { stopReading() }
    }
}
