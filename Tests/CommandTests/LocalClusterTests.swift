import Dispatch
import Glibc
import Raft
import Synchronization
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

    private func plan(_ script: String) -> ClusterPlan {
        var plan = ClusterPlan()
        for id in UInt64(1)...3 {
            let endpoint = Endpoint(host: "127.0.0.1", port: 1)
            plan.nodes.append(ClusterPlan.Node(id: NodeID(id), endpoint: endpoint, arguments: ["sh", "-c", script]))
        }
        return plan
    }

    private final class Exits: Sendable {
        let statuses = Mutex<[Int32]>([])
        var all: [Int32] { statuses.withLock { $0 } }
    }

    private func cluster(_ exits: Exits) -> LocalCluster {
        LocalCluster(output: LineOutput(descriptor: open("/dev/null", O_WRONLY)), path: "/bin/sh") { status in
            exits.statuses.withLock { $0.append(status) }
        }
    }

    @Test func lastChildsEndIsTheClusters() throws {
        let exits = Exits()
        try cluster(exits).start(plan("exit 3"), environment: [:])
        #expect(soon { exits.all == [3] })
    }

    @Test func nothingIsStartedOnceItStops() throws {
        let exits = Exits()
        let cluster = cluster(exits)
        cluster.stop()
        try cluster.start(plan("echo not to be; read x"), environment: [:])
        #expect(soon { exits.all == [0] })
    }

    /// Whatever the moment: each child is either told or not started.
    @Test func stopsInTheMiddleOfItsStart() throws {
        for round in 0..<20 {
            let exits = Exits()
            let cluster = cluster(exits)
            DispatchQueue.global().asyncAfter(deadline: .now() + .microseconds(round * 200)) { cluster.stop() }
            try cluster.start(plan("read x"), environment: [:])
            #expect(soon { exits.all == [0] })
        }
    }

    @Test func prefixes() {
        #expect(LocalCluster.prefix(of: NodeID(2), isColored: false) == "node2 | ")
        #expect(LocalCluster.prefix(of: NodeID(6), isColored: true) == "\u{1B}[32mnode6 | \u{1B}[0m")
    }
}
