import Raft
import Storage

/// How far a checkpoint in slices goes on between two of the log's transactions. While it is on its way the log behind it
/// can not go, and it is in memory too: were the log written as fast as clients like, it would grow for as long as they do.
struct CheckpointPace {
    /// The rows that are written for a byte of the log. A put leaves a key and what the key was before, and each is written
    /// twice, beside its table and into it: with less, the next checkpoint could be larger than the one that it waited for.
    static let ratio = 4
    /// What is written to the log in one turn is about this or one operation, so that nobody waits for many slices.
    static let logBytes = 1024 * 1024

    /// What the log is ahead, in bytes of rows.
    private var owed = 0

    static func cost(of writes: [Write]) -> Int {
        writes.reduce(0) { $0 + $1.entries.reduce(0) { $0 + $1.size } }
    }

    mutating func logGrew(by bytes: Int) { owed += bytes * Self.ratio }

    /// Whether another slice is due before the log goes on.
    mutating func isBehind(afterSlice size: Int) -> Bool {
        owed = max(0, owed - size)
        return owed > 0
    }

    /// There is nothing to keep up with.
    mutating func reset() { owed = 0 }
}
