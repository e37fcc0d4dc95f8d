import CLinux
import Glibc
import Synchronization

/// Opens listening sockets.
enum ListeningSocket {
    /// Returns the descriptor and the port it is bound to.
    static func open(host: String?, port: UInt16) throws(HTTPServerError) -> (descriptor: Int32, port: UInt16) {
        let addresses = try candidates(host: host, port: port)
        var failure = HTTPServerError(operation: "resolve \(host ?? "*")", errno: ENOENT)
        for address in addresses {
            do throws(HTTPServerError) {
                let descriptor = try bind(address)
                return (descriptor, Socket.localAddress(descriptor).port)
            } catch {
                failure = error
                // Only a missing address family is a reason to try the next address, not a port in use.
                guard error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL else { throw error }
            }
        }
        throw failure
    }

    private static func candidates(host: String?, port: UInt16) throws(HTTPServerError) -> [SocketAddress] {
        guard let host else {
            return [AF_INET6, AF_INET].compactMap { SocketAddress(numeric: nil, port: port, family: $0) }
        }
        do throws(HTTPClientError) {
            if let direct = Resolver.resolveDirectly(host, port: port) { return direct }
            return try Resolver.resolveByName(host, port: port)
        } catch {
            throw HTTPServerError(operation: "resolve \(host)", errno: ENOENT)
        }
    }

    private static func bind(_ address: SocketAddress) throws(HTTPServerError) -> Int32 {
        let descriptor = Socket.make(family: address.family)
        guard descriptor >= 0 else { throw HTTPServerError(operation: "socket for \(address)", errno: errno) }
        // A restart must not wait for the connections of the last run to time out.
        Socket.set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        if address.family == AF_INET6 { Socket.set(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        let operation: String
        if address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) != 0 {
            operation = "bind \(address)"
        } else if Glibc.listen(descriptor, 4096) != 0 {
            operation = "listen on \(address)"
        } else {
            return descriptor
        }
        let code = errno
        Socket.close(descriptor)
        throw HTTPServerError(operation: operation, errno: code)
    }
}

/// Accepts connections.
final class HTTPListener: Channel, @unchecked Sendable {
    private let server: HTTPServerCore
    /// Given up for a moment when no descriptor is left, to accept and close what would else wait for ever.
    private var spare: Int32
    private static let maxAcceptsPerEvent = 64
    private static let pause: UInt64 = 50_000_000

    init(server: HTTPServerCore, loop: EventLoop, descriptor: Int32) {
        self.server = server
        spare = Self.openSpare()
        super.init(loop: loop, descriptor: descriptor)
    }

    func start() {
        // The first descriptors of a process; a kernel that takes not even them can not serve.
        precondition(loop.register(self, events: EPOLLIN.rawValue), "epoll_ctl failed with errno \(errno)")
    }

    /// Accepts what waits and stops listening.
    func stop() {
        while descriptor >= 0, acceptOne() {}
        closeDescriptor()
        if spare >= 0 { Socket.close(spare) }
        spare = -1
    }

    override func ready(_ events: UInt32) {
        // Level-triggered: what is left over is reported again, after the loop's other events.
        for _ in 0..<Self.maxAcceptsPerEvent where !acceptOne() { return }
    }

    override func deadlinePassed() {
        setDeadline(.max)
        if spare < 0 { spare = Self.openSpare() }
        loop.modify(self, events: EPOLLIN.rawValue)
    }

    /// Whether another connection may be waiting.
    private func acceptOne() -> Bool {
        let (accepted, peer) = Socket.accept(descriptor)
        guard accepted < 0 else {
            server.accepted(accepted, peer: peer)
            return true
        }
        switch errno {
        case EAGAIN:
            return false
        case EMFILE, ENFILE:
            server.counters.withoutDescriptor.wrappingAdd(1, ordering: .relaxed)
            server.noteRefusal(.descriptors)
            return dropOne()
        case ENOBUFS, ENOMEM:
            pauseAccepting()
            return false
        default:
            // The peer gave up while it waited (ECONNABORTED and the network errors of accept(2)), or a signal came.
            return true
        }
    }

    /// With no descriptor left, a connection cannot even be refused; kept waiting it would report itself without end.
    private func dropOne() -> Bool {
        if spare >= 0 { Socket.close(spare) }
        let (dropped, _) = Socket.accept(descriptor)
        if dropped >= 0 { Socket.close(dropped) }
        spare = Self.openSpare()
        if dropped >= 0, spare >= 0 { return true }
        pauseAccepting()
        return false
    }

    private func pauseAccepting() {
        guard deadline == .max, descriptor >= 0 else { return }
        loop.modify(self, events: 0)
        setDeadline(Monotonic.now() + Self.pause)
    }

    private static func openSpare() -> Int32 {
        open("/dev/null", O_RDONLY | O_CLOEXEC)
    }
}
