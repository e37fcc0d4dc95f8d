import Synchronization

/// What the load did and what came of it, from all its threads.
final class Tally: Sendable {
    enum Outcome: Int, CaseIterable {
        /// Answered: done, or refused for what the state is.
        case answered
        /// Certainly not done.
        case failed
        /// Nobody knows.
        case unknown
    }

    private struct State {
        var counts: [String: [Int]] = [:]
        var violations: [String] = []
        var acknowledged = 0
        var lastAcknowledged = ContinuousClock.now
        var longestPause = Duration.zero
        var fastest: Duration?
        var fastestSince = ContinuousClock.now
    }

    private let state = Mutex(State())

    func count(_ operation: String, _ outcome: Outcome) {
        state.withLock { $0.counts[operation, default: [0, 0, 0]][outcome.rawValue] += 1 }
    }

    /// By name; for each outcome of ``Outcome`` in order.
    var counts: [(operation: String, outcomes: [Int])] {
        state.withLock { $0.counts }.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// A write, called at that time, was acknowledged now.
    func acknowledged(calledAt called: ContinuousClock.Instant) {
        let now = ContinuousClock.now
        state.withLock { state in
            state.acknowledged += 1
            state.longestPause = max(state.longestPause, now - state.lastAcknowledged)
            state.lastAcknowledged = now
            if called >= state.fastestSince { state.fastest = min(state.fastest ?? now - called, now - called) }
        }
    }

    var acknowledged: Int { state.withLock { $0.acknowledged } }

    /// The longest time since this was last asked in which no write was acknowledged, up to now.
    func takeLongestPause() -> Duration {
        let now = ContinuousClock.now
        return state.withLock { state in
            defer {
                state.longestPause = .zero
                state.lastAcknowledged = now
            }
            return max(state.longestPause, now - state.lastAcknowledged)
        }
    }

    func watchFastest() {
        state.withLock { state in
            state.fastest = nil
            state.fastestSince = .now
        }
    }

    /// How soon the fastest write was acknowledged of those that were called since it is watched.
    var fastest: Duration? { state.withLock { $0.fastest } }

    func violated(_ text: String) { state.withLock { $0.violations.append(text) } }

    var violations: [String] { state.withLock { $0.violations } }
}

/// Numbers that never go back for those who ask one after another: whoever asks after another was answered is answered
/// nothing older.
final class Rising: Sendable {
    private let name: String
    private let newest = Mutex(0)

    init(_ name: String) { self.name = name }

    /// To be taken before asking.
    var floor: Int { newest.withLock { $0 } }

    /// What is wrong with `value`, asked for when the floor was `floor`.
    func saw(_ value: Int, floor: Int) -> String? {
        newest.withLock { $0 = max($0, value) }
        return value < floor ? "\(name) \(value) was answered after others had been answered \(floor)" : nil
    }
}
