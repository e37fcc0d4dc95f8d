import Testing

@testable import Raft

/// One follower's progress against a list of what is on its way.
@Suite struct ProgressTests {
    @Test(arguments: 1...30) func agreesWithADumbVersion(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var settings = Settings()
        settings.maximumInflightMessages = 4
        settings.maximumInflightBytes = 500
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(1))
        progress.becomeReplicate()
        var sent: [(last: UInt64, bytes: Int)] = []
        var match: UInt64 = 0
        for _ in 0..<500 {
            #expect(progress.hasRoom(settings) == (sent.count < 4 && sent.reduce(0) { $0 + $1.bytes } < 500))
            switch Int.random(in: 0..<5, using: &random) {
            case 0..<3 where progress.hasRoom(settings):
                let last = progress.nextIndex.number + UInt64.random(in: 0...3, using: &random)
                let bytes = Int.random(in: 1...200, using: &random)
                progress.sent(through: LogIndex(last), bytes: bytes)
                sent.append((last, bytes))
            case 3:
                // Answers may be lost, late or doubled, but never ahead of what was sent.
                let index = UInt64.random(in: 0...progress.nextIndex.number - 1, using: &random)
                #expect(progress.matched(LogIndex(index)) == (index > match))
                match = max(match, index)
                sent.removeAll { $0.last <= index }
            case 4 where Int.random(in: 0..<10, using: &random) == 0:
                progress.becomeProbe(nextIndex: LogIndex(1), isPaused: false)
                sent = []
                #expect(progress.nextIndex.number == match + 1 && progress.hasRoom(settings))
                progress.sent(through: LogIndex(match + 5), bytes: 10)
                #expect(!progress.hasRoom(settings) && progress.nextIndex.number == match + 1)
                progress.becomeReplicate()
            default: break
            }
            #expect(progress.matchIndex.number == match && progress.nextIndex > progress.matchIndex)
        }
    }

    @Test func nothingIsSentDuringASnapshot() {
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(5))
        progress.becomeSnapshot()
        #expect(!progress.hasRoom(Settings()))
        #expect(progress.matched(LogIndex(3)) && progress.state == .snapshot)
    }

    @Test func commitNotice() {
        var progress = Progress(id: NodeID(2), nextIndex: LogIndex(5))
        #expect(!progress.needsCommitNotice(LogIndex(4)), "nothing of it is known to match")
        _ = progress.matched(LogIndex(3))
        #expect(progress.needsCommitNotice(LogIndex(4)))
        progress.sentCommit = LogIndex(3)
        #expect(!progress.needsCommitNotice(LogIndex(4)))
    }
}
