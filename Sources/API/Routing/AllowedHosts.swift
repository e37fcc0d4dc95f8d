import HTTP
import Wire

/// The names that requests may call this server by.
///
/// A browser sends whatever a page tells it to, and to a name of the page's own choice: one whose owner lets it point at
/// this machine makes the page a client like any other (DNS rebinding). It can not choose the name in `Host`, though, nor
/// leave out `Origin`. Numbers are no names, and nobody can make a number point elsewhere.
public struct AllowedHosts: Sendable, Equatable {
    /// In lower case; `nil` allows all.
    private let names: Set<String>?

    public static let all = AllowedHosts(names: nil)

    private init(names: Set<String>?) { self.names = names }

    /// - Parameter names: Host names without ports, besides numeric addresses and `localhost`; `*` allows all.
    public init(_ names: [String]) {
        let isOpen = names.contains("*")
        self.init(names: isOpen ? nil : Set((names + ["localhost"]).map { Self.name(of: $0) }))
    }

    /// Whether a `Host` field is one of ours. A port does not matter.
    func allows(host field: String) -> Bool {
        guard let names, !field.isEmpty else { return true }
        return Self.isNumeric(field) || names.contains(Self.name(of: field))
    }

    /// Whether a page of that origin may change something through a browser: one that came from this server by the same
    /// name, or from a machine of the list.
    func allows(origin: String, host: String?) -> Bool {
        guard let names else { return true }
        guard let scheme = origin.range(of: "://") else { return false }
        let name = Self.name(of: origin[scheme.upperBound...])
        return names.contains(name) || name == host.map { Self.name(of: $0) }
    }

    /// `1.2.3.4:80` and `[::1]:80`, as they stand; no domain has a top level of digits.
    private static func isNumeric(_ field: String) -> Bool {
        field.utf8.first == UInt8(ascii: "[")
            || field.utf8.allSatisfy { $0 == UInt8(ascii: ".") || (UInt8(ascii: "0")...UInt8(ascii: ":")).contains($0) }
    }

    /// Without port and final dot, in lower case.
    private static func name(of field: some StringProtocol) -> String {
        let end: String.Index
        if field.hasPrefix("[") {
            end = field.firstIndex(of: "]").map { field.index(after: $0) } ?? field.endIndex
        } else {
            end = field.firstIndex(of: ":") ?? field.endIndex
        }
        let name = field[..<end].lowercased()
        return name.hasSuffix(".") ? String(name.dropLast()) : name
    }
}

extension AllowedHosts {
    /// Refuses what may come from a page of somebody else's.
    func check(_ request: HTTPRequest, _ method: Method) throws(Problem) {
        let host = request.headers["Host"]
        if let host, !allows(host: host), !Self.isHarmless(request) {
            throw Problem(
                .misdirectedRequest,
                "this server is not known as \(host); if it is, add that to server.allowed-hosts (SERVER_ALLOWED_HOSTS)"
            )
        }
        guard [.put, .post, .delete].contains(method), let origin = request.headers["Origin"] else { return }
        guard allows(origin: origin, host: host) else {
            throw Problem(.foreignOrigin, "pages of \(origin) may change nothing here")
        }
    }

    /// What monitoring asks for, by whatever name; and what nodes say to each other, whose files may name a node in two
    /// ways while it gets another name, and which no page can say without their names for each other's directories.
    private static func isHarmless(_ request: HTTPRequest) -> Bool {
        switch request.path {
        case "/healthz", "/readyz", "/metrics": true
        default:
            request.path.hasPrefix("/api/v1/raft/")
                && request.headers["Content-Type"].map { MediaType.isSame($0, MessageCodec.contentType) } ?? false
        }
    }
}

extension String {
    fileprivate func range(of mark: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(mark) { return start..<index(start, offsetBy: mark.count) }
            start = index(after: start)
        }
        return nil
    }
}
