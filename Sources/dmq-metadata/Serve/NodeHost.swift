import API
import Dispatch
import HTTP
import Logging
import Raft
import Server
import Storage
import Synchronization

/// A node with its listener: what `serve` runs once and `demo` three times.
final class NodeHost: Sendable {
    let node: RunningNode
    private let listener: Listener
    private let settings: NodeSettings

    /// How long a busy node is waited for that is to hand over: an election is all that this saves.
    private static let handOverTimeout: DispatchTimeInterval = .seconds(3)
    /// How long requests in progress may take when the node stops.
    private static let drainTimeout: Duration = .seconds(2)

    /// Opens and checks the data directory; `listener` serves the node from here on, but nothing runs yet.
    init(
        id: NodeID, members: [Member], directory: String, settings: NodeSettings, listener: Listener, loop: EventLoop,
        logger: Logger, hosts: AllowedHosts = .all, lostLogLines: (@Sendable () -> Int)? = nil,
        forwardsAll: Bool = false,
        progress: (_ rows: Int) -> Void = { _ in }
    ) throws(StorageError) {
        self.listener = listener
        self.settings = settings
        node = try RunningNode(
            id: id, members: members, directory: directory, loop: loop, logger: logger, progress: progress)
        let server = listener.server
        listener.serve(
            Router(
                service: node, now: { RunningNode.unixMilliseconds }, hosts: hosts,
                statistics: { server.statistics }, lostLogLines: lostLogLines, loop: loop, forwardsAll: forwardsAll))
    }

    func start(onFailure: @escaping @Sendable (StorageError) -> Void) {
        node.start(settings: settings, onFailure: onFailure)
    }

    /// Hands over, answers what is in progress, closes the store.
    func stop(completion: @escaping @Sendable (StorageError?) -> Void) {
        let hasHandedOver = Once()
        let next: @Sendable () -> Void = { [self] in
            guard hasHandedOver.isFirst else { return }
            listener.server.drain(timeout: Self.drainTimeout) { [self] in node.close(completion: completion) }
        }
        node.handOver(completion: next)
        DispatchQueue(label: "dmq.stop").asyncAfter(deadline: .now() + Self.handOverTimeout, execute: next)
    }
}

/// Tells the first of several who come to the same place.
private final class Once: Sendable {
    private let isDone = Atomic(false)
    var isFirst: Bool { !isDone.exchange(true, ordering: .relaxed) }
}

/// A listening port whose router comes later: the port may have to be known before there is a node.
final class Listener: Sendable {
    let server: HTTPServer
    private let router: Box

    private final class Box: Sendable {
        let value = Mutex<Router?>(nil)
    }

    /// - Parameter account: What all connections together may hold.
    init(loop: EventLoop, account: MemoryAccount, logger: Logger) {
        let box = Box()
        router = box
        var configuration = HTTPServer.Configuration()
        // A key of 4096 bytes may come percent-encoded, three bytes for one.
        configuration.maxRequestLineBytes = 16 * 1024
        configuration.maxHeaderBytes = 32 * 1024
        configuration.account = account
        configuration.isPeerPath = RequestKind.isPeerPath
        configuration.weigh = RequestKind.ofAnswer
        let connections = ProcessLimits.connections(openFiles: ProcessLimits.openFiles)
        configuration.maxConnections = connections.all
        configuration.reservedConnections = connections.reserved
        configuration.isReserved = RequestKind.isEssential
        configuration.onRefusals = { logger.warning("⚠️ \($0)") }
        server = HTTPServer(configuration: configuration, loops: [loop]) { request, responder in
            guard let router = box.value.withLock({ $0 }) else {
                return responder.respond(HTTPResponse(status: 503, headers: HTTPHeaders([("Retry-After", "1")])))
            }
            router.handle(request, responder)
        }
    }

    func serve(_ router: Router) { self.router.value.withLock { $0 = router } }
}
