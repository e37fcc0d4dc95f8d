import Dispatch
import HTTP
import Metadata
import Server
import Synchronization
import Wire

/// One request for a lock, until it is answered: with the lock, or because the time is up, or never, because whoever asked
/// has gone; then his place in the queue is given up.
final class LockAcquisition: Sendable {
    private let name: LockName
    private let wait: Int64
    private let content: LockPlace
    private let lease: LeaseID
    private let ttl: Int64
    private let place: Key
    private let exchange: Exchange
    private let doorbell = Doorbell()
    private let isOver = Atomic(false)
    /// While it waits.
    private let waiting = Mutex<Waiting?>(nil)

    private struct Waiting {
        let watch: KeyWatch
        let connectionCallback: Int
        let renewal: Alarm?
    }

    init(_ name: LockName, _ request: Locks.Request, lease: LeaseID, ownsLease: Bool, _ exchange: Exchange) {
        self.name = name
        wait = request.wait
        content = LockPlace(holder: request.holder, ownsLease: ownsLease)
        self.lease = lease
        ttl = request.ttlSeconds ?? 1
        place = name.place(of: lease)
        self.exchange = exchange
    }

    func begin() {
        exchange.service.submit(.transaction(wait > 0 ? joining : taking)) { [self] result in
            switch result {
            case .success(.transaction(let outcome, let revision)): joined(outcome, revision)
            case .success(.refused(let refusal)):
                leave()
                exchange.answer(refusal)
            case .success(let result): exchange.answerUnexpected(result)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    private var put: Transaction.Operation {
        .put(Transaction.Write(key: place, value: content.value, lease: .lease(lease)))
    }

    /// Only if nobody has it.
    private var taking: Transaction {
        Transaction(
            comparisons: [Comparison(name.queue, .equal, .createRevision(0))],
            success: [put, .read(name.queue, at: nil)], failure: [.read(name.queue, at: nil)])
    }

    /// Behind those that are there; who waits already keeps his place.
    private var joining: Transaction {
        Transaction(
            comparisons: [Comparison(.key(place), .equal, .createRevision(0))],
            success: [put, .read(name.queue, at: nil)], failure: [.read(name.queue, at: nil)])
    }

    private func joined(_ outcome: TransactionResult, _ revision: UInt64) {
        guard case .read(let image)? = outcome.results.last?.kind else { return }
        let state = LockState(name, in: image.state)
        if state.held?.place == place { return acquired(state) }
        guard wait > 0, state.waiting <= Locks.maxPlaces else { return refused(state) }
        beginToWait(after: revision)
    }

    private func acquired(_ state: LockState) {
        guard end() else { return }
        guard content.ownsLease, wait > 0 else { return answer(state) }
        // It was waited for on the lease's time: that begins now.
        exchange.service.keepAlive(lease) { [self] _ in answer(state) }
    }

    private func answer(_ state: LockState) {
        exchange.answerJSON { json in
            json.object { json in
                json.field("name", name.text)
                json.field("token", state.held?.token)
                json.field("lease", lease: lease)
                json.field("holder", content.holder)
            }
        }
    }

    private func refused(_ state: LockState) {
        guard end() else { return }
        leave()
        exchange.answer(Problem.lockHeld(state))
    }

    /// Gives the place up, and the lease if it was for this alone.
    private func leave() {
        // Who would not wait has no place, but perhaps another request of his with the same lease.
        guard content.ownsLease || wait > 0 else { return }
        let command: Command =
            content.ownsLease
            ? .revokeLease(lease) : .transaction(Transaction(success: [.delete(.key(place))]))
        exchange.service.submit(command) { _ in }
    }

    // MARK: Waiting

    private func beginToWait(after revision: UInt64) {
        let completion: @Sendable (Result<KeyWatch, WatchFailure>) -> Void = { [self] result in
            guard case .success(let watch) = result else { return lookAndRefuse() }
            let number = exchange.request.connection.onClose { [self] in if end() { leave() } }
            let renewal = content.ownsLease ? renewal() : nil
            waiting.withLock {
                $0 = Waiting(watch: watch, connectionCallback: number, renewal: renewal)
            }
            doorbell.answer { [self] in exchange.looking.async { [self] in look(watch) } }
            doorbell.ring()
            exchange.timers.asyncAfter(deadline: .now() + Double(wait)) { [weak self] in self?.lookAndRefuse() }
        }
        exchange.service.watch(
            name.queue, after: revision, wake: { [doorbell] in doorbell.ring() }, completion: completion)
    }

    /// A lease that was made for this wait is kept alive while it waits.
    private func renewal() -> Alarm {
        let pause = Duration.seconds(ttl) / 3
        let alarm = Alarm(on: exchange.timers) { [weak self] in
            guard let self, !isOver.load(ordering: .sequentiallyConsistent) else { return }
            exchange.service.keepAlive(lease) { _ in }
            waiting.withLock { $0?.renewal?.set(after: pause) }
        }
        alarm.set(after: pause)
        return alarm
    }

    private func look(_ watch: KeyWatch) {
        while case .events = watch.next() {}
        exchange.service.read(.stale) { [self] view in
            guard case .success(let view) = view else { return }
            let state = LockState(name, in: view.metadata)
            if state.held?.place == place { return acquired(state) }
            // The lease ended meanwhile.
            if view.metadata.value(place) == nil, end() { exchange.answer(.unknownLease(lease)) }
        }
    }

    private func lookAndRefuse() {
        exchange.service.read(.stale) { [self] view in
            guard case .success(let view) = view else { return }
            let state = LockState(name, in: view.metadata)
            state.held?.place == place ? acquired(state) : refused(state)
        }
    }

    /// True for the first caller.
    private func end() -> Bool {
        guard !isOver.exchange(true, ordering: .sequentiallyConsistent) else { return false }
        doorbell.mute()
        let waiting = waiting.withLock { waiting in
            defer { waiting = nil }
            return waiting
        }
        if let waiting {
            exchange.request.connection.callOff(waiting.connectionCallback)
            exchange.service.unwatch(waiting.watch)
        }
        return true
    }
}
