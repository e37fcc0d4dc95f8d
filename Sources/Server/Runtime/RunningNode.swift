import Dispatch
import HTTP
import Logging
import Metadata
import Raft
import Storage
import Synchronization
import Wire

/// A node on real clocks, sockets and disks. Every call is safe from any thread.
public final class RunningNode: NodeService {
    public var members: [Member] { present.withLock { $0.members } }
    public let id: NodeID

    public var standing: ClusterStanding { present.withLock { $0.standing } }

    public var brokerTiming: BrokerTiming { present.withLock { $0.brokerTiming } }

    private struct Present {
        var members: [Member]
        var standing = ClusterStanding(clusterID: nil, term: .zero, leader: nil)
        var brokerTiming = NodeSettings().brokerTiming
    }

    private let present: Mutex<Present>
    private let loop: EventLoop
    private let mailbox: Mailbox
    private let storage: StorageQueue
    private let parts: Parts
    private let backups = BackupTurn()
    private let logger: Logger

    /// Used on the mailbox's queue only.
    private final class Parts: @unchecked Sendable {
        var node: Node?
        var network: PeerNetwork?
        var clock: SystemClock?
        var recovered: RecoveredNode?
        /// As it was last told.
        var standing: ClusterStanding?
    }

    /// Opens and checks the data directory and loads what it holds; nothing runs yet.
    ///
    /// - Parameters:
    ///   - loop: Where peers and brokers are talked to. The node shares its thread: on a machine with few cores a hop
    ///     between threads costs more than what they would do side by side.
    ///   - progress: Called now and then with the rows read so far.
    /// - Throws: ``StorageError`` when the directory is in use, foreign or damaged, or the disk fails.
    public init(
        id: NodeID, members: [Member], directory: String, loop: EventLoop, logger: Logger,
        progress: (_ rows: Int) -> Void
    ) throws(StorageError) {
        self.id = id
        present = Mutex(Present(members: members.sorted { $0.id < $1.id }))
        self.logger = logger
        self.loop = loop
        // The very queue, not one that targets it: so a batch of the node and a turn of the loop alternate.
        mailbox = Mailbox(queue: loop.queue)
        let store = try NodeStore(directory: directory, node: id, newDirectory: .random())
        BackupCopy.removeRemains(of: directory)
        parts = Parts()
        var recovered = try store.recover(progress: progress)
        recovered.identity = try recovered.identityAtStart(
            members: members.map(\.id), nonce: .random(in: .min ... .max), newDirectory: .random())
        try store.store(recovered.identity)
        logger.info(
            "📚 log loaded: \(recovered.entries.count) entries",
            metadata: [
                "first": "\(recovered.logBase.index.next)",
                "last": "\(recovered.entries.last?.index ?? recovered.logBase.index)",
                "applied": "\(recovered.applied.index)", "term": "\(recovered.hardState.currentTerm)",
            ])
        logger.info(
            "🪪 identity",
            metadata: [
                "directory": "\(recovered.identity.directory)", "start": "\(recovered.identity.run.number)",
                "cluster": "\(recovered.identity.clusterID ?? "none yet")",
                "voter": "\(recovered.identity.isAdmitted)",
            ])
        if let copy = recovered.copy {
            logger.warning("⚠️ these data are a copy or a restored backup", metadata: ["sign": "\(copy)"])
        }
        parts.recovered = recovered
        storage = StorageQueue(store: store, mailbox: mailbox, logger: logger)
    }

    /// Joins the cluster.
    ///
    /// - Parameter onFailure: Called once, on the node's queue, when the disk failed and the process must end.
    public func start(
        settings: NodeSettings, onFailure: @escaping @Sendable (StorageError) -> Void
    ) {
        present.withLock { $0.brokerTiming = settings.brokerTiming }
        mailbox.queue.async { [self] in
            guard let recovered = parts.recovered else { return }
            parts.recovered = nil
            let clock = SystemClock(mailbox: mailbox)
            let network = PeerNetwork(
                id: id, members: members, loop: loop, mailbox: mailbox,
                electionTimeout: settings.raft.electionTimeout, logger: logger
            ) { [weak self] members in self?.present.withLock { $0.members = members } }
            parts.clock = clock
            parts.network = network
            parts.node = Node(
                id: id, members: members, settings: settings, recovered: recovered,
                seed: UInt64.random(in: .min ... .max), clock: clock, network: network, disk: storage, logger: logger,
                onFailure: onFailure)
            mailbox.open { [parts, weak self] inputs in
                guard let node = parts.node else { return }
                node.process(inputs)
                guard node.standing != parts.standing else { return }
                parts.standing = node.standing
                self?.present.withLock { $0.standing = node.standing }
            }
            mailbox.post(.timer)
        }
    }

    /// The machine's wall clock.
    public static var unixMilliseconds: Int64 { SystemClock.now.unixMilliseconds }

    /// Hands leadership over, if this node has it, and settles what clients wait for. It goes on answering, so that
    /// clients learn where to go.
    public func handOver(completion: @escaping @Sendable () -> Void) { mailbox.post(.stop(completion)) }

