import Raft

/// Time by a clock that stands still with the node: what comes while the node stands still it can not hear, so that time is not
/// held against whoever was to come.
struct WakingTime {
    /// A wake-up that is late by less says that the machine is busy, not that the node stood still.
    static let ordinaryDelay: Duration = .milliseconds(100)

    /// Altogether.
    private var stoodStill: Duration = .zero

    /// The node was to wake at `planned` and wakes now.
    mutating func woke(now: Instant, planned: Instant) {
        guard now > planned else { return }
        let late = now.since(planned)
        if late > Self.ordinaryDelay { stoodStill += late }
    }

    /// A moment by this clock.
    func awake(_ moment: Instant) -> Instant {
        let still = min(stoodStill.wholeNanoseconds, moment.nanoseconds)
        return Instant(nanoseconds: moment.nanoseconds - still)
    }

    /// The moment that is `awake` by this clock, if the node does not stand still any more.
    func moment(_ awake: Instant) -> Instant { awake.advanced(by: stoodStill) }
}
