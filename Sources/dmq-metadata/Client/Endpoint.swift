import Server

/// Where a node answers: the host and port of an `http` URL.
struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    var host: String
    var port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// Takes `http://host:port`, `http://host`, `host:port`, and IPv6 addresses in brackets; `nil` for anything else,
    /// https and paths among it.
    init?(_ text: String) {
        var rest = Substring(text)
        if rest.prefix(7).lowercased() == "http://" { rest = rest.dropFirst(7) }
        if rest.hasSuffix("/") { rest = rest.dropLast() }
        let host: Substring
        if rest.hasPrefix("[") {
            guard let end = rest.firstIndex(of: "]") else { return nil }
            host = rest[rest.index(after: rest.startIndex)..<end]
            rest = rest[rest.index(after: end)...]
            guard host.contains(":") else { return nil }
        } else {
            host = rest.prefix { $0 != ":" }
            rest = rest[host.endIndex...]
        }
        guard !host.isEmpty,
            host.unicodeScalars.allSatisfy({ $0.isASCII && $0.value > 0x20 && !"/?#@[]".unicodeScalars.contains($0) })
        else { return nil }
        if rest.isEmpty {
            port = 80
        } else {
            guard rest.removeFirst() == ":", rest.first?.isNumber == true, let number = UInt16(rest), number > 0 else {
                return nil
            }
            port = number
        }
        self.host = String(host)
    }

    var description: String { Member.url(host: host, port: port) }
}