    /// Ends the connections to others and closes the store, after what it was asked for. `completion` gets the error of the
    /// store's last work, if there was one: it is as final as any before it.
    public func close(completion: @escaping @Sendable (StorageError?) -> Void) {
        mailbox.queue.async { [self] in
            parts.node = nil
            parts.network?.close()
            storage.close(completion: completion)
        }
    }

    /// Calls back from the node's queue: proof that it makes progress.
    public func ping(_ completion: @escaping @Sendable () -> Void) { mailbox.queue.async(execute: completion) }

    /// Calls back from the storage queue, behind the operation that runs now.
    public func pingStorage(_ completion: @escaping @Sendable () -> Void) { storage.ping(completion) }

    // NodeService

    public func submit(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        mailbox.post(.submit(Proposal(command), completion))
    }

    public func read(
        _ consistency: Consistency, query: @escaping @Sendable (Result<NodeView, RequestFailure>) -> Void
    ) {
        mailbox.post(.read(consistency, query))
    }

    public func keepAlive(
        _ lease: LeaseID, completion: @escaping @Sendable (Result<Lease?, RequestFailure>) -> Void
    ) {
        mailbox.post(.keepAlive(lease, completion))
    }

    public func register(
        _ registration: BrokerRegistration,
        completion: @escaping @Sendable (Result<RegistrationOutcome, RequestFailure>) -> Void
    ) {
        mailbox.post(.register(registration, completion))
    }

    public func heartbeat(
        _ heartbeat: Heartbeat, completion: @escaping @Sendable (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        mailbox.post(.heartbeat(heartbeat, completion))
    }

    public func reportLag(
        _ report: LagReport, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        mailbox.post(.lagReport(report, completion))
    }

    public func alterPartitions(
        _ alteration: AlterPartitions,
        completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        mailbox.post(.alterPartitions(alteration, completion))
    }

    public func change(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        mailbox.post(.change(command, completion))
    }

    public func electLeaders(
        _ request: ElectLeadersRequest,
        completion: @escaping @Sendable (Result<ElectLeadersOutcome, RequestFailure>) -> Void
    ) {
        mailbox.post(.electLeaders(request, completion))
    }

    public func receive(
        _ request: Raft.Request, from origin: RequestOrigin, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void
    ) {
        mailbox.post(.peerRequest(request, from: origin, connection: connection, completion))
    }

    public func receive(
        _ introduction: Introduction, in envelope: Envelope, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void
    ) {
        mailbox.post(.introduction(introduction, envelope, connection: connection, completion))
    }

    public func peerConnectionClosed(_ connection: UInt64) { mailbox.post(.peerConnectionClosed(connection)) }

    public func log(
        from: LogIndex, limit: Int,
        completion: @escaping @Sendable (_ entries: [LogEntry], _ firstIndex: LogIndex) -> Void
    ) {
        mailbox.post(.readLog(from: from, limit: limit, completion))
    }

    public func change(
        _ request: MembershipRequest,
        completion: @escaping @Sendable (Result<MembershipProgress, MembershipFailure>) -> Void
    ) {
        mailbox.post(.changeMembers(request, completion))
    }

    public func membership(completion: @escaping @Sendable (MembershipView) -> Void) {
        mailbox.post(.listMembers(completion))
    }

    public func watch(
        _ range: KeySpan, after revision: UInt64?, wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<KeyWatch, WatchFailure>) -> Void
    ) {
        mailbox.post(.watch(range, after: revision, wake: wake, completion))
    }

    public func unwatch(_ watch: KeyWatch) { mailbox.post(.unwatch(watch)) }

    public func watchMetadata(
        wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<UInt64, RequestFailure>) -> Void
    ) {
        mailbox.post(.watchMetadata(wake: wake, completion))
    }

    public func changes(
        _ request: ChangesRequest, completion: @escaping @Sendable (Result<ChangesOutcome, RequestFailure>) -> Void
    ) {
        mailbox.post(.changes(request, completion))
    }

    public func unwatchMetadata(_ number: UInt64) { mailbox.post(.unwatchMetadata(number)) }

    public func metadataNews(
        after version: UInt64?, completion: @escaping @Sendable (Result<MetadataNews, RequestFailure>) -> Void
    ) {
        mailbox.post(.metadataNews(after: version, completion))
    }

    /// One at a time, until whoever asked has taken all of it: each takes as much of the disk as the data.
    public func backUp(_ consistency: Consistency, completion: @escaping BackupCompletion) {
        guard backups.begin() else { return completion(.failure(.backup(.inProgress))) }
        mailbox.post(
            .backUp(consistency) { [backups] result in
                switch result {
                case .success(let content): content.whenGone { backups.end() }
                case .failure: backups.end()
                }
                completion(result)
            })
    }

    public func metrics(completion: @escaping @Sendable (String) -> Void) {
        mailbox.post(
            .measure { [storage] measurements in
                completion(Metrics.render(measurements, storage: storage.measurements, process: .current))
            })
    }
}

extension DirectoryID {
    /// The name of a new directory.
    public static func random() -> DirectoryID {
        DirectoryID(high: .random(in: .min ... .max), low: .random(in: .min ... .max))
    }
}
