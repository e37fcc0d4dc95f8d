import Synchronization

/// Connections beyond the share of ordinary clients: each has to show with its first request that it is one of those
/// that the reserve is for, and carries no other.
extension HTTPServerChannel {
    var idleTimeout: UInt64 { isOnProbation ? server.probationTimeout : server.idleTimeout }

    func beginProbation() {
        isOnReserve = true
        isOnProbation = true
        server.probation.add(self)
    }

    func endProbation() {
        guard isOnProbation else { return }
        isOnProbation = false
        server.probation.remove(self)
    }

    func refuseOnReserve() {
        server.noteRefusal(.connections(server.configuration.maxConnections))
        reject(server.overloaded)
    }
}

/// The connections on reserve that have not shown yet what they are, the oldest first.
final class Probation: Sendable {
    private let channels = Mutex<[HTTPServerChannel]>([])

    func add(_ channel: HTTPServerChannel) { channels.withLock { $0.append(channel) } }

    func remove(_ channel: HTTPServerChannel) {
        channels.withLock { $0.removeAll { $0 === channel } }
    }

    /// Returns whether there was one.
    func dropOldest() -> Bool {
        guard let oldest = channels.withLock({ $0.isEmpty ? nil : $0.removeFirst() }) else { return false }
        oldest.loop.execute { oldest.close() }
        return true
    }
}

/// Says that connections are refused: when it begins, and once a minute while it goes on.
final class RefusalNotice: Sendable {
    enum Kind {
        case connections(Int)
        case descriptors

        fileprivate var text: String {
            switch self {
            case .connections(let count): "all \(count) connections are taken; new ones are refused"
            case .descriptors: "the process has no file descriptor left; new connections are dropped"
            }
        }
    }

    private static let interval: UInt64 = 60_000_000_000

    private let tell: (@Sendable (String) -> Void)?
    private let nextAt = Mutex<[String: UInt64]>([:])

    init(_ tell: (@Sendable (String) -> Void)?) { self.tell = tell }

    func note(_ kind: Kind, now: UInt64) {
        guard let tell else { return }
        let text = kind.text
        let isDue = nextAt.withLock { nextAt in
            guard now >= nextAt[text, default: 0] else { return false }
            nextAt[text] = now + Self.interval
            return true
        }
        if isDue { tell(text) }
    }
}
