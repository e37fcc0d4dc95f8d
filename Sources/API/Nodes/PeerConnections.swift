import HTTP
import Server
import Synchronization

/// The connections that peers' requests came on, so that the node learns once when one has ended.
final class PeerConnections: Sendable {
    private let known = Mutex<Set<UInt64>>([])

    /// The name of `connection`; on its first call the node is promised to hear of the connection's end.
    func register(_ connection: HTTPServerConnection, with service: any NodeService) -> UInt64 {
        let id = connection.id
        let isNew = known.withLock { $0.insert(id).inserted }
        if isNew {
            // Not under the lock: a connection that has ended already calls back at once.
            connection.onClose { [self] in
                _ = known.withLock { $0.remove(id) }
                service.peerConnectionClosed(id)
            }
        }
        return id
    }
}
