import Raft
import Server

/// One process's clocks: a monotonic one with an origin and a rate of its own, and a wall clock that is wrong by a skew.
final class SimulatedClock: NodeClock {
    private let node: SimulatedNode
    private let timeline: Timeline
    private let startedAt: VirtualTime
    private let origin: UInt64
    /// How fast the monotonic clock goes, in thousandths of the true rate.
    private let rate: UInt64
    private var due = VirtualTime(nanoseconds: .max)
    /// When the event comes that looks whether it is due.
    private var scheduled = VirtualTime(nanoseconds: .max)

    /// The wall clock at the start of the simulation, Unix milliseconds.
    private static let epoch: Int64 = 1_731_345_678_000

    init(node: SimulatedNode, timeline: Timeline, origin: UInt64, rate: UInt64) {
        self.node = node
        self.timeline = timeline
        self.origin = origin
        self.rate = rate
        startedAt = timeline.now
    }

    var now: Moment {
        let elapsed = (timeline.now.nanoseconds - startedAt.nanoseconds) / 1000 * rate
        return Moment(
            instant: Instant(nanoseconds: origin + elapsed),
            unixMilliseconds: Self.epoch + Int64(timeline.now.nanoseconds / 1_000_000) + node.wallClockSkew)
    }

    /// A later call replaces an earlier one. The event that is there already serves when it is not too late: it looks
    /// again when it fires.
    func wake(at instant: Instant) {
        let elapsed = instant.nanoseconds > origin ? min(instant.nanoseconds - origin, 1 << 50) : 0
        // Rounded up: a timer never fires early.
        due = VirtualTime(nanoseconds: startedAt.nanoseconds + (elapsed / rate + 1) * 1000)
        guard due < scheduled else { return }
        schedule(max(due, timeline.now))
    }

    private func schedule(_ time: VirtualTime) {
        scheduled = time
        let incarnation = node.incarnation
        timeline.schedule(at: time) { [self] in
            guard time == scheduled, incarnation == node.incarnation else { return }
            scheduled = VirtualTime(nanoseconds: .max)
            if due <= timeline.now { node.post(.timer) } else { schedule(due) }
        }
    }
}
