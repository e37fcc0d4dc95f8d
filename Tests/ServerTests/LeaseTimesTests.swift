import Metadata
import Raft
import Testing

@testable import Server

/// What is left of leases, against the clock.
@Suite struct LeaseTimesTests {
    private func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64(seconds * 1e9)) }
    private func lease(_ id: LeaseID, _ ttl: Int64) -> Lease { Lease(id: id, ttlSeconds: ttl) }

    @Test func endsWhenItsTimeIsUp() {
        var times = LeaseTimes([lease(1, 5)], now: at(100))
        times.granted(lease(2, 3), now: at(101))
        #expect(times.due(now: at(200)).isEmpty, "only a leader ends one")
        times.beginLeading()
        #expect(times.nextDeadline == at(104))
        #expect(times.due(now: at(103.9)).isEmpty)
        times.keptAlive([2], now: at(103))
        #expect(times.due(now: at(104.5)).isEmpty, "kept alive meanwhile")
        #expect(times.remaining(1, now: at(103)) == .seconds(2) && times.remaining(3, now: at(103)) == nil)
        #expect(times.due(now: at(106)) == [1, 2])
        #expect(times.due(now: at(107)).isEmpty, "each is named once")
        times.endingFailed(1)
        times.ended(2)
        #expect(times.due(now: at(107)) == [1])
    }

    @Test("not while a renewal is on its way, also one from before the opening entry")
    func waitsForRenewals() {
        var times = LeaseTimes([lease(1, 5)], now: at(0))
        times.renewing(1)
        times.beginLeading()
        #expect(times.due(now: at(6)).isEmpty)
        times.settled(1)
        #expect(times.due(now: at(6.1)).isEmpty && times.due(now: at(6.3)) == [1])
    }

    @Test("not while one whose outcome nobody knows may be committed")
    func waitsForUnknownOutcomes() {
        var times = LeaseTimes([lease(1, 5)], now: at(0))
        times.beginLeading()
        times.renewing(1)
        times.outcomeUnknown(1, through: LogIndex(20))
        #expect(times.due(now: at(60), pending: LogIndex(8)...LogIndex(30)).isEmpty)
        #expect(times.due(now: at(61), pending: LogIndex(21)...LogIndex(30)) == [1], "it would have been applied")
        times.endingFailed(1)
        #expect(times.due(now: at(61), pending: LogIndex(8)...LogIndex(19)) == [1], "the log was cut back")
    }

    @Test func timeThatTheNodeStoodStillDoesNotCount() {
        var times = LeaseTimes([lease(1, 5)], now: at(0))
        times.beginLeading()
        times.woke(now: at(10), planned: at(2))
        #expect(times.remaining(1, now: at(10)) == .seconds(3))
        #expect(times.due(now: at(10)).isEmpty && times.nextDeadline == at(13))
        #expect(times.due(now: at(13)) == [1])
    }

    @Test func whatComesFromElsewhereHasItsWholeTime() {
        var times = LeaseTimes([lease(1, 5)], now: at(0))
        times.beginLeading()
        times.restart([lease(1, 5), lease(2, 1)], now: at(4))
        #expect(times.due(now: at(8)) == [2] && times.due(now: at(9)) == [1])
    }

    @Test("a few at a time, and those that have ended take no room for long")
    func bounds() {
        var times = LeaseTimes([], now: at(0))
        times.beginLeading()
        for id in 1...100 as ClosedRange<LeaseID> { times.granted(lease(id, 1), now: at(0)) }
        #expect(times.due(now: at(2)) == Array(1...64) && times.nextDeadline == at(1))
        #expect(times.due(now: at(2)) == Array(65...100))
        for id in 1...100 as ClosedRange<LeaseID> { times.ended(id) }
        for id in 101...5000 as ClosedRange<LeaseID> {
            times.granted(lease(id, 31_536_000), now: at(2))
            times.ended(id)
        }
        #expect(times.waitingCount <= 1026)
    }
}
