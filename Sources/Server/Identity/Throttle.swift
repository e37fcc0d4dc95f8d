import Raft

/// Bounds how often one thing is said: at once when it is new, then once in ten seconds with the count of what was left out.
struct Throttle<Kind: Hashable> {
    private var last: [Kind: (at: Instant, suppressed: Int)] = [:]
    /// Kinds that are told apart; beyond, the whole memory is dropped.
    private let capacity = 64
    private let pause: Duration = .seconds(10)

    /// How many were left out since the last one, or `nil` if this is to be left out as well.
    mutating func pass(_ kind: Kind, at now: Instant) -> Int? {
        if let known = last[kind], now.since(known.at) < pause {
            last[kind]?.suppressed += 1
            return nil
        }
        if last.count >= capacity { last.removeAll() }
        let suppressed = last[kind]?.suppressed ?? 0
        last[kind] = (now, 0)
        return suppressed
    }
}
