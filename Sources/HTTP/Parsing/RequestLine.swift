/// Reads `method SP request-target SP HTTP-version` (RFC 9112 §3).
struct RequestLine: Sendable {
    private(set) var method = 0..<0
    /// The path in origin-form; empty in an absolute-form target without a path.
    private(set) var path = 0..<0
    /// Behind the `?`, if there is one.
    private(set) var query: Range<Int>?
    /// `*`, of `OPTIONS *`.
    private(set) var isAsterisk = false
    /// Of HTTP/1.x; what is above 1 is treated as 1 (RFC 9110 §2.5).
    private(set) var minorVersion = 1

    @inline(__always)
    init(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPParseError) {
        var position = line.lowerBound
        while position < line.upperBound, ByteClass.isToken(bytes[position]) { position += 1 }
        method = line.lowerBound..<position
        guard position < line.upperBound, bytes[position] == ByteClass.space, !method.isEmpty else {
            throw .malformed("The request line does not start with a method and one space (RFC 9112 section 3.1).")
        }
        let targetStart = position + 1
        position = targetStart
        while position < line.upperBound, bytes[position] != ByteClass.space { position += 1 }
        let target = targetStart..<position
        guard position < line.upperBound else {
            throw .malformed("The request line has no HTTP version (RFC 9112 section 3).")
        }
        try readVersion(bytes, position + 1..<line.upperBound)
        guard !target.isEmpty else {
            throw .malformed("The request line has no target, or two spaces before it (RFC 9112 section 3).")
        }
        try readTarget(bytes, target)
    }

    private mutating func readVersion(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPParseError) {
        let start = range.lowerBound
        let prefix: StaticString = "HTTP/"
        guard range.count == 8, (0..<5).allSatisfy({ bytes[start + $0] == prefix.utf8Start[$0] }),
            ByteClass.isDigit(bytes[start + 5]), bytes[start + 6] == UInt8(ascii: "."),
            ByteClass.isDigit(bytes[start + 7])
        else {
            throw .malformed("The request line does not end with a version like HTTP/1.1 (RFC 9112 section 2.3).")
        }
        guard bytes[start + 5] == UInt8(ascii: "1") else {
            throw HTTPParseError(.versionNotSupported, "This server speaks HTTP/1.1 and HTTP/1.0 only.")
        }
        minorVersion = bytes[start + 7] == UInt8(ascii: "0") ? 0 : 1
    }

    private mutating func readTarget(_ bytes: Span<UInt8>, _ target: Range<Int>) throws(HTTPParseError) {
        if bytes.matches(method, "connect") {
            throw HTTPParseError(.notImplemented, "This server is no proxy: CONNECT is not supported.")
        }
        if bytes[target.lowerBound] == UInt8(ascii: "/") {
            return try readPath(bytes, target)
        }
        if target.count == 1, bytes[target.lowerBound] == UInt8(ascii: "*") {
            guard bytes.matches(method, "options") else {
                throw .malformed("The target * is for OPTIONS only (RFC 9112 section 3.2.4).")
            }
            isAsterisk = true
            path = target
            return
        }
        try readAbsolute(bytes, target)
    }

    private mutating func readPath(_ bytes: Span<UInt8>, _ range: Range<Int>) throws(HTTPParseError) {
        path = range
        for position in range {
            let byte = bytes[position]
            guard ByteClass.isTarget(byte) else {
                let hexadecimal = String(byte, radix: 16, uppercase: true)
                throw .malformed(
                    "The request target holds the octet 0x\(hexadecimal), which must be percent-encoded (RFC 3986 section 2)."
                )
            }
            if byte == UInt8(ascii: "?"), query == nil {
                path = range.lowerBound..<position
                query = position + 1..<range.upperBound
            }
        }
    }

    /// `http://host:port/path`, which every server must take (RFC 9112 §3.2.2).
    private mutating func readAbsolute(_ bytes: Span<UInt8>, _ target: Range<Int>) throws(HTTPParseError) {
        let start = target.lowerBound
        let authorityStart: Int
        if target.count > 7, bytes.matches(start..<start + 7, "http://") {
            authorityStart = start + 7
        } else if target.count > 8, bytes.matches(start..<start + 8, "https://") {
            authorityStart = start + 8
        } else {
            throw .malformed("The request target is neither a path nor an http URL (RFC 9112 section 3.2).")
        }
        var position = authorityStart
        while position < target.upperBound, bytes[position] != UInt8(ascii: "/"), bytes[position] != UInt8(ascii: "?") {
            position += 1
        }
        guard HostSyntax.isValid(bytes, authorityStart..<position) else {
            throw .malformed("The host in the request target is not valid (RFC 9110 section 4.2).")
        }
        guard position > authorityStart, bytes[authorityStart] != ByteClass.colon else {
            throw .malformed("The URL in the request target has no host (RFC 9110 section 4.2.1).")
        }
        try readPath(bytes, position..<target.upperBound)
        isAsterisk = position == target.upperBound && bytes.matches(method, "options")
    }
}
