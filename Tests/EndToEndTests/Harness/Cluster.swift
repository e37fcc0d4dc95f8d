import Foundation
import Glibc
import Testing

/// The processes of a test's cluster, its services file and its data, which all go with it.
final class Cluster {
    /// Short enough for a test, long enough for two busy cores.
    static let quick = [
        "kraft.raft.election-timeout-ms": "1500", "kraft.raft.election-timeout-jitter-ms": "500",
        "kraft.raft.heartbeat-interval-ms": "300",
    ]

    let directory: TemporaryDirectory
    let nodes: [Node]

    init(size: Int, settings: [String: String]) throws {
        let directory = try TemporaryDirectory()
        let ports = try Ports.unused(size)
        let servicesFile = directory.path + "/services.json"
        try Self.write(zip(1..., ports), to: servicesFile)
        self.directory = directory
        nodes = zip(1..., ports).map { id, port in
            Node(id: id, port: port, directory: directory.path, servicesFile: servicesFile, settings: settings)
        }
    }

    deinit { for node in nodes { node.kill() } }

    private static func write(_ nodes: some Sequence<(Int, Int)>, to servicesFile: String) throws {
        let services = nodes.map { id, port in
            #"{"id":\#(id),"host":"localhost","port":\#(port),"url":"http://localhost:\#(port)"}"#
        }
        let text = #"{"services":{"metadata-services":[\#(services.joined(separator: ","))]}}"#
        try text.write(toFile: servicesFile, atomically: true, encoding: .utf8)
    }

    /// A services file that lists these nodes alone.
    func services(of ids: Int...) throws -> String {
        let path = directory.path + "/services-" + ids.map(String.init).joined(separator: "-") + ".json"
        try Self.write(nodes.filter { ids.contains($0.id) }.map { ($0.id, $0.port) }, to: path)
        return path
    }

    /// Starts a cluster for `body`, and ends it however `body` ends; shows the nodes' logs if something was wrong.
    static func with(
        size: Int = 3, settings: [String: String] = quick, start: Bool = true, _ body: (Cluster) throws -> Void
    ) throws {
        let issues = Issues.count.now
        let cluster = try Cluster(size: size, settings: settings)
        do {
            if start { try cluster.start() }
            try body(cluster)
        } catch {
            if !"\(type(of: error))".contains("Cancel") { cluster.showLogs() }
            throw error
        }
        if Issues.count.now != issues { cluster.showLogs() }
    }

    var running: [Node] { nodes.filter(\.isRunning) }

    func start() throws {
        for node in nodes where !node.isRunning { try node.start() }
        for node in nodes { try node.waitUntilListening() }
    }

    func node(_ id: Int) throws -> Node {
        try #require(nodes.first { $0.id == id }, "there is no node \(id)")
    }

    /// The node that all running ones take for their leader, and that says so itself.
    @discardableResult
    func leader(within patience: Duration = .seconds(60)) throws -> Node {
        try eventually("one leader that all running nodes know", within: patience) { try running.agreedLeader() }
    }

    func followers() throws -> [Node] {
        let leader = try leader()
        return running.filter { $0.id != leader.id }
    }

    /// Waits until all running nodes have applied the same entries, and compares their states.
    func expectAgreement(sourceLocation: SourceLocation = #_sourceLocation) throws {
        try leader()
        try running.expectAgreement(sourceLocation: sourceLocation)
    }

    /// Stops all nodes and checks what they left on their disks.
    func expectCleanData(sourceLocation: SourceLocation = #_sourceLocation) throws {
        for node in nodes { node.kill() }
        for node in nodes {
            let result = try Finished.dmq("verify", node.dataDirectory)
            #expect(
                result.end == .exited(0), "verify of node \(node.id): \(result.output)\(result.errorOutput)",
                sourceLocation: sourceLocation)
        }
    }

    func showLogs() { NodeLogs.show(nodes.map { ($0.id, $0.logPath) }) }
}

/// What nodes logged, for a test that failed.
enum NodeLogs {
    /// Prints the end of each log, and keeps copies that outlive the test.
    static func show(_ logs: [(id: Int, path: String)]) {
        let kept = NSTemporaryDirectory() + "dmq-e2e-logs-\(getpid())"
        try? FileManager.default.createDirectory(atPath: kept, withIntermediateDirectories: true)
        let test = Test.current?.name.filter { $0.isLetter || $0.isNumber } ?? "test"
        for (id, path) in logs {
            let log = (try? String(contentsOfFile: path, encoding: .utf8)) ?? ""
            let lines = log.split(separator: "\n").suffix(60)
            print("--- log of node \(id), its last \(lines.count) lines")
            for line in lines { print("\(id) | \(line)") }
            try? log.write(toFile: "\(kept)/\(test)-\(id).log", atomically: true, encoding: .utf8)
        }
        print("--- whole logs are in \(kept)")
    }
}

enum Ports {
    /// Below the range that the kernel takes for outgoing connections, lest one of them has a node's port while that
    /// node is down.
    private static let range = 12_000..<32_000
    nonisolated(unsafe) private static var next = range.lowerBound + Int(getpid()) * 61 % range.count
    private static let lock = NSLock()

    static func unused(_ count: Int) throws -> [Int] {
        try lock.withLock {
            var ports: [Int] = []
            for _ in range where ports.count < count {
                next = next + 1 == range.upperBound ? range.lowerBound : next + 1
                if isUnused(next) { ports.append(next) }
            }
            guard ports.count == count else { throw Failure("there are not \(count) unused ports") }
            return ports
        }
    }

    private static func isUnused(_ port: Int) -> Bool {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in(Address(port: port))
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }
}
