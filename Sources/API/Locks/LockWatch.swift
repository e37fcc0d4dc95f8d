import Dispatch
import Metadata
import Server
import Synchronization
import Wire

/// `?watch=true` of a lock: a line for each holder, from the present one on; who leads, where the lock is an election. Who reads
/// slowly is told of the latest.
final class LockWatch: Sendable {
    private struct State {
        var latest: (lock: LockState, revision: UInt64)?
        /// The lock as it was told, and up to which revision it was so.
        var told: LockState?
        var toldThrough: UInt64 = 0
        var hasNodeEnded = false
    }

    private let name: LockName
    private let watch: KeyWatch
    private let service: any NodeService
    private let state = Mutex(State())
    /// Rings when ``next()`` has something.
    private let bell = Doorbell()

    private init(_ name: LockName, _ watch: KeyWatch, _ service: any NodeService) {
        (self.name, self.watch, self.service) = (name, watch, service)
    }

    static func begin(_ name: LockName, _ exchange: Exchange) {
        if EventStream.answerHead(exchange) { return }
        let (service, looking) = (exchange.service, exchange.looking)
        let changes = Doorbell()
        exchange.watch(name.queue, after: nil, changes) { watch in
            let lock = LockWatch(name, watch, service)
            changes.answer { looking.async { lock.look() } }
            let release: @Sendable () -> Void = {
                changes.mute()
                service.unwatch(watch)
            }
            EventStream.answer(
                exchange, lock.bell, position: "revision", quiet: .seconds(10), release: release, next: lock.next)
            changes.ring()
        }
    }

    private func look() {
        var news = watch.next()
        while case .events = news { news = watch.next() }
        if case .ended = news { state.withLock { $0.hasNodeEnded = true } }
        service.read(.stale) { [self] view in
            if case .success(let view) = view {
                let lock = LockState(name, in: view.metadata)
                state.withLock { $0.latest = (lock, view.metadata.counters.revision) }
            }
            bell.ring()
        }
    }

    private func next() -> EventStream.News {
        state.withLock { state in
            if let (lock, revision) = state.latest {
                state.toldThrough = revision
                if lock != state.told {
                    state.told = lock
                    return .event(id: revision) { json in
                        json.field("type", "lock")
                        lock.write(to: &json)
                        json.field("revision", revision)
                    }
                }
            }
            return state.hasNodeEnded ? .ended : .nothing(through: state.toldThrough)
        }
    }
}
