/// What a parser makes of one response.
public struct HTTPParsedResponse: Sendable, Equatable {
    public var response: HTTPResponse
    /// Whether the connection may be used for further requests.
    public var keepsAlive: Bool
}

/// Parses HTTP/1.1 responses (RFC 9112): a value over octets, without I/O. Interim (1xx) responses are skipped.
///
/// The details of its errors are for the log; `rejection` has no meaning on this side. After an error the parser must not be
/// used again.
public struct HTTPResponseParser: Sendable {
    private enum State { case head, fixedBody, chunkedBody, bodyUntilClose }

    private let limits: HTTPParserLimits
    private var state = State.head
    private var scanner = HeadScanner()
    private var status = 0
    private var isVersion10 = false
    private var pending: [UInt8] = []
    private var parsed: HTTPParsedResponse?
    private var body: [UInt8] = []
    private var bodyLength = 0
    private var chunks = ChunkedDecoder()

    public init(limits: HTTPParserLimits = HTTPParserLimits()) {
        self.limits = limits
    }

    /// Whether a response has begun that is not complete.
    public var isMidResponse: Bool {
        state != .head || !pending.isEmpty
    }

    /// Of a response whose body is coming: what stands before it.
    public var unfinished: HTTPResponse? { parsed?.response }

    /// What has come of that body, taken out of it, so that a body may be of any length.
    public mutating func takeBody() -> [UInt8] {
        bodyLength -= body.count
        defer { body = [] }
        return body
    }

    /// Takes octets of `input` from `position` on and returns the next complete final response; `nil` when all input is
    /// used up. `isToHead` says whether the request was `HEAD`, and must not change before the response is complete.
    public mutating func next(
        _ input: Span<UInt8>, at position: inout Int, isToHead: Bool
    ) throws(HTTPParseError) -> HTTPParsedResponse? {
        while state == .head {
            guard try readHead(input, at: &position, isToHead: isToHead) else { return nil }
            if parsed != nil, state == .head { return finish() }
        }
        switch state {
        case .head:
            return nil
        case .fixedBody:
            let taken = min(bodyLength - body.count, input.count - position)
            if body.isEmpty { body.reserveCapacity(min(bodyLength, max(taken, 64 * 1024))) }
            body.append(input.extracting(position..<position + taken))
            position += taken
            return body.count == bodyLength ? finish() : nil
        case .chunkedBody:
            try chunks.decode(input, at: &position, into: &body, limits: limits)
            return chunks.isDone ? finish() : nil
        case .bodyUntilClose:
            guard input.count - position <= limits.maxBodyBytes - body.count else {
                throw HTTPParseError(.bodyTooLarge, "The body takes more than \(limits.maxBodyBytes) bytes.")
            }
            body.append(input.extracting(position..<input.count))
            position = input.count
            return nil
        }
    }

    /// The end of the connection: returns the response whose body it ends, if there is one (RFC 9112 §6.3).
    public mutating func endOfInput() -> HTTPParsedResponse? {
        state == .bodyUntilClose ? finish() : nil
    }

    private mutating func finish() -> HTTPParsedResponse? {
        var finished = parsed
        finished?.response.body = body
        parsed = nil
        body = []
        state = .head
        return finished
    }

    /// Whether a head is complete; `parsed` is set if it is a final one.
    private mutating func readHead(
        _ input: Span<UInt8>, at position: inout Int, isToHead: Bool
    ) throws(HTTPParseError) -> Bool {
        guard position < input.count else { return false }
        let before = pending.count
        let taken = min(input.count - position, HeadScanner.capacity(limits) - before)
        pending.append(input.extracting(position..<position + taken))
        let head = pending
        guard let end = try scan(head.span) else {
            position += taken
            return false
        }
        position += end - before
        pending = []
        try takeHead(head.span, end: end, isToHead: isToHead)
        return true
    }

    private mutating func scan(_ view: Span<UInt8>) throws(HTTPParseError) -> Int? {
        var found = (status, isVersion10)
        let end = try scanner.scan(view, limits: limits) { bytes, range throws(HTTPParseError) in
            found = try Self.statusLine(bytes, range)
        }
        (status, isVersion10) = found
        return end
    }

    /// `HTTP-version SP status-code SP [ reason-phrase ]` (RFC 9112 §4); the last space is often left out.
    private static func statusLine(
        _ bytes: Span<UInt8>, _ line: Range<Int>
    ) throws(HTTPParseError) -> (status: Int, isVersion10: Bool) {
        let start = line.lowerBound
        guard line.count >= 12, bytes.matches(start..<start + 7, "http/1."), ByteClass.isDigit(bytes[start + 7]),
            bytes[start + 8] == ByteClass.space, (9...11).allSatisfy({ ByteClass.isDigit(bytes[start + $0]) }),
            line.count == 12 || bytes[start + 12] == ByteClass.space,
            line.dropFirst(12).allSatisfy({ ByteClass.isFieldContent(bytes[$0]) })
        else {
            throw .malformed("The status line is not that of an HTTP/1.x response (RFC 9112 section 4).")
        }
        let status = (9...11).reduce(0) { $0 * 10 + Int(bytes[start + $1] - UInt8(ascii: "0")) }
        guard status >= 100, status != 101 else {
            throw .malformed("The status \(status) is none that this client asked for.")
        }
        return (status, bytes[start + 7] == UInt8(ascii: "0"))
    }

    private mutating func takeHead(_ view: Span<UInt8>, end: Int, isToHead: Bool) throws(HTTPParseError) {
        let framing = scanner.framing
        let headers = scanner.headers(view, end: end)
        scanner = HeadScanner()
        guard status >= 200 else { return }
        guard !framing.hasTransferEncoding || framing.contentLength == nil else {
            throw .malformed("Both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).")
        }
        guard !framing.hasUnknownCoding else {
            throw .malformed("A transfer coding other than chunked, which was not asked for (RFC 9112 section 6.1).")
        }
        var keepsAlive = !framing.asksToClose && (!isVersion10 || framing.asksToKeepAlive)
        if isToHead || status == 204 || status == 304 {
            state = .head
        } else if framing.isChunked {
            state = .chunkedBody
            chunks = ChunkedDecoder()
        } else if let length = framing.contentLength {
            guard length <= limits.maxBodyBytes else {
                throw HTTPParseError(
                    .bodyTooLarge, "The body of \(length) bytes is larger than the \(limits.maxBodyBytes) allowed.")
            }
            bodyLength = length
            state = length > 0 ? .fixedBody : .head
        } else {
            state = .bodyUntilClose
            keepsAlive = false
        }
        parsed = HTTPParsedResponse(response: HTTPResponse(status: status, headers: headers), keepsAlive: keepsAlive)
    }
}
