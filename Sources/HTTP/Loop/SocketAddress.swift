import CLinux
import Glibc

/// An IPv4 or IPv6 address with a port.
struct SocketAddress: Sendable, Equatable {
    private var storage = sockaddr_in6()
    private(set) var length: socklen_t = 0

    init() {}

    /// A numeric address, or the addresses' wildcard of `family`.
    init?(numeric host: String?, port: UInt16, family: Int32) {
        if family == AF_INET {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            if let host, inet_pton(AF_INET, host, &address.sin_addr) != 1 { return nil }
            length = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutableBytes(of: &storage) { target in
                withUnsafeBytes(of: &address) { target.copyMemory(from: $0) }
            }
        } else {
            storage.sin6_family = sa_family_t(AF_INET6)
            storage.sin6_port = port.bigEndian
            if let host, inet_pton(AF_INET6, host, &storage.sin6_addr) != 1 { return nil }
            length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        }
    }

    /// What `getaddrinfo` found; `nil` if it is neither IPv4 nor IPv6.
    init?(_ pointer: UnsafePointer<sockaddr>, length: socklen_t) {
        guard Int(length) <= MemoryLayout<sockaddr_in6>.size else { return nil }
        guard pointer.pointee.sa_family == AF_INET || pointer.pointee.sa_family == AF_INET6 else { return nil }
        self.length = length
        withUnsafeMutableBytes(of: &storage) {
            $0.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: Int(length)))
        }
    }

    var family: Int32 { Int32(storage.sin6_family) }

    /// At the same place in both families.
    var port: UInt16 {
        get { UInt16(bigEndian: storage.sin6_port) }
        set { storage.sin6_port = newValue.bigEndian }
    }

    func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }

    /// Lets a system call fill in the address.
    mutating func withMutableSockaddr(
        _ body: (UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32
    ) -> Int32 {
        length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        return withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
        }
    }

    static func == (left: SocketAddress, right: SocketAddress) -> Bool {
        guard left.length == right.length else { return false }
        return withUnsafeBytes(of: left.storage) { first in
            withUnsafeBytes(of: right.storage) { second in
                first.prefix(Int(left.length)).elementsEqual(second.prefix(Int(right.length)))
            }
        }
    }
}

extension SocketAddress: CustomStringConvertible {
    /// `127.0.0.1:80`, `[::1]:80`.
    var description: String {
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let host = withSockaddr { pointer, _ -> String in
            let raw = UnsafeRawPointer(pointer)
            let offset =
                family == AF_INET
                ? MemoryLayout<sockaddr_in>.offset(of: \.sin_addr)!
                : MemoryLayout<sockaddr_in6>.offset(of: \.sin6_addr)!
            guard inet_ntop(family, raw + offset, &text, socklen_t(text.count)) != nil else { return "unknown" }
            return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        return family == AF_INET6 ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}
