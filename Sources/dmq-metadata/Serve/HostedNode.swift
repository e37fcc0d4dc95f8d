import Dispatch
import Glibc
import HTTP
import Logging
import Raft
import Server
import Storage
import Synchronization

/// The node that `serve` runs: loaded from its data directory, listening, taking part.
final class HostedNode: ServedNode {
    private let configuration: NodeConfiguration
    private let logger: Logger
    private let events: NodeEvents
    private let loop = EventLoop(label: "dmq.http")
    /// Opening, starting and stopping, one behind the other.
    private let queue = DispatchQueue(label: "dmq.host")
    private let host = Mutex<NodeHost?>(nil)

    static let factory: NodeFactory = { HostedNode(configuration: $0, logger: $1, events: $2) }

    private init(configuration: NodeConfiguration, logger: Logger, events: NodeEvents) {
        self.configuration = configuration
        self.logger = logger
        self.events = events
    }

    func start() {
        queue.async { [self] in
            do throws(CommandFailure) {
                try open()
                events.onReady()
            } catch {
                events.onFailure(error)
            }
        }
    }

    private func open() throws(CommandFailure) {
        let account = MemoryAccount(limit: configuration.memoryBytes)
        let listener = Listener(loop: loop, account: account, logger: logger)
        let host: NodeHost
        do throws(StorageError) {
            host = try load(listener)
        } catch {
            guard case .damaged(let finding) = error, configuration.repair == .automatic else {
                throw CommandFailure(error)
            }
            try SelfRepair(configuration, logger).run(finding)
            host = try asFailure { () throws(StorageError) in try load(listener) }
        }
        do throws(HTTPServerError) {
            _ = try listener.server.listen(host: configuration.listenHost, port: configuration.listenPort)
        } catch {
            let address = "\(configuration.listenHost ?? "*"):\(configuration.listenPort)"
            throw CommandFailure(
                .unavailable,
                "can not listen on \(address): \(error.operation): \(String(cString: strerror(error.errno)))")
        }
        self.host.withLock { $0 = host }
        warnOfOpenDirectory()
        host.start { [events] error in events.onFailure(CommandFailure(error)) }
    }

    private func load(_ listener: Listener) throws(StorageError) -> NodeHost {
        try NodeHost(
            id: configuration.node, members: configuration.members, directory: configuration.dataDirectory,
            settings: NodeSettings(configuration), listener: listener, loop: loop, logger: logger,
            hosts: configuration.ownNames, lostLogLines: { LineOutput.standardError.lostLines },
            forwardsAll: configuration.forwardsAll,
            progress: { [events] rows in events.onReplayProgress(rows, nil) })
    }

    private func warnOfOpenDirectory() {
        var status = stat()
        guard stat(configuration.dataDirectory, &status) == 0, status.st_mode & 0o022 != 0 else { return }
        logger.warning(
            "⚠️ others than the owner may change the data directory; chmod go-w takes that away",
            metadata: ["data": "\(configuration.dataDirectory)"])
    }

    func stop(completion: @escaping @Sendable () -> Void) {
        // One that still loads has promised nothing to anybody, and may load for long.
        guard let host = host.withLock({ $0 }) else { return completion() }
        queue.async { [events] in
            host.stop { error in
                if let error { events.onFailure(CommandFailure(error)) } else { completion() }
            }
        }
    }

    func ask(_ part: Watchdog.Part, _ body: @escaping @Sendable () -> Void) {
        guard let host = host.withLock({ $0 }) else { return body() }
        switch part {
        case .core: host.node.ping(body)
        case .storage: host.node.pingStorage(body)
        }
    }

    func summary(_ completion: @escaping @Sendable (NodeSummary) -> Void) {
        host.withLock { $0 }?.node.read(.stale) { result in
            guard case .success(let view) = result else { return }
            let status = view.status
            completion(
                NodeSummary(
                    role: status.role.rawValue, term: status.term, leader: status.leader, applied: status.lastApplied))
        }
    }
}

extension NodeSettings {
    init(_ configuration: NodeConfiguration) {
        self.init()
        raft.electionTimeout = configuration.electionTimeout
        raft.electionJitter = configuration.electionTimeoutJitter
        raft.heartbeatInterval = configuration.heartbeatInterval
        brokerTimeout = configuration.brokerHeartbeatTimeout
        brokerCheckInterval = configuration.brokerHeartbeatCheckInterval
        leaderRebalanceInterval = configuration.leaderRebalanceInterval
        historyAge = configuration.historyAge
        historyBytes = configuration.historyBytes
        bootstrap = configuration.bootstrap
        rejoin = configuration.rejoin
        place = configuration.place
        build = Version.current
        // The log's share: what is proposed and not committed is held there however long a client waits.
        maximumPendingBytes = configuration.memoryBytes / 4
    }
}

extension CommandFailure {
    /// Storage's faults as ways to end.
    init(_ error: StorageError) {
        switch error {
        case .damaged(let text): self.init(.dataError, text)
        case .full(let text), .failed(let text): self.init(.ioError, text)
        case .inUse(let text): self.init(.temporaryFailure, text)
        case .foreign(let text): self.init(.configuration, text)
        }
    }
}
