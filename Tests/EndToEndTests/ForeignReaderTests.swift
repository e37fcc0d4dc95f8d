import Foundation
import Glibc
import Testing

extension EndToEnd {
    /// Other people's shells on the nodes' files: they hold up nothing and lose nothing.
    @Suite(.serialized) struct ForeignReaderTests {
        /// A `sqlite3 -readonly` on a node's file that waits at its prompt.
        private final class Shell {
            private let process: ChildProcess
            private let directory = try! TemporaryDirectory()
            private var questions = 0

            init(_ node: Node) throws {
                process = try ChildProcess(
                    "/usr/bin/env", ["sqlite3", "-readonly", "\(node.dataDirectory)/node.db"],
                    output: directory.path + "/output")
            }

            /// Its answer, errors as well.
            @discardableResult
            func ask(_ sql: String) throws -> String {
                questions += 1
                let (before, end) = ("answer \(questions):\n", "end of answer \(questions)\n")
                try process.write(".print \(before)\(sql);\n.print \(end)")
                return try eventually("an answer of the shell") {
                    let text = try String(contentsOfFile: directory.path + "/output", encoding: .utf8)
                    guard text.hasSuffix(end), let start = text.range(of: before) else { return nil }
                    return text[start.upperBound...].dropLast(end.count).trimmingCharacters(in: .newlines)
                }
            }
        }

        private static let count = "SELECT count(*) FROM kv"

        /// One node, so that everything that was acknowledged comes from its disk.
        @Test func aNodeKilledBesideOpenShellsStartsAndHasEverything() throws {
            try Cluster.with(size: 1) { cluster in
                let node = try cluster.leader()
                let writer = ContinuousWriter(cluster.nodes, workers: 4)
                try writer.advance()
                let idle = try Shell(node)
                try idle.ask(Self.count)
                for _ in 0..<Surroundings.number("DMQ_READER_ROUNDS", default: 6) {
                    let reading = try Shell(node)
                    try reading.ask("BEGIN")
                    let seen = try reading.ask("SELECT count(*), max(log_index) FROM raft_log")
                    try writer.advance(by: 200)
                    node.kill()
                    try node.start()
                    try node.waitUntilListening()
                    #expect(try reading.ask("SELECT count(*), max(log_index) FROM raft_log") == seen)
                    try writer.advance()
                }
                writer.stop()
                let broken = try writer.brokenPromises(on: node)
                #expect(broken.isEmpty, "\(broken.prefix(5))")
                let keys = try node.entries(below: "/").count
                try eventually("the idle shell sees them all") { try idle.ask(Self.count) == "\(keys)" }
                #expect(try idle.ask("PRAGMA integrity_check") == "ok")
                // Beside a reader in a transaction as well.
                let reading = try Shell(node)
                try reading.ask("BEGIN; \(Self.count)")
                let start = ContinuousClock.now
                #expect(try node.terminate() == .exited(0))
                #expect(ContinuousClock.now - start < .seconds(10))
                try node.start()
                try node.waitUntilListening()
                try cluster.leader()
                #expect(try writer.brokenPromises(on: node).isEmpty)
            }
        }
    }
}
