import Dispatch
import HTTP
import Metadata
import Server
import Synchronization

/// A request that is answered with what is there once a watch has something, or with 304 when the time is up.
final class LongPoll: Sendable {
    private let watch: KeyWatch
    private let path: KeyPath
    private let exchange: Exchange
    private let doorbell: Doorbell
    private let isOver = Atomic(false)

    init(_ watch: KeyWatch, of path: KeyPath, _ exchange: Exchange, _ doorbell: Doorbell) {
        (self.watch, self.path, self.exchange, self.doorbell) = (watch, path, exchange, doorbell)
    }

    func begin(seconds: UInt64) {
        let connection = exchange.request.connection
        let number = connection.onClose { [self] in _ = end() }
        // The node rings on its own thread: it must not be held up.
        doorbell.answer { [self] in exchange.looking.async { [self] in look(calledOff: number) } }
        doorbell.ring()
        exchange.timers.asyncAfter(deadline: .now() + Double(seconds)) { [weak self] in
            guard let self, end() else { return }
            connection.callOff(number)
            exchange.answer(HTTPResponse(status: 304))
        }
    }

    /// True for the first caller.
    private func end() -> Bool {
        guard !isOver.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        doorbell.mute()
        exchange.service.unwatch(watch)
        return true
    }

    private func look(calledOff number: Int) {
        while !isOver.load(ordering: .sequentiallyConsistent) {
            switch watch.next() {
            case .nothing: return
            case .events(let events, _) where events.isEmpty: continue
            default: break
            }
            guard end() else { return }
            exchange.request.connection.callOff(number)
            do throws(Problem) { try KeyValueReads.answerStale(path, exchange) } catch {
                exchange.answer(error)
            }
        }
    }
}
