/// Whole clusters of real nodes in one thread over a simulated clock, network and disk, all from one seed.
///
/// First faults of every kind are done to the cluster while clients and brokers use it and rules are checked after each
/// step; then the faults end, and the cluster must become whole again, equal everywhere, and take new writes.
public enum Simulation {
    public struct Configuration: Sendable {
        /// 1 to 7.
        public var nodes = 3
        /// How long faults are done, in virtual seconds.
        public var seconds = 30
        /// How long the cluster may take to become whole again, in virtual seconds.
        public var recoverySeconds = 60
        /// The kinds of fault that a seed may choose from.
        public var faults = FaultKind.allCases
        public var clients = 3
        public var brokers = 4

        public init() {}
    }

    /// - Parameter trace: Called with a line for each event.
    public static func run(
        seed: UInt64, configuration: Configuration = Configuration(), trace: ((String) -> Void)? = nil
    ) -> SimulationReport {
        var report = SimulatedCluster(seed: seed, configuration: configuration, trace: trace).run()
        if !report.violations.isEmpty, trace == nil {
            // The same again, this time listening.
            var lines = LastLines(limit: 200)
            _ = SimulatedCluster(seed: seed, configuration: configuration) { lines.append($0) }.run()
            report.lastEvents = lines.inOrder
        }
        return report
    }
}

/// The end of a long story.
private struct LastLines {
    private var lines: [String] = []
    private var next = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    mutating func append(_ line: String) {
        if lines.count < limit {
            lines.append(line)
        } else {
            lines[next] = line
            next = (next + 1) % limit
        }
    }

    var inOrder: [String] { Array(lines[next...] + lines[..<next]) }
}
