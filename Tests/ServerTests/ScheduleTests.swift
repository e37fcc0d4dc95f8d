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
        #expect(Array(test.disk.checkpoints[0].changes).count == 1, "a row that changed twice is written once")
        #expect(test.disk.checkpoints[0].compactThrough == position(1, 2))
        #expect(test.log.base == .zero, "not before it is on disk")
        test.process(.checkpointed(LogIndex(3)))
        #expect(test.log.base == position(1, 2))
        #expect(test.node.measure().checkpoints == 1)
    }
}
