import Foundation
import Glibc
import Testing

/// One node of a cluster: its place, and the process that runs it now, if one does.
final class Node {
    let id: Int
    let port: Int
    var dataDirectory: String
    let logPath: String
    let servicesFile: String
    private let settings: [String: String]
    private(set) var process: ChildProcess?

    init(id: Int, port: Int, directory: String, servicesFile: String, settings: [String: String]) {
        self.id = id
        self.port = port
        self.servicesFile = servicesFile
        self.settings = settings
        dataDirectory = "\(directory)/node\(id)"
        logPath = "\(directory)/node\(id).log"
    }

    deinit { kill() }

    var isRunning: Bool { process.map { $0.end == nil } ?? false }

    var log: String { (try? String(contentsOfFile: logPath, encoding: .utf8)) ?? "" }

    /// The command line of this node.
    var arguments: [String] {
        ["serve", "--stop-at-end-of-input", "--kraft.node-id=\(id)", "--kraft.services-file=\(servicesFile)"]
            + ["--kraft.data-dir=\(dataDirectory)"]
            + settings.sorted { $0.key < $1.key }.map { "--\($0.key)=\($0.value)" }
    }

    func start(_ more: String...) throws {
        kill()
        process = try ChildProcess(Surroundings.binary, arguments + more, output: logPath)
    }

    func waitUntilListening() throws {
        try eventually("node \(id) listens") {
            if let end = process?.end {
                throw Failure("node \(id) \(end): \(log.suffix(1000))")
            }
            return try get("/healthz", patience: .seconds(5)).status == 200
        }
    }

    /// kill -9.
    func kill() {
        process?.killGroup()
        process = nil
    }

    func suspend() throws {
        let process = try #require(process)
        process.send(SIGSTOP)
        try eventually("node \(id) is stopped") {
            let stat = try String(contentsOfFile: "/proc/\(process.processID)/stat", encoding: .utf8)
            return stat.contains(") T ")
        }
    }

    func resume() { process?.send(SIGCONT) }

    /// SIGTERM, and how the process ended then.
    func terminate() throws -> ChildProcess.End {
        let process = try #require(process)
        process.send(SIGTERM)
        defer { self.process = nil }
        return try process.wait()
    }

    func waitForEnd() throws -> ChildProcess.End {
        let process = try #require(process)
        defer { self.process = nil }
        return try process.wait()
    }

    // MARK: Requests

    func send(
        _ method: String, _ path: String, _ body: String? = nil, headers: [(String, String)] = [],
        patience: Duration = .seconds(20)
    ) throws(TransportError) -> Answer {
        let connection = try Connection(port: port, patience: patience)
        try connection.send(Self.request(method, path, body.map { Array($0.utf8) }, headers: headers))
        return try connection.receive(toHead: method == "HEAD")
    }

    func get(_ path: String, headers: [(String, String)] = [], patience: Duration = .seconds(20))
        throws(TransportError) -> Answer
    {
        try send("GET", path, headers: headers, patience: patience)
    }

    func post(_ path: String, _ json: String) throws(TransportError) -> Answer {
        try send("POST", path, json, headers: [("Content-Type", "application/json")])
    }

    func put(_ key: String, _ value: String, headers: [(String, String)] = []) throws(TransportError) -> Answer {
        try send("PUT", "/api/v1/kv" + key, value, headers: headers)
    }

    static func request(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, headers: [(String, String)] = []
    ) -> [UInt8] {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }

    // MARK: State

    struct Status {
        var node: Int
        var term: Int
        var isLeader: Bool
        var state: String
        var leaderID: Int?
        var commit: Int
        var applied: Int
        var first: Int
        var last: Int
        var digest: String
    }

    func status() throws -> Status {
        let answer = try get("/api/v1/raft/status")
        let json = try answer.json()
        guard let node = json["nodeId"]?.int, let term = json["currentTerm"]?.int, let isLeader = json["leader"]?.bool,
            let state = json["state"]?.string, let commit = json["commitIndex"]?.int,
            let applied = json["lastApplied"]?.int, let first = json["firstLogIndex"]?.int,
            let last = json["lastLogIndex"]?.int, let digest = json["stateDigest"]?.string
        else { throw Failure("a field is missing in \(answer)") }
        return Status(
            node: node, term: term, isLeader: isLeader, state: state, leaderID: json["leaderId"]?.int, commit: commit,
            applied: applied, first: first, last: last, digest: digest)
    }

    /// All keys below `directory` (which ends in a slash) with their values, as this node has them.
    func entries(below directory: String, consistency: String = "stale") throws -> [String: String] {
        var values: [String: String] = [:]
        var after: String?
        repeat {
            var path = "/api/v1/kv\(directory)?consistency=\(consistency)"
            if let after {
                path += "&after=" + (after.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? after)
            }
            let answer = try get(path)
            guard answer.status == 200 else { throw Failure("listing \(directory) on node \(id): \(answer)") }
            let page = try answer.json()
            for entry in page["entries"]?.array ?? [] {
                guard let key = entry["key"]?.string, let value = entry["value"]?.string else {
                    throw Failure("an entry without key or value: \(entry)")
                }
                values[key] = value
            }
            after = page["next"]?.string
        } while after != nil
        return values
    }
}
