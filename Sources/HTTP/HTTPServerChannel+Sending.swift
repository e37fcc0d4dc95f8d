import CLinux
import Synchronization

extension HTTPServerChannel {
    /// On the loop: takes the answer to one request, and writes what is now due to the output.
    func complete(_ sequence: UInt64, with response: HTTPResponse) {
        guard queue.fill(sequence, with: response), phase != .closed else { return }
        while phase == .open || phase == .finishing, let (slot, response) = queue.popAnswered() {
            encode(response, slot)
        }
        if phase == .open, queue.isEmpty {
            idleStart = loop.now
            sendContinueIfDue()
            handOnHeld()
        }
        loop.scheduleTurn(self)
    }

    private func encode(_ response: HTTPResponse, _ slot: ResponseQueue.Slot) {
        // In a drain the last answer that is due says that it is the last.
        let isLast = queue.isEmpty && !hasWaiting && (inputHasEnded || (server.isDraining && !parser.isMidRequest))
        let closes = slot.closes || isLast || response.headers.asksToClose
        let field: ResponseEncoder.ConnectionField = closes ? .close : slot.isVersion10 ? .keepAlive : .none
        beginSending()
        loop.date.refresh(now: loop.now)
        output.write(loop) {
            ResponseEncoder.encode(
                response, isToHead: slot.isToHead, connection: field, date: loop.date.line, into: &$0)
        }
        if closes {
            phase = .closing
            queue.removeAll()
            backlog = []
            held = nil
        }
    }

    /// The time limit for the peer to take something starts when there is something to take.
    func beginSending() {
        if output.isEmpty { sendStart = loop.now }
    }

    func sendOutput() {
        guard phase != .closed, phase != .lingering else { return }
        if !output.isEmpty {
            var sent = 0
            let outcome = output.flush(descriptor, loop, sent: &sent)
            if sent > 0 {
                server.counters.sent.wrappingAdd(sent, ordering: .relaxed)
                sendStart = loop.now
            }
            switch outcome {
            case .sentAll: waitForWritability(false)
            case .wouldBlock: return waitForWritability(true)
            case .failed: return close()
            }
        }
        if phase == .closing { return linger() }
        if inputHasEnded, queue.isEmpty, !hasWaiting { close() }
    }

    /// Asks for the event only while bytes wait.
    private func waitForWritability(_ waits: Bool) {
        guard waits != waitsForWritability else { return }
        waitsForWritability = waits
        loop.modify(self, events: waits ? Self.interest | EPOLLOUT.rawValue : Self.interest)
    }
}
