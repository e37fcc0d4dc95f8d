import CLinux
import Synchronization

extension HTTPServerChannel {
    /// An answer is put into the output when less than this waits there.
    private static let lowWater = 64 * 1024
    /// How much a connection sends in one turn: the others come first then.
    private static let maxBytesPerTurn = 256 * 1024

    /// On the loop: takes the answer to one request, to be sent when those before it are.
    func complete(_ sequence: UInt64, with response: HTTPResponse) {
        guard queue.fill(sequence, with: response), phase != .closed else { return }
        loop.scheduleTurn(self)
    }

    /// A live body that waits is nothing to send.
    var hasToSend: Bool { !output.isEmpty || outgoing != nil && !bodyWaits }

    /// What the peer has asked for and not taken.
    var unsentBytes: Int { output.count + (outgoing?.heldBytes ?? 0) + queue.answerBytes }

    /// Sends what is due until the peer takes no more or the turn is over.
    func sendOutput() {
        guard phase != .closed, phase != .lingering else { return }
        var sentInTurn = 0
        while true {
            fillOutput()
            guard !output.isEmpty else { break }
            var sent = 0
            let outcome = output.flush(descriptor, loop, sent: &sent)
            sentInTurn += sent
            if sent > 0 {
                server.counters.sent.wrappingAdd(sent, ordering: .relaxed)
                sendStart = loop.now
            }
            switch outcome {
            case .sentAll: waitForWritability(false)
            case .wouldBlock: return waitForWritability(true)
            case .failed: return close()
            }
            if sentInTurn >= Self.maxBytesPerTurn || loop.isTurnOver() {
                loop.scheduleTurn(self)
                break
            }
        }
        // The turn was over before the body had anything to send.
        if output.isEmpty, outgoing != nil, !bodyWaits { loop.scheduleTurn(self) }
        endIfAllIsSent()
    }

    private func endIfAllIsSent() {
        guard !hasToSend, outgoing == nil else { return }
        if phase == .closing { return linger() }
        if inputHasEnded, queue.isEmpty, !hasWaiting { close() }
    }

    /// Writes what is due to the output, as long as little waits there.
    private func fillOutput() {
        while output.count < Self.lowWater {
            if outgoing != nil {
                if bodyWaits { break }
                writePiece()
                if loop.isTurnOver() { return }
            } else if phase == .open || phase == .finishing, let (slot, response) = queue.popAnswered() {
                begin(response, slot)
            } else {
                break
            }
        }
        if phase == .open, outgoing == nil {
            if queue.isEmpty {
                idleStart = loop.now
                sendContinueIfDue()
            }
            handOnHeld()
        }
    }

    private func begin(_ response: HTTPResponse, _ slot: ResponseQueue.Slot) {
        // In a drain the last answer that is due says that it is the last.
        let isLast = queue.isEmpty && !hasWaiting && (inputHasEnded || (server.isDraining && !parser.isMidRequest))
        let framing = ResponseEncoder.framing(of: response, isVersion10: slot.isVersion10)
        var closes = slot.closes || isLast || response.headers.asksToClose
        if case .close = framing { closes = true }
        let field: ResponseEncoder.ConnectionField = closes ? .close : slot.isVersion10 ? .keepAlive : .none
        beginSending()
        loop.date.refresh(now: loop.now)
        let date = loop.date.line
        output.write(loop) {
            ResponseEncoder.encodeHead(response, framing: framing, connection: field, date: date, into: &$0)
        }
        if closes {
            stopReading()
            forgetRequests()
        }
        outgoing = body(of: response, framing, isToHead: slot.isToHead, closes: closes, reserved: slot.reserved)
        guard let stream = outgoing?.stream else {
            if outgoing == nil { ended(closes: closes, reserved: slot.reserved) }
            return
        }
        guard stream.isLive else { return }
        if server.isDraining { stream.endSoon() }
        stream.onWake { [weak self, weak stream] in
            guard let self, let stream else { return }
            loop.submit { self.resume(stream) }
        }
    }

    /// The producer of the live body has something.
    private func resume(_ stream: HTTPBodyStream) {
        guard phase != .closed, outgoing?.stream === stream else { return }
        if bodyWaits { beginSending() }
        bodyWaits = false
        loop.scheduleTurn(self)
    }

    /// The server stops: a live body gets its last words.
    func endLiveBody() {
        guard let stream = outgoing?.stream, stream.isLive else { return }
        stream.endSoon()
        resume(stream)
    }

    /// What is to follow the head, unless it is so short that it is written at once.
    private func body(
        of response: HTTPResponse, _ framing: ResponseEncoder.BodyFraming, isToHead: Bool, closes: Bool, reserved: Int
    ) -> OutgoingBody? {
        if isToHead { return nil }
        if case .none = framing { return nil }
        if let stream = response.stream {
            var isChunked = false
            if case .chunked = framing { isChunked = true }
            return OutgoingBody(stream: stream, isChunked: isChunked, closes: closes, reserved: reserved)
        }
        if response.body.count > 16 * 1024 {
            return OutgoingBody(bytes: response.body, closes: closes, reserved: reserved)
        }
        output.write(loop) { $0.append(contentsOf: response.body) }
        return nil
    }

    private func writePiece() {
        guard var body = outgoing else { return }
        // Nothing else holds the bytes while they are written to.
        outgoing = nil
        var spare = loop.takeBuffer()
        var progress = HTTPBodyStream.Progress.ended
        output.write(loop) { progress = body.writePiece(to: &$0, spare: &spare) }
        loop.giveBack(spare)
        bodyWaits = progress == .waiting
        if progress == .ended { ended(closes: body.closes, reserved: body.reserved) } else { outgoing = body }
    }

    /// The whole answer is in the output.
    private func ended(closes: Bool, reserved: Int) {
        memory.reservedByRequests -= reserved
        if closes { phase = .closing }
    }

    /// The time limit for the peer to take something starts when there is something to take.
    func beginSending() {
        if output.isEmpty { sendStart = loop.now }
    }

    /// Asks for the event only while bytes wait.
    private func waitForWritability(_ waits: Bool) {
        guard waits != waitsForWritability else { return }
        waitsForWritability = waits
        loop.modify(self, events: waits ? Self.interest | EPOLLOUT.rawValue : Self.interest)
    }
}
