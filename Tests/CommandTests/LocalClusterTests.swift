import Glibc
import Raft
import Testing

@testable import dmq_metadata

@Suite struct LocalClusterTests {
    @Test func planNamesEachNodesSettings() throws {
        let plan = try ClusterPlan(
            flags: [.logLevel: "debug"], environment: ["SERVER_PORT": "1", "KRAFT_DATA_DIR": "x"],
            dataDirectory: "base",
            readFile: reader(["etc/services.json": exampleServices]))
        #expect(
            plan.nodes.map(\.endpoint.description) == [
                "http://127.0.0.1:9091", "http://127.0.0.2:9092", "http://127.0.0.1:9093",
            ])
        #expect(
            plan.nodes[1].arguments == [
                "dmq-metadata", "serve", "--stop-at-end-of-input", "--kraft.node-id=2", "--server.port=9092",
                "--kraft.data-dir=base/node2", "--logging.level=debug",
            ])
    }

    @Test func planTellsMistakesBeforeAnythingStarts() {
        #expect(throws: ConfigurationError.self) {
            try ClusterPlan(
                flags: [.logLevel: "loud"], environment: [:], dataDirectory: "base",
                readFile: reader(["etc/services.json": exampleServices]))
        }
    }

    @Test func childrenDoNotSpeakForTheParent() {
        #expect(ClusterPlan.environment(from: ["NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "1", "A": "b"]) == ["A": "b"])
    }

    @Test func linesAreCutWhereTheyEnd() {
        var splitter = LineSplitter()
        #expect(splitter.take(Array("a".utf8)) == [])
        #expect(splitter.take(Array("b\n\nc".utf8)) == ["ab", ""])
        #expect(splitter.end() == "c")
        #expect(splitter.end() == nil)
        let long = [UInt8](repeating: 120, count: LineSplitter.maxLineBytes + 1)
        #expect(splitter.take(long).map(\.utf8.count) == [LineSplitter.maxLineBytes])
        #expect(splitter.end() == "x")
    }

    private func child(_ script: String, input: Int32) throws -> ChildProcess {
        try ChildProcess(path: "/bin/sh", arguments: ["sh", "-c", script], environment: ["A": "b c"], input: input)
    }

    @Test func childrensOutputAndEnd() throws {
        let input = try TestPipe()
        let process = try child("echo \"$A\"; echo oops >&2; exit 7", input: input.readEnd)
        var lines: [String] = []
        process.forEachLine { lines.append($0) }
        #expect(lines == ["b c", "oops"])
        #expect(process.wait() == .exited(7))
        process.send(signal: SIGKILL)
    }

    @Test func childrenCanBeSignalledThoughWeIgnoreIt() throws {
        signal(SIGHUP, SIG_IGN)
        let input = try TestPipe()
        let process = try child("echo ready; read x", input: input.readEnd)
        process.forEachLine { line in
            if line == "ready" { process.send(signal: SIGHUP) }
        }
        #expect(process.wait() == .killed(signal: SIGHUP))
    }

    /// The lifeline: no child holds its own input open, so the parent's end, of any kind, ends it.
    @Test func childrenSeeTheEndOfTheirInput() throws {
        let input = try TestPipe()
        let process = try child("cat; echo ended", input: input.readEnd)
        #expect(input.closeAndForget())
        var lines: [String] = []
        process.forEachLine { lines.append($0) }
        #expect(lines == ["ended"])
        #expect(process.wait() == .exited(0))
    }

    @Test func whatCanNotBeStartedSaysWhy() throws {
        let input = try TestPipe()
        #expect(throws: SystemError(number: ENOENT)) {
            try ChildProcess(path: "/no/such", arguments: ["x"], environment: [:], input: input.readEnd)
        }
    }

    @Test func prefixes() {
        #expect(LocalCluster.prefix(of: NodeID(2), isColored: false) == "node2 | ")
        #expect(LocalCluster.prefix(of: NodeID(6), isColored: true) == "\u{1B}[32mnode6 | \u{1B}[0m")
    }
}
