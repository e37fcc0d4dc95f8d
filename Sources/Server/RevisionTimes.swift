import Raft

/// When revisions came about, by the timestamps of their entries: so finely that a past of one age is known to a 64th of it.
struct RevisionTimes {
    /// In ascending order of both. At most some more than 64.
    private var marks: [(time: Int64, revision: UInt64)] = []
    /// Milliseconds between two marks.
    private let pause: Int64

    /// - Parameter age: Of the past that is kept.
    init(age: Duration) { pause = max(Int64(age.wholeNanoseconds / 64_000_000), 1) }

    /// The state is at `revision` at `time`, in Unix milliseconds.
    mutating func record(_ revision: UInt64, at time: Int64) {
        guard let last = marks.last else { return marks.append((time, revision)) }
        if time - last.time >= pause, revision > last.revision { marks.append((time, revision)) }
    }

    /// The last revision that is known to have come about by `time`; forgets what lies before it.
    mutating func revision(by time: Int64) -> UInt64? {
        let count = marks.prefix { $0.time <= time }.count
        guard count > 0 else { return nil }
        marks.removeFirst(count - 1)
        return marks[0].revision
    }
}
