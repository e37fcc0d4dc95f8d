import Testing

@testable import dmq_metadata

@Suite struct WatchdogTests {
    @Test func idlePartsAnswerAndAreAskedAgain() {
        var watchdog = Watchdog(timeout: .seconds(20))
        for second in stride(from: 0, to: 1000, by: 5) {
            #expect(watchdog.questions(at: .seconds(second)) == [.core, .storage])
            #expect(watchdog.stuckPart(at: .seconds(second)) == nil)
            watchdog.answered(.core)
            watchdog.answered(.storage)
        }
    }

    @Test func silentCoreIsStuckAfterHalfTheTimeout() {
        var watchdog = Watchdog(timeout: .seconds(20))
        _ = watchdog.questions(at: .zero)
        watchdog.answered(.storage)
        #expect(watchdog.questions(at: .seconds(5)) == [.storage])
        #expect(watchdog.stuckPart(at: .seconds(10)) == nil)
        #expect(watchdog.stuckPart(at: .seconds(11)) == .core)
        watchdog.answered(.core)
        #expect(watchdog.stuckPart(at: .seconds(11)) == nil)
    }

    @Test func slowDiskAloneIsNotStuck() {
        var watchdog = Watchdog(timeout: .seconds(20))
        for second in stride(from: 0, through: 300, by: 5) {
            _ = watchdog.questions(at: .seconds(second))
            watchdog.answered(.core)
            #expect(watchdog.stuckPart(at: .seconds(second)) == nil)
        }
        #expect(watchdog.stuckPart(at: .seconds(301)) == .storage)
        #expect(Watchdog(timeout: .seconds(60)).patience[.storage] == .seconds(600))
    }
}
