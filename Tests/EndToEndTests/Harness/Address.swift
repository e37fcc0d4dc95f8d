import Glibc

/// Where somebody listens: on this machine's loopback, or in another network of it.
struct Address: Sendable {
    /// In host byte order.
    var host: UInt32 = 0x7F00_0001
    var port: Int
    var namespace: NetworkNamespace?

    /// Runs `body` where sockets belong to the address's network.
    func within<Value>(_ body: () -> Value) -> Value { namespace.map { $0.within(body) } ?? body() }
}

extension sockaddr_in {
    init(_ address: Address) {
        self.init()
        sin_family = sa_family_t(AF_INET)
        sin_port = in_port_t(address.port).bigEndian
        sin_addr.s_addr = in_addr_t(address.host).bigEndian
    }
}

/// A network of this machine that is not the tests' own. What is opened in it stays in it.
final class NetworkNamespace: Sendable {
    private let descriptor: Int32

    /// That of the process `processID`.
    init(of processID: pid_t) throws(TransportError) {
        descriptor = open("/proc/\(processID)/ns/net", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("/proc/\(processID)/ns/net", errno) }
    }

    deinit { close(descriptor) }

    /// Runs `body` in this network. Only its own thread is moved there, and back.
    func within<Value>(_ body: () -> Value) -> Value {
        let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        precondition(home >= 0, "no /proc/thread-self")
        defer { close(home) }
        Self.enter(descriptor)
        defer { Self.enter(home) }
        return body()
    }

    private static let setns = glibc("setns", as: (@convention(c) (Int32, Int32) -> Int32).self)

    private static func enter(_ descriptor: Int32) {
        let newNetwork: Int32 = 0x4000_0000  // CLONE_NEWNET
        // A thread that stayed in the wrong network would mislead every test after this one.
        precondition(setns(descriptor, newNetwork) == 0, "setns: \(String(cString: strerror(errno)))")
    }
}
