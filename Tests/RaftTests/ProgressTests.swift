import Testing

@testable import Raft

/// One follower's progress against a list of what is on its way.
@Suite struct ProgressTests {
    private let start = Instant(nanoseconds: 0)

    @Test(arguments: 1...30) func agreesWithADumbVersion(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var settings = Settings()
        settings.maximumInflightMessages = 4
        settings.maximumInflightBytes = 500
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(1), at: Instant(nanoseconds: 0))
        progress.becomeReplicate()
        var sent: [(last: UInt64, bytes: Int)] = []
        var match: UInt64 = 0
        for _ in 0..<500 {
            #expect(progress.hasRoom(settings) == (sent.count < 4 && sent.reduce(0) { $0 + $1.bytes } < 500))
            switch Int.random(in: 0..<5, using: &random) {
            case 0..<3 where progress.hasRoom(settings):
                let last = progress.nextIndex.number + UInt64.random(in: 0...3, using: &random)
                let bytes = Int.random(in: 1...200, using: &random)
                progress.sent(through: LogIndex(last), bytes: bytes, at: start)
                sent.append((last, bytes))
            case 3:
                // Answers may be lost, late or doubled, but never ahead of what was sent.
                let index = UInt64.random(in: 0...progress.nextIndex.number - 1, using: &random)
                #expect(progress.matched(LogIndex(index), of: LogIndex(100), at: start, settings) == (index > match))
                match = max(match, index)
                sent.removeAll { $0.last <= index }
            case 4 where Int.random(in: 0..<10, using: &random) == 0:
                progress.becomeProbe(nextIndex: LogIndex(1), isPaused: false)
                sent = []
                #expect(progress.nextIndex.number == match + 1 && progress.hasRoom(settings))
                progress.sent(through: LogIndex(match + 5), bytes: 10, at: start)
                #expect(!progress.hasRoom(settings) && progress.nextIndex.number == match + 1)
                progress.becomeReplicate()
            default: break
            }
            #expect(progress.matchIndex.number == match && progress.nextIndex > progress.matchIndex)
        }
    }

    @Test func nothingIsSentDuringASnapshot() {
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(5), at: Instant(nanoseconds: 0))
        progress.becomeSnapshot()
        #expect(!progress.hasRoom(Settings()))
        #expect(progress.matched(LogIndex(3), of: LogIndex(100), at: start, Settings()) && progress.state == .snapshot)
    }

    /// Fills the window and has all of it acknowledged after `milliseconds`; returns what was on its way.
    private func fill(_ progress: inout Progress, acknowledgedAfter milliseconds: Int, at now: inout Instant) -> Int {
        var bytes = 0
        while progress.hasRoom(Settings()) {
            let size = min(progress.maximumAppendBytes(Settings()), 32 * 1024)
            progress.sent(through: progress.nextIndex, bytes: size, at: now)
            bytes += size
        }
        now = now.advanced(by: .milliseconds(milliseconds))
        _ = progress.matched(progress.nextIndex.previous, of: LogIndex(100), at: now, Settings())
        return bytes
    }

    @Test func theWindowFollowsTheLink() {
        let settings = Settings()
        var now = start
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(1), at: Instant(nanoseconds: 0))
        progress.becomeReplicate()
        #expect(fill(&progress, acknowledgedAfter: 2, at: &now) == settings.initialInflightBytes)
        #expect(progress.maximumAppendBytes(settings) == settings.maximumAppendBytes)
        // Neither quick nor slow: it stays.
        for _ in 0..<5 { _ = fill(&progress, acknowledgedAfter: 500, at: &now) }
        #expect(progress.maximumAppendBytes(settings) == settings.maximumAppendBytes)
        // Halved once for each round, down to the least.
        for bytes in [256, 128, 64, 64] {
            _ = fill(&progress, acknowledgedAfter: 1200, at: &now)
            #expect(progress.maximumAppendBytes(settings) == bytes * 1024)
        }
        // As quickly back.
        for bytes in [128, 256, 512] {
            _ = fill(&progress, acknowledgedAfter: 2, at: &now)
            #expect(progress.maximumAppendBytes(settings) == bytes * 1024)
        }
        progress.narrowWindow(settings)
        #expect(progress.maximumAppendBytes(settings) == settings.minimumInflightBytes)
    }

    /// Whatever the window, an entry is never too large to be sent.
    @Test func oneAppendIsAlwaysOnItsWay() {
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(1), at: Instant(nanoseconds: 0))
        progress.becomeReplicate()
        progress.narrowWindow(Settings())
        #expect(progress.hasRoom(Settings()))
        progress.sent(through: LogIndex(1), bytes: 2 << 20, at: start)
        #expect(!progress.hasRoom(Settings()))
    }

    @Test func commitNotice() {
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(5), at: Instant(nanoseconds: 0))
        #expect(!progress.needsCommitNotice(LogIndex(4)), "nothing of it is known to match")
        _ = progress.matched(LogIndex(3), of: LogIndex(100), at: start, Settings())
        #expect(progress.needsCommitNotice(LogIndex(4)))
        progress.sentCommit = LogIndex(3)
        #expect(!progress.needsCommitNotice(LogIndex(4)))
    }
}
