import Metadata
import Raft
import Storage
import Testing

@testable import Server

@Suite struct CheckpointScheduleTests {
    private var settings: NodeSettings {
        var settings = NodeSettings()
        settings.checkpointEntries = 10
        settings.checkpointBytes = 1000
        settings.checkpointPause = .milliseconds(200)
        settings.checkpointInterval = .milliseconds(1000)
        settings.checkpointFewEntries = 4
        return settings
    }

    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: UInt64(milliseconds) * 1_000_000) }

    @Test func nothingToWriteIsNeverDue() {
        #expect(CheckpointSchedule(position: .zero).deadline(settings) == nil)
    }

    @Test func aFewEntriesWaitAShortTimeMoreALongerOneManyNone() {
        var schedule = CheckpointSchedule(position: .zero)
        for count in 1...10 {
            schedule.applied(bytes: 10, now: at(count))
            let expected = count >= 10 ? at(1) : count <= 4 ? at(201) : at(1001)
            #expect(schedule.deadline(settings) == expected, "\(count) entries")
        }
    }

    @Test func manyBytesAreDueAtOnce() {
        var schedule = CheckpointSchedule(position: .zero)
        schedule.applied(bytes: 1000, now: at(5))
        #expect(schedule.deadline(settings) == at(5))
    }

    @Test func oneAtATime() {
        var schedule = CheckpointSchedule(position: .zero)
        schedule.applied(bytes: 1, now: at(0))
        schedule.begin(at: position(1, 1), compactThrough: nil)
        schedule.applied(bytes: 5000, now: at(1))
        #expect(schedule.deadline(settings) == nil)
        #expect(schedule.position == .zero)
        schedule.finish()
        #expect(schedule.position == position(1, 1))
        #expect(schedule.deadline(settings) == at(1))
    }

    @Test func theNodeWritesWhatChangedAndForgetsTheLogBehind() {
        let test = NodeUnderTest {
            $0.checkpointEntries = 3
            $0.checkpointPause = .seconds(100)
            $0.checkpointInterval = .seconds(100)
            $0.retainedEntries = 1
        }.elected()
        test.put("/a")
        test.put("/a", "again")
        test.settle()
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 3)])
        #expect(test.disk.checkpoints[0].changes.count == 1, "a row that changed twice is written once")
        #expect(test.disk.checkpoints[0].compactThrough == position(1, 2))
        #expect(test.log.base == .zero, "not before it is on disk")
        test.process(.checkpointed(LogIndex(3)))
        #expect(test.log.base == position(1, 2))
        #expect(test.node.measure().checkpoints == 1)
    }
}

@Suite struct DigestTests {
    private func digest(_ index: UInt64, _ value: UInt64) -> StateDigest {
        StateDigest(index: LogIndex(index), high: value, low: 0)
    }

    @Test func whatIsKnownIsComparedAtOnce() {
        var history = DigestHistory()
        history.record(Digest(high: 5, low: 0), at: LogIndex(1))
        let answer1 = history.differs(from: digest(1, 5))
        #expect(answer1 == nil)
        let answer2 = history.differs(from: digest(1, 6))
        #expect(answer2 == LogIndex(1))
    }

    @Test func whatIsToComeIsComparedWhenItComes() {
        var history = DigestHistory()
        let answer3 = history.differs(from: digest(2, 5))
        #expect(answer3 == nil)
        history.record(Digest(high: 1, low: 0), at: LogIndex(1))
        let answer4 = history.differsFromExpected(at: LogIndex(1))
        #expect(!answer4)
        history.record(Digest(high: 6, low: 0), at: LogIndex(2))
        let answer5 = history.differsFromExpected(at: LogIndex(2))
        #expect(answer5)
    }

    @Test func whatIsForgottenIsNotCompared() {
        var history = DigestHistory()
        for index: UInt64 in 1...1025 { history.record(Digest(high: index, low: 0), at: LogIndex(index)) }
        let answer6 = history.differs(from: digest(1, 99))
        #expect(answer6 == nil)
        let answer7 = history.differs(from: digest(2, 99))
        #expect(answer7 == LogIndex(2))
        history.reset()
        let answer8 = history.differs(from: digest(2, 99))
        #expect(answer8 == nil)
    }

    /// A follower that applied what the leader did, and came to something else.
    private func diverged() -> NodeUnderTest {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        test.append(from: 2, term: 1, behind: position(1, 1), commit: LogIndex(1), digest: digest(1, 42))
        return test
    }

    @Test func aDivergedNodeLeavesService() {
        let test = diverged()
        test.read()
        test.put("/a")
        test.append(from: 2, term: 1, behind: position(1, 1), [putEntry(2, term: 1)])
        for failure in [test.reads.all.last?.failure, test.writes.all.last?.failure, test.replies.all.last?.failure] {
            guard case .unavailable(let reason)? = failure else {
                Issue.record("\(String(describing: failure))")
                return
            }
            #expect(reason.contains("differs"))
        }
        #expect(test.node.status.notReady?.contains("differs") == true)
        let sent = test.network.sent.count
        test.advance(milliseconds: 60_000)
        #expect(test.network.sent.count == sent, "it disturbs nobody")
    }

    @Test func theRightDigestIsFine() {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        let own = test.node.metadata.digest
        test.append(
            from: 2, term: 1, behind: position(1, 1), commit: LogIndex(1),
            digest: StateDigest(index: LogIndex(1), high: own.high, low: own.low))
        #expect(test.node.outOfService == nil)
    }

    /// A write that was taken in the very batch in which the node leaves service must not keep it busy for ever.
    @Test func aWriteGatheredInTheSameBatchIsRefused() {
        let test = NodeUnderTest().elected()
        let last = test.log.last
        let append = AppendEntries(
            term: Term(5), leader: NodeID(2), previous: last, entries: [], leaderCommit: last.index,
            digest: StateDigest(index: last.index, high: 42, low: 42))
        test.node.process([
            test.submission(.put(Put(key: Key(validated: Array("/a".utf8)), value: []))), test.appendInput(append),
        ])
        #expect(test.node.outOfService != nil)
        #expect(test.writes.all.map(\.isSuccess) == [false])
    }
}
