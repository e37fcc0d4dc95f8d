import Foundation
import Glibc
import Testing

/// One node of a cluster: its place, and the process that runs it now, if one does.
final class Node: Reachable {
    let id: Int
    let port: Int
    var dataDirectory: String
    let logPath: String
    var servicesFile: String
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

    var address: Address { Address(port: port) }

    /// While it runs.
    var processID: Int32? { process?.processID }

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
            return try isListening()
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

    static func request(
        _ method: String, _ path: String, _ body: [UInt8]? = nil, headers: [(String, String)] = []
    ) -> [UInt8] {
        var head = "\(method) \(path) HTTP/1.1\r\nHost: localhost\r\n"
        for (name, value) in headers { head += "\(name): \(value)\r\n" }
        if let body { head += "Content-Length: \(body.count)\r\n" }
        return Array((head + "\r\n").utf8) + (body ?? [])
    }
}
