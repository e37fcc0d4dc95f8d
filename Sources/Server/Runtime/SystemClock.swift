import Dispatch
import Glibc
import Raft

/// The machine's clocks, and one timer on the node's queue.
final class SystemClock: NodeClock {
    private let mailbox: Mailbox
    private let timer: any DispatchSourceTimer
    private var armed: Instant?

    init(mailbox: Mailbox) {
        self.mailbox = mailbox
        timer = DispatchSource.makeTimerSource(flags: .strict, queue: mailbox.queue)
        timer.setEventHandler { [mailbox, unowned self] in
            armed = nil
            mailbox.post(.timer)
        }
        timer.activate()
    }

    deinit { timer.cancel() }

    static var now: Moment {
        Moment(
            instant: Instant(nanoseconds: read(CLOCK_MONOTONIC)),
            unixMilliseconds: Int64(read(CLOCK_REALTIME) / 1_000_000))
    }

    var now: Moment { Self.now }

    /// Waking too early is harmless and arming is a system call, so a timer that is due before `instant` stays.
    func wake(at instant: Instant) {
        if let armed, armed <= instant { return }
        armed = instant
        timer.schedule(deadline: DispatchTime(uptimeNanoseconds: instant.nanoseconds), leeway: .nanoseconds(0))
    }

    private static func read(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
