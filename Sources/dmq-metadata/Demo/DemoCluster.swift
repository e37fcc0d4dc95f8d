import Dispatch
import HTTP
import Logging
import Metadata
import Raft
import Server
import Storage
import Synchronization

/// Three nodes in this process, on real disks and sockets, for `demo`.
final class DemoCluster {
    let directory: String
    let members: [Member]
    private let settings: NodeSettings
    private let loop: EventLoop
    private let account = MemoryAccount(limit: 256 * 1024 * 1024)
    private let logger: Logger
    private var hosts: [NodeID: NodeHost] = [:]
    private var listeners: [NodeID: Listener] = [:]

    init(directory: String, settings: NodeSettings, logger: Logger) throws {
        self.directory = directory
        self.settings = settings
        self.logger = logger
        loop = EventLoop(label: "dmq.demo")
        var members: [Member] = []
        for number in UInt64(1)...3 {
            let listener = Listener(loop: loop, account: account, logger: logger)
            let port = try listener.server.listen(host: "127.0.0.1", port: 0)
            listeners[NodeID(number)] = listener
            members.append(
                Member(id: NodeID(number), host: "127.0.0.1", port: port, url: "http://localhost:\(port)"))
        }
        self.members = members
    }

    var running: [NodeID] { hosts.keys.sorted() }

    func start(_ id: NodeID) throws {
        let listener = listeners[id] ?? Listener(loop: loop, account: account, logger: logger)
        if listeners[id] == nil, let member = members.first(where: { $0.id == id }) {
            _ = try listener.server.listen(host: member.host, port: member.port)
            listeners[id] = listener
        }
        let host = try NodeHost(
            id: id, members: members, directory: "\(directory)/node\(id)", settings: settings, listener: listener,
            loop: loop, logger: logger)
        hosts[id] = host
        host.start { error in fatalError("storage of node \(id) failed: \(error)") }
    }

    func stop(_ id: NodeID) {
        listeners[id] = nil
        guard let host = hosts.removeValue(forKey: id) else { return }
        let stopped = DispatchSemaphore(value: 0)
        host.stop { _ in stopped.signal() }
        stopped.wait()
    }

    /// A node's state, as it sees it itself.
    func view(of id: NodeID) throws -> (status: NodeStatus, metadata: MetadataStateMachine) {
        guard let host = hosts[id] else { throw CommandFailure(.failure, "node \(id) does not run") }
        let answer = Answer<(status: NodeStatus, metadata: MetadataStateMachine)>()
        host.node.read(.stale) { result in answer.give(result.map { ($0.status, $0.metadata) }) }
        return try answer.wait()
    }

    func log(of id: NodeID) throws -> [LogEntry] {
        guard let host = hosts[id] else { throw CommandFailure(.failure, "node \(id) does not run") }
        let answer = Answer<[LogEntry]>()
        host.node.log(from: LogIndex(1), limit: 10_000) { entries, _ in answer.give(.success(entries)) }
        return try answer.wait()
    }

    func submit(_ command: Command, to id: NodeID) throws -> CommandResult {
        guard let host = hosts[id] else { throw CommandFailure(.failure, "node \(id) does not run") }
        let answer = Answer<CommandResult>()
        host.node.submit(command) { answer.give($0) }
        return try answer.wait()
    }
}

/// Waits for what another thread will give, once.
private final class Answer<Value: Sendable>: Sendable {
    private let value = Mutex<Result<Value, RequestFailure>?>(nil)
    private let given = DispatchSemaphore(value: 0)

    func give(_ result: Result<Value, RequestFailure>) {
        value.withLock { $0 = result }
        given.signal()
    }

    func wait() throws -> Value {
        guard given.wait(timeout: .now() + .seconds(10)) == .success, let result = value.withLock({ $0 }) else {
            throw CommandFailure(.failure, "a node did not answer within 10 s")
        }
        return try result.get()
    }
}
