import Dispatch
import Synchronization

/// Turns host names into addresses, without keeping a loop waiting.
///
/// A name server may be silent for many seconds, and each look-up blocks a thread. So a name is asked for once at a time,
/// whoever waits for it; a number of look-ups run side by side; names that failed lately leave half of those to others;
/// and an address that was right before is better than none.
public final class Resolver: Sendable {
    /// For connections that share the fate of all others.
    public static let shared = Resolver(maxLookups: 8)

    typealias Answer = Result<[SocketAddress], HTTPClientError>
    typealias Lookup = @Sendable (_ host: String) throws(HTTPClientError) -> [SocketAddress]

    /// How long a name that could not be resolved is not asked for again.
    static let failureLifetime: UInt64 = 3_000_000_000
    /// How long a look-up may take before the last known address is used instead.
    static let patience: UInt64 = 200_000_000
    /// Of connections that wait; beyond it they fail at once.
    static let maxWaiters = 16_384
    /// Of names that are remembered when nobody waits for them.
    static let maxNames = 16_384

    private let maxLookups: Int
    private let lookUp: Lookup
    private let state: Mutex<ResolverState>
    /// Short work only.
    private static let timers = DispatchQueue(label: "http.resolver.timers")

    /// - Parameter maxLookups: How many names may be asked for at the same time; from 2.
    public convenience init(maxLookups: Int) {
        self.init(maxLookups: maxLookups) { host throws(HTTPClientError) in try Self.resolveByName(host) }
    }

    init(maxLookups: Int, lookUp: @escaping Lookup) {
        self.maxLookups = maxLookups
        self.lookUp = lookUp
        state = Mutex(ResolverState(maxLookups: maxLookups))
    }

    /// Calls `completion` on some thread, perhaps this one.
    ///
    /// - Parameter deadline: When nobody waits for the answer any more, in nanoseconds of the monotonic clock.
    func resolve(
        _ host: String, port: UInt16, deadline: UInt64, completion: @escaping @Sendable (Answer) -> Void
    ) {
        let waiter = ResolverState.Waiter(port: port, deadline: deadline, completion: completion)
        var (known, work) = (false, ResolverState.Work())
        state.withLock { state in
            known = state.ask(host, waiter, now: Monotonic.now(), into: &work)
        }
        carryOut(work)
        guard known else { return }
        Self.timers.asyncAfter(deadline: .now() + .nanoseconds(Int(Self.patience))) { [self] in
            var work = ResolverState.Work()
            state.withLock { $0.settleForKnown(host, into: &work) }
            carryOut(work)
        }
    }

    private func carryOut(_ work: ResolverState.Work) {
        for (waiter, answer) in work.answers { waiter.take(answer) }
        for host in work.lookups {
            // A queue for each, for a thread that blocks keeps others of Dispatch's shared pool from being made.
            DispatchQueue(label: "http.resolver").async { [self] in
                let answer = Answer { () throws(HTTPClientError) in try lookUp(host) }
                var work = ResolverState.Work()
                state.withLock { $0.finish(host, answer, now: Monotonic.now(), into: &work) }
                carryOut(work)
            }
        }
    }
}

/// Which names are known, asked for, and waited for. Without threads and clocks.
struct ResolverState {
    struct Waiter: Sendable {
        let port: UInt16
        let deadline: UInt64
        let completion: @Sendable (Resolver.Answer) -> Void

        func take(_ answer: Resolver.Answer) {
            completion(
                answer.map { addresses in
                    addresses.map { address in
                        var address = address
                        address.port = port
                        return address
                    }
                })
        }
    }

    /// What is to be done once the lock is free.
    struct Work: Sendable {
        var answers: [(Waiter, Resolver.Answer)] = []
        var lookups: [String] = []
    }

    private struct Name {
        var waiters: [Waiter] = []
        /// Since when the look-up runs or waits for its turn.
        var askedAt: UInt64?
        /// As of the last look-up that succeeded.
        var known: [SocketAddress] = []
        /// Of the last look-up, if it failed.
        var failure: (error: HTTPClientError, at: UInt64)?

        var isIdle: Bool { waiters.isEmpty && askedAt == nil }
    }

    private let maxLookups: Int
    private var names: [String: Name] = [:]
    private var queue: [String] = []
    /// Names whose last look-up failed, and which may take long to fail again.
    private var suspects: [String] = []
    private var running: Set<String> = []
    private var runningSuspects: Set<String> = []
    private var waiterCount = 0

    init(maxLookups: Int) { self.maxLookups = maxLookups }

    /// Returns whether the waiter, if it has not been answered, has a known address to settle for.
    mutating func ask(_ host: String, _ waiter: Waiter, now: UInt64, into work: inout Work) -> Bool {
        var name = names[host] ?? Name()
        if let failure = name.failure, now < failure.at + Resolver.failureLifetime {
            work.answers.append((waiter, name.known.isEmpty ? .failure(failure.error) : .success(name.known)))
            return false
        }
        let isSlow = name.askedAt.map { now > $0 + Resolver.patience } ?? false
        if isSlow, !name.known.isEmpty {
            work.answers.append((waiter, .success(name.known)))
            return false
        }
        guard waiterCount < Resolver.maxWaiters else {
            work.answers.append((waiter, .failure(.resolutionFailed("\(host): too many names are being resolved"))))
            return false
        }
        waiterCount += 1
        name.waiters.append(waiter)
        if name.askedAt == nil {
            name.askedAt = now
            if name.failure == nil { queue.append(host) } else { suspects.append(host) }
        }
        forgetSome()
        names[host] = name
        start(now: now, into: &work)
        return !name.known.isEmpty
    }

    /// The look-up takes long: who waits gets the address that was right before, if there is one.
    mutating func settleForKnown(_ host: String, into work: inout Work) {
        guard let known = names[host]?.known, !known.isEmpty else { return }
        answer(host, .success(known), into: &work)
    }

    mutating func finish(_ host: String, _ result: Resolver.Answer, now: UInt64, into work: inout Work) {
        running.remove(host)
        runningSuspects.remove(host)
        names[host]?.askedAt = nil
        switch result {
        case .success(let addresses):
            names[host]?.known = addresses
            names[host]?.failure = nil
            answer(host, result, into: &work)
        case .failure(let error):
            names[host]?.failure = (error, now)
            let known = names[host]?.known ?? []
            answer(host, known.isEmpty ? result : .success(known), into: &work)
        }
        start(now: now, into: &work)
    }

    private mutating func answer(_ host: String, _ answer: Resolver.Answer, into work: inout Work) {
        guard let waiters = names[host]?.waiters else { return }
        names[host]?.waiters = []
        waiterCount -= waiters.count
        work.answers += waiters.map { ($0, answer) }
    }

    private mutating func start(now: UInt64, into work: inout Work) {
        while running.count < maxLookups {
            let isSuspect = queue.isEmpty
            guard !isSuspect || (!suspects.isEmpty && runningSuspects.count < maxLookups / 2) else { return }
            let host = isSuspect ? suspects.removeFirst() : queue.removeFirst()
            // Nobody waits any more for a name that was long in the queue: on to one that is waited for.
            guard let waiters = names[host]?.waiters, waiters.contains(where: { $0.deadline > now }) else {
                names[host]?.askedAt = nil
                answer(host, .failure(.timedOut), into: &work)
                continue
            }
            running.insert(host)
            if isSuspect { runningSuspects.insert(host) }
            work.lookups.append(host)
        }
    }

    private mutating func forgetSome() {
        guard names.count >= Resolver.maxNames else { return }
        names = names.filter { !$0.value.isIdle }
    }
}
