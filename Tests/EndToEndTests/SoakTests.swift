import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Failures again and again under load, with default timeouts, and what a client sees of them. A few rounds show
    /// that it works; `DMQ_ROUNDS=20 swift test --filter SoakTests` measures. The figures are printed, never asserted:
    /// they are the machine's as much as the program's.
    @Suite(.serialized) struct SoakTests {
        static let rounds = Surroundings.number("DMQ_ROUNDS", default: 2)

        /// From the last promise of the node that went to the first one of another.
        static func gap(_ writer: ContinuousWriter, around node: Int, since: ContinuousClock.Instant) -> Duration? {
            let acknowledged = writer.acknowledged
            guard let last = acknowledged.last(where: { $0.node == node }),
                let first = acknowledged.first(where: { $0.time > last.time && $0.node != node }),
                first.time > since
            else { return nil }
            return first.time - last.time
        }

        static func report(_ what: String, _ gaps: [Duration]) {
            let sorted = gaps.map { $0.seconds * 1000 }.sorted()
            guard let worst = sorted.last else { return }
            let median = sorted[sorted.count / 2]
            let all = sorted.map { String(format: "%.1f", $0) }.joined(separator: " ")
            print("\(what), \(sorted.count) rounds: median \(String(format: "%.1f", median)) ms,", terminator: " ")
            print("worst \(String(format: "%.1f", worst)) ms  [\(all)]")
        }

        /// Ends the leader in one way or another, `rounds` times, under a writer.
        static func endLeaders(_ what: String, _ end: (Node) throws -> Void) throws {
            try Cluster.with(settings: [:]) { cluster in
                try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes)
                var gaps: [Duration] = []
                for _ in 0..<rounds {
                    try writer.advance(by: 100)
                    let leader = try cluster.leader()
                    let start = ContinuousClock.now
                    try end(leader)
                    gaps.append(try eventually("service again") { gap(writer, around: leader.id, since: start) })
                    try leader.start()
                    try leader.waitUntilListening()
                    try cluster.expectCaughtUp()
                }
                report(what, gaps)
                try CrashTests.expectNothingLost(writer, in: cluster)
            }
        }

        @Test func leaderKilled() throws { try Self.endLeaders("kill -9 of the leader") { $0.kill() } }

        @Test func leaderStopped() throws {
            try Self.endLeaders("SIGTERM of the leader") { leader in
                let end = try leader.terminate()
                #expect(end == .exited(0))
            }
        }

        @Test func allKilled() throws {
            try Cluster.with(settings: [:]) { cluster in
                try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes)
                var gaps: [Duration] = []
                for _ in 0..<Self.rounds {
                    try writer.advance(by: 200)
                    for node in cluster.nodes { node.kill() }
                    let start = ContinuousClock.now
                    let count = writer.count
                    try cluster.start()
                    try eventually("service again") { writer.count > count }
                    gaps.append(ContinuousClock.now - start)
                }
                Self.report("kill -9 of all three, from kill over start to the next acknowledged write", gaps)
                try CrashTests.expectNothingLost(writer, in: cluster)
            }
        }

        /// What an idle node takes.
        @Test func residentMemory() throws {
            try Cluster.with(settings: [:]) { cluster in
                try cluster.leader()
                for node in cluster.nodes {
                    let process = try #require(node.process)
                    let status = try String(contentsOfFile: "/proc/\(process.processID)/status", encoding: .utf8)
                    let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("VmRSS") })
                    print("node \(node.id), idle:", line.split(whereSeparator: \.isWhitespace).joined(separator: " "))
                }
            }
        }
    }
}

extension Cluster {
    /// A node that has just come back can not take over before it has what the others have.
    func expectCaughtUp() throws {
        try eventually("all nodes keep up") {
            let statuses = try running.map { try $0.status() }
            let applied = statuses.map(\.applied)
            return statuses.count == nodes.count && applied.max()! - applied.min()! < 100
        }
    }
}
