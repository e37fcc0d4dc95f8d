import Raft

/// A histogram of durations in fixed buckets, as Prometheus counts them.
public struct Histogram: Sendable {
    /// Upper bounds in seconds.
    public static let bounds: [Double] = [
        0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]
    private static let nanoseconds: [UInt64] = bounds.map { UInt64($0 * 1_000_000_000) }

    /// Observations for each bound, not cumulated, and those beyond the last.
    public private(set) var counts = [UInt64](repeating: 0, count: bounds.count + 1)
    public private(set) var sum: Double = 0

    public init() {}

    public var count: UInt64 { counts.reduce(0, +) }

    public mutating func observe(_ duration: Duration, times: Int = 1) {
        let value = duration.wholeNanoseconds
        var bucket = 0
        while bucket < Self.nanoseconds.count, value > Self.nanoseconds[bucket] { bucket += 1 }
        counts[bucket] += UInt64(times)
        sum += Double(value) / 1_000_000_000 * Double(times)
    }
}
