import ArgumentParser
import Glibc
import Logging
import Raft
import Server

struct DemoCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "demo",
        abstract: "Show three nodes in one process: election, replication, heartbeats, failover, equality.",
        discussion: "Exits with 0 only if each step was really so. Nothing is left behind without --keep.")

    @Option(help: ArgumentHelp("Keep the databases in this directory, which must not exist yet.", valueName: "dir"))
    var keep: String?

    @Flag(help: "Show the nodes' logs as well.")
    var verbose = false

    func run() throws {
        let directory = try keep.map(create) ?? temporaryDirectory()
        defer { if keep == nil { removeTree(directory) } }
        var logger = Logger(label: "demo") { _ in StreamLogHandler.standardError(label: "demo") }
        logger.logLevel = verbose ? .info : .critical
        let cluster = try DemoCluster(directory: directory, settings: settings, logger: logger)
        let script = DemoScript(cluster: cluster, pause: .milliseconds(2500), print: StandardOutput.writeLineOrExit)
        try script.run()
        for id in cluster.running { cluster.stop(id) }
        try StandardOutput.writeLine(keep.map { "\nDone. The databases are in \($0)." } ?? "\nDone.")
    }

    /// Quicker than the defaults, so that the pause under heartbeats is longer than an election timeout.
    private var settings: NodeSettings {
        var settings = NodeSettings()
        settings.raft.electionTimeout = .milliseconds(1000)
        settings.raft.electionJitter = .milliseconds(500)
        settings.raft.heartbeatInterval = .milliseconds(200)
        return settings
    }

    private func create(_ path: String) throws -> String {
        guard mkdir(path, 0o755) == 0 else {
            throw CommandFailure(.ioError, "can not create \(path): \(String(cString: strerror(errno)))")
        }
        return path
    }

    private func temporaryDirectory() throws -> String {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/dmq-demo.\(String(repeating: "X", count: 6))".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw CommandFailure(.ioError, "can not create \(parent)/dmq-demo: \(String(cString: strerror(errno)))")
        }
        return template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    /// The three databases and their directories, and nothing else.
    private func removeTree(_ directory: String) {
        for node in 1...3 {
            for file in ["node.db", "node.db-wal", "node.db-shm", "node.lock"] {
                unlink("\(directory)/node\(node)/\(file)")
            }
            rmdir("\(directory)/node\(node)")
        }
        rmdir(directory)
    }
}
