import Foundation
import Glibc
import Synchronization
import Testing

/// Watches a cluster in a storm: how long its clients wait, how much memory its nodes take.
final class Witness: Sendable {
    private let writer: ContinuousWriter
    private let watcher: Workers
    private let peaks: Watch
    private let started: ContinuousClock.Instant

    private final class Watch: Sendable {
        let bytes = Mutex<[Int: Int]>([:])
    }

    /// - Parameter cluster: has a leader.
    init(_ cluster: Cluster) {
        let peaks = Watch()
        self.peaks = peaks
        let processes = cluster.nodes.compactMap { node in node.process.map { (node.id, $0.processID) } }
        writer = ContinuousWriter(cluster.nodes, workers: 1, folder: "/witness/", patience: .seconds(5))
        started = .now
        watcher = Workers(1) { _ in
        } _: { _ in
            for (node, process) in processes {
                let resident = Self.resident(process)
                peaks.bytes.withLock { $0[node] = max($0[node] ?? 0, resident) }
            }
            pause(milliseconds: 50)
        }
    }

    /// Lets the storm blow for `duration`, then says what was seen; the storm goes on.
    func report(_ name: String, after duration: Duration) throws -> Report {
        pause(milliseconds: Int32(duration.milliseconds))
        watcher.stop()
        let times = writer.stop().map(\.time) + [.now]
        var last = started
        var longest = Duration.zero
        for time in times {
            longest = max(longest, time - last)
            last = time
        }
        let report = Report(
            longestPause: longest, writes: times.count - 1, peakBytes: peaks.bytes.withLock { $0.values.max() ?? 0 })
        print(
            "storm, \(name): longest pause \(longest.milliseconds) ms, \(report.writes) writes, peak",
            "\(report.peakBytes / 1_000_000) MB")
        return report
    }

    struct Report {
        /// Without an acknowledged write.
        var longestPause: Duration
        var writes: Int
        /// Of the node that took most.
        var peakBytes: Int
    }

    private static func resident(_ process: pid_t) -> Int {
        let status = (try? String(contentsOfFile: "/proc/\(process)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kibibytes = line?.split(whereSeparator: { !$0.isNumber }).first.flatMap { Int($0) } ?? 0
        return kibibytes * 1024
    }
}
