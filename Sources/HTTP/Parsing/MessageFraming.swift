/// What the header fields say about where a message ends and what becomes of the connection (RFC 9112 §6, §9).
struct MessageFraming: Sendable {
    enum Expectation { case none, continueFirst, unknown }

    private(set) var hasHost = false
    private(set) var contentLength: Int?
    private(set) var isChunked = false
    /// A coding that we do not know stands before `chunked`.
    private(set) var hasUnknownCoding = false
    private(set) var asksToClose = false
    private(set) var asksToKeepAlive = false
    private(set) var expectation = Expectation.none

    var hasTransferEncoding: Bool { isChunked || hasUnknownCoding }

    @inline(__always)
    mutating func note(_ field: HTTPHeaders.Field, in bytes: Span<UInt8>) throws(HTTPParseError) {
        switch field.name.count {
        case 4 where bytes.matches(field.name, "host"): try noteHost(field.value, bytes)
        case 6 where bytes.matches(field.name, "expect"): noteExpectation(field.value, bytes)
        case 10 where bytes.matches(field.name, "connection"): noteConnection(field.value, bytes)
        case 14 where bytes.matches(field.name, "content-length"): try noteLength(field.value, bytes)
        case 17 where bytes.matches(field.name, "transfer-encoding"): try noteCoding(field.value, bytes)
        default: break
        }
    }

    private mutating func noteHost(_ value: Range<Int>, _ bytes: Span<UInt8>) throws(HTTPParseError) {
        guard !hasHost else { throw .malformed("More than one Host field (RFC 9112 section 3.2).") }
        hasHost = true
        guard HostSyntax.isValid(bytes, value) else {
            throw .malformed("The Host field is not a host with an optional port (RFC 9112 section 3.2).")
        }
    }

    private mutating func noteExpectation(_ value: Range<Int>, _ bytes: Span<UInt8>) {
        let isKnown = bytes.matches(value, "100-continue") && expectation != .unknown
        expectation = isKnown ? .continueFirst : .unknown
    }

    private mutating func noteConnection(_ value: Range<Int>, _ bytes: Span<UInt8>) {
        var close = false
        var keepAlive = false
        bytes.forEachListElement(in: value) { element in
            close = close || bytes.matches(element, "close")
            keepAlive = keepAlive || bytes.matches(element, "keep-alive")
        }
        asksToClose = asksToClose || close
        asksToKeepAlive = asksToKeepAlive || keepAlive
    }

    private mutating func noteLength(_ value: Range<Int>, _ bytes: Span<UInt8>) throws(HTTPParseError) {
        guard contentLength == nil else {
            throw .malformed("More than one Content-Length field (RFC 9112 section 6.3).")
        }
        // A leading zero is octal to some parsers: two readings of one length.
        guard !value.isEmpty, value.count == 1 || bytes[value.lowerBound] != UInt8(ascii: "0") else {
            throw .malformed("Content-Length is not a plain decimal number (RFC 9110 section 8.6).")
        }
        var length = 0
        for position in value {
            guard ByteClass.isDigit(bytes[position]) else {
                throw .malformed("Content-Length is not a plain decimal number (RFC 9110 section 8.6).")
            }
            let (product, overflow) = length.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(bytes[position] - UInt8(ascii: "0")))
            guard !overflow, !carry else {
                throw .malformed("Content-Length is larger than any body can be (RFC 9110 section 8.6).")
            }
            length = sum
        }
        contentLength = length
    }

    private mutating func noteCoding(_ value: Range<Int>, _ bytes: Span<UInt8>) throws(HTTPParseError) {
        guard !hasTransferEncoding else {
            throw .malformed("More than one Transfer-Encoding field (RFC 9112 section 6.1).")
        }
        if bytes.matches(value, "chunked") {
            isChunked = true
            return
        }
        var known = 0
        var unknown = 0
        var isList = true
        var endsChunked = false
        bytes.forEachListElement(in: value) { element in
            endsChunked = bytes.matches(element, "chunked")
            if endsChunked {
                known += 1
            } else {
                unknown += 1
                isList = isList && !element.isEmpty && element.allSatisfy { ByteClass.isToken(bytes[$0]) }
            }
        }
        guard isList, unknown > 0, known <= 1 else {
            throw .malformed("Transfer-Encoding is not exactly \"chunked\" (RFC 9112 section 6.1).")
        }
        // Where such a body ends can not be known, whatever the coding is.
        guard endsChunked else {
            throw .malformed("Transfer-Encoding does not end in \"chunked\" (RFC 9112 section 6.3).")
        }
        hasUnknownCoding = true
    }

    /// Fields that a trailer section must not hold, since they would change what has already been read (RFC 9110 §6.5.1).
    static func isForbiddenInTrailer(_ name: Range<Int>, _ bytes: Span<UInt8>) -> Bool {
        bytes.matches(name, "content-length") || bytes.matches(name, "transfer-encoding")
            || bytes.matches(name, "host") || bytes.matches(name, "connection") || bytes.matches(name, "trailer")
            || bytes.matches(name, "te") || bytes.matches(name, "expect") || bytes.matches(name, "content-encoding")
            || bytes.matches(name, "content-type") || bytes.matches(name, "content-range")
            || bytes.matches(name, "upgrade") || bytes.matches(name, "keep-alive")
            || bytes.matches(name, "authorization")
    }
}
