import HTTP
import Server
import Synchronization

/// A question for changes that is answered when there are some, or, with none, when its time is up.
final class ChangesPoll: Sendable {
    private struct State {
        /// The watch that wakes it.
        var watch: UInt64?
        /// What the connection's end calls.
        var onClose: Int?
        var alarm: Alarm?
        var isAsking = false
        /// Something happened since the last question.
        var isDue = false
        var isTimeUp = false
        var isOver = false
    }

    private let request: ChangesRequest
    private let exchange: Exchange
    private let state = Mutex(State())

    private init(_ request: ChangesRequest, _ exchange: Exchange) {
        (self.request, self.exchange) = (request, exchange)
    }

    /// Asks at once: most who come have missed something, and need nothing more.
    static func begin(_ request: ChangesRequest, milliseconds: UInt64, _ exchange: Exchange) {
        exchange.service.changes(request) { result in
            guard case .success(.page(let page)) = result, page.isNothing else {
                return Changes.answer(result, exchange)
            }
            ChangesPoll(request, exchange).wait(milliseconds: milliseconds)
        }
    }

    private func wait(milliseconds: UInt64) {
        // It lives as long as the connection waits for it.
        let number = exchange.request.connection.onClose { [self] in _ = end() }
        let alarm = Alarm(on: exchange.timers) { [weak self] in
            self?.state.withLock { $0.isTimeUp = true }
            self?.ask()
        }
        state.withLock { ($0.onClose, $0.alarm) = (number, alarm) }
        let begun: @Sendable (Result<UInt64, RequestFailure>) -> Void = { [self] result in
            switch result {
            case .success(let watch): self.begun(watch)
            case .failure(let failure): answer(.failure(failure))
            }
        }
        exchange.service.watchMetadata(wake: { [weak self] in self?.ask() }, completion: begun)
        alarm.set(after: .milliseconds(milliseconds))
    }

    private func begun(_ watch: UInt64) {
        let isOver = state.withLock { state in
            state.watch = watch
            return state.isOver
        }
        if isOver { exchange.service.unwatchMetadata(watch) } else { ask() }
    }

    private func ask() {
        let mustWait = state.withLock { state in
            state.isDue = state.isAsking
            defer { state.isAsking = true }
            return state.isAsking || state.isOver
        }
        if mustWait { return }
        exchange.service.changes(request) { [self] result in
            let isNothing = if case .success(.page(let page)) = result { page.isNothing } else { false }
            let (isTimeUp, isDue) = state.withLock { state in
                state.isAsking = false
                return (state.isTimeUp, state.isDue)
            }
            if !isNothing || isTimeUp { answer(result) } else if isDue { ask() }
        }
    }

    private func answer(_ result: Result<ChangesOutcome, RequestFailure>) {
        guard end() else { return }
        if let number = state.withLock({ $0.onClose }) { exchange.request.connection.callOff(number) }
        Changes.answer(result, exchange)
    }

    /// True for the first caller.
    private func end() -> Bool {
        let (isFirst, watch) = state.withLock { state in
            defer { (state.isOver, state.alarm) = (true, nil) }
            return (!state.isOver, state.watch)
        }
        if isFirst, let watch { exchange.service.unwatchMetadata(watch) }
        return isFirst
    }
}
