import Glibc
import Simulation

/// What many simulations come to.
struct SimulationTotals: Sendable {
    private(set) var seeds: UInt64 = 0
    private(set) var failedSeeds: [UInt64] = []
    private(set) var virtualSeconds = 0.0
    /// Of all threads together. Unlike the time that passed, it does not tell how busy the machine was with other things.
    private(set) var processorSeconds = 0.0
    private(set) var counts = SimulationCounts()
    /// Of all stories, in whatever order they ended.
    private(set) var storyHash: UInt64 = 0

    mutating func add(_ report: SimulationReport, processorTime: Duration) {
        seeds += 1
        if !report.violations.isEmpty { failedSeeds.append(report.seed) }
        virtualSeconds += report.virtualSeconds
        processorSeconds += processorTime.inSeconds
        counts += report.counts
        storyHash &+= report.traceHash
    }

    func progress(of total: UInt64, elapsed: Duration) -> String {
        let rate = elapsed.inSeconds > 0 ? Double(seeds) / elapsed.inSeconds : 0
        return "🎲 \(seeds) of \(total) seeds, \(oneDecimal(rate))/s, \(ratio(elapsed.inSeconds)), "
            + "violations: \(failedSeeds.count)"
    }

    /// Some lines for people.
    func summary(elapsed: Duration) -> String {
        let faults = counts.faultsByKind
        var faultTable = Table("FAULT", "COUNT")
        for fault in faults { faultTable.add(fault.kind.rawValue, "\(fault.count)") }
        let lines: [(String, String)] = [
            ("seeds", "\(seeds), with violations: \(failedSeeds.count)"),
            (
                "time",
                "\(oneDecimal(virtualSeconds)) s simulated in \(oneDecimal(elapsed.inSeconds)) s, "
                    + "\(ratio(elapsed.inSeconds)); \(ratio(processorSeconds)) to processor time"
            ),
            ("events", "\(counts.events), messages \(counts.messages), entries committed \(counts.committedEntries)"),
            (
                "operations",
                "acknowledged \(counts.operationsAcknowledged), refused \(counts.operationsRefused), unknown "
                    + "\(counts.operationsUnknown); histories too long to decide \(counts.historiesUndecided)"
            ),
            ("elections", "\(counts.elections), restarts \(counts.restarts)"),
            (
                "snapshots",
                "started \(counts.snapshotsStarted), installed \(counts.snapshotsInstalled), rejected as damaged "
                    + "\(counts.snapshotsRejected)"
            ),
            ("repairs", "nodes started empty \(counts.nodesEmptied)"),
            ("brokers", "heartbeats \(counts.heartbeatsAcknowledged), pushes \(counts.pushesTaken)"),
            ("stories", "hash \(String(storyHash, radix: 16))"),
            ("faults", "\(faults.map(\.count).reduce(0, +)), kinds \(faults.count) of \(FaultKind.allCases.count)"),
        ]
        var table = lines.map { $0.0 + String(repeating: " ", count: 12 - $0.0.count) + $0.1 }.joined(separator: "\n")
        if !faults.isEmpty { table += "\n\n\(faultTable.text)" }
        guard !failedSeeds.isEmpty else { return table }
        return table + "\n\nfailed seeds: \(failedSeeds.sorted().map(String.init).joined(separator: " "))"
    }

    private func ratio(_ seconds: Double) -> String {
        seconds > 0 ? "\(Int((virtualSeconds / seconds).rounded())):1" : "0:1"
    }

    private func oneDecimal(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(tenths % 10)"
    }
}

extension Duration {
    /// What the calling thread has used of a processor so far.
    static var processorTimeOfThread: Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
    }

    fileprivate var inSeconds: Double {
        Double(components.seconds) + Double(components.attoseconds) / 1e18
    }
}

/// How a seed that broke a rule is reported.
enum FailureText {
    static let lastEvents = 40

    /// `nil` when no rule was broken.
    static func describe(_ report: SimulationReport, options: String) -> String? {
        guard let violation = report.violations.first else { return nil }
        let events = report.lastEvents.suffix(lastEvents)
        var lines = [
            "❌ seed \(report.seed), \(report.nodes) nodes, at \(violation.seconds) s: \(violation.invariant)",
            violation.text,
            "repeat it: dmq-metadata simulate --seed \(report.seed) \(options) --trace",
        ]
        if !events.isEmpty { lines += ["the last events:"] + events }
        return lines.joined(separator: "\n")
    }
}
