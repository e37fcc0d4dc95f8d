import Glibc

extension Resolver {
    /// The addresses of a numeric host or of `localhost`; `nil` if the host is another name.
    static func resolveDirectly(_ host: String, port: UInt16) -> [SocketAddress]? {
        if host == "localhost" {
            return [("127.0.0.1", AF_INET), ("::1", AF_INET6)].compactMap {
                SocketAddress(numeric: $0.0, port: port, family: $0.1)
            }
        }
        let unbracketed = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        let address =
            SocketAddress(numeric: unbracketed, port: port, family: AF_INET)
            ?? SocketAddress(numeric: unbracketed, port: port, family: AF_INET6)
        return address.map { [$0] }
    }

    /// Blocks, for many seconds when a name server is away.
    static func resolveByName(_ host: String, port: UInt16 = 0) throws(HTTPClientError) -> [SocketAddress] {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(host, String(port), &hints, &list)
        guard code == 0 else {
            throw .resolutionFailed("\(host): \(String(cString: gai_strerror(code)))")
        }
        defer { freeaddrinfo(list) }
        var addresses: [SocketAddress] = []
        var next = list
        while let entry = next {
            if let pointer = entry.pointee.ai_addr,
                let address = SocketAddress(pointer, length: entry.pointee.ai_addrlen), !addresses.contains(address)
            {
                addresses.append(address)
            }
            next = entry.pointee.ai_next
        }
        guard !addresses.isEmpty else { throw .resolutionFailed("\(host): no IPv4 or IPv6 address") }
        return addresses
    }
}
