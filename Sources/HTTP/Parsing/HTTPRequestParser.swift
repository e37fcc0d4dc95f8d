/// What a parser makes of one request.
public struct HTTPParsedRequest: Sendable, Equatable {
    public var method: String
    /// Still percent-encoded; `*` for `OPTIONS *`.
    public var path: String
    public var query: String?
    public var headers: HTTPHeaders
    public var body: [UInt8]
    /// Whether another request may follow on the connection (RFC 9112 §9.3).
    public var keepsAlive: Bool
    /// Whether the request was HTTP/1.0, whose client must be told when the connection stays open.
    public var isVersion10: Bool

    /// Whether the method is one that changes nothing (RFC 9110 §9.2.1).
    public var isSafe: Bool { method == "GET" || method == "HEAD" || method == "OPTIONS" }
}

/// Parses HTTP/1.1 requests (RFC 9112): a value over octets, without I/O.
///
/// Feed it whatever arrives; it keeps what is incomplete. The requests found and the error met depend on the octets alone,
/// not on how they were cut. After an error the parser must not be used again.
public struct HTTPRequestParser: Sendable {
    private enum State { case head, fixedBody, chunkedBody }

    private let limits: HTTPParserLimits
    private var state = State.head
    private var scanner = HeadScanner()
    private var line: RequestLine?
    /// The start of a head whose end has not come.
    private var pending: [UInt8] = []
    private var request: HTTPParsedRequest?
    private var body: [UInt8] = []
    private var bodyLength = 0
    private var chunks = ChunkedDecoder()
    private var owesContinue = false
    /// Whether the request that is being read is a `HEAD`, also one that can not be read on: its answer has no content.
    public private(set) var isHead = false

    public init(limits: HTTPParserLimits = HTTPParserLimits()) {
        self.limits = limits
    }

    /// Whether a request has begun that is not complete.
    public var isMidRequest: Bool {
        state != .head || scanner.hasBegun(pending.count)
    }

    /// The path of the request whose head is complete and whose body is not.
    var pathInProgress: String? { request?.path }

    /// How many bytes the body in progress may come to: what its length says, or the limit if it comes in chunks.
    var announcedBytes: Int {
        switch state {
        case .head: 0
        case .fixedBody: bodyLength
        case .chunkedBody: limits.maxBodyBytes
        }
    }

    /// Octets that are held: of a head or body that is not complete.
    var heldBytes: Int { pending.count + body.count }

    /// Whether the client waits for `100 Continue` before it sends the body (RFC 9110 §10.1.1). True once for a request.
    public mutating func takeContinueExpectation() -> Bool {
        defer { owesContinue = false }
        return owesContinue
    }

    /// Takes octets of `input` from `position` on and returns the next complete request; `nil` when all input is used up.
    public mutating func next(
        _ input: Span<UInt8>, at position: inout Int
    ) throws(HTTPParseError) -> HTTPParsedRequest? {
        if state == .head {
            guard try readHead(input, at: &position) else { return nil }
        }
        switch state {
        case .head:
            return finish()
        case .fixedBody:
            let taken = min(bodyLength - body.count, input.count - position)
            if body.isEmpty { body.reserveCapacity(min(bodyLength, max(taken, 64 * 1024))) }
            body.append(input.extracting(position..<position + taken))
            position += taken
            if taken > 0 { owesContinue = false }
            return body.count == bodyLength ? finish() : nil
        case .chunkedBody:
            if position < input.count { owesContinue = false }
            try chunks.decode(input, at: &position, into: &body, limits: limits)
            return chunks.isDone ? finish() : nil
        }
    }

    private mutating func finish() -> HTTPParsedRequest? {
        var finished = request
        finished?.body = body
        request = nil
        body = []
        state = .head
        owesContinue = false
        return finished
    }

    /// Whether the head is complete. In the usual case it is parsed where it lies, without a copy.
    @inline(__always)
    private mutating func readHead(_ input: Span<UInt8>, at position: inout Int) throws(HTTPParseError) -> Bool {
        if pending.isEmpty {
            guard position < input.count else { return false }
            let view = input.extracting(position..<input.count)
            guard let end = try scan(view) else {
                pending.append(view)
                position = input.count
                return false
            }
            try takeHead(view, end: end)
            position += end
            return true
        }
        let before = pending.count
        let taken = min(input.count - position, HeadScanner.capacity(limits) - before)
        pending.append(input.extracting(position..<position + taken))
        guard let end = try scanPending() else {
            position += taken
            return false
        }
        position += end - before
        let head = pending
        pending = []
        try takeHead(head.span, end: end)
        return true
    }

    private mutating func scanPending() throws(HTTPParseError) -> Int? {
        let head = pending
        return try scan(head.span)
    }

    @inline(__always)
    private mutating func scan(_ view: Span<UInt8>) throws(HTTPParseError) -> Int? {
        var found = line
        if !scanner.hasStartLine { isHead = view.count >= 5 && view.string(0..<5) == "HEAD " }
        let end = try scanner.scan(view, limits: limits) { bytes, range throws(HTTPParseError) in
            found = try RequestLine(bytes, range)
        }
        line = found
        return end
    }

    @inline(__always)
    private mutating func takeHead(_ view: Span<UInt8>, end: Int) throws(HTTPParseError) {
        guard let line else { return }
        let framing = scanner.framing
        try check(framing, line)
        let path = line.path.isEmpty ? (line.isAsterisk ? "*" : "/") : view.string(line.path)
        request = HTTPParsedRequest(
            method: view.string(line.method), path: path, query: line.query.map { view.string($0) },
            headers: scanner.headers(view, end: end), body: [],
            keepsAlive: !framing.asksToClose && (line.minorVersion == 1 || framing.asksToKeepAlive),
            isVersion10: line.minorVersion == 0)
        if framing.isChunked {
            state = .chunkedBody
            chunks = ChunkedDecoder()
        } else if let length = framing.contentLength, length > 0 {
            state = .fixedBody
            bodyLength = length
        }
        owesContinue = state != .head && framing.expectation == .continueFirst && line.minorVersion == 1
        scanner = HeadScanner()
        self.line = nil
    }

    private func check(_ framing: MessageFraming, _ line: RequestLine) throws(HTTPParseError) {
        guard framing.hasHost || line.minorVersion == 0 else {
            throw .malformed("The request has no Host field (RFC 9112 section 3.2).")
        }
        if framing.hasTransferEncoding {
            guard framing.contentLength == nil else {
                throw .malformed("Both Transfer-Encoding and Content-Length (RFC 9112 section 6.1).")
            }
            guard line.minorVersion == 1 else {
                throw .malformed("Transfer-Encoding in an HTTP/1.0 request (RFC 9112 section 6.1).")
            }
            guard !framing.hasUnknownCoding else {
                throw HTTPParseError(.notImplemented, "The only transfer coding implemented is chunked.")
            }
        }
        if let length = framing.contentLength, length > limits.maxBodyBytes {
            throw HTTPParseError(
                .bodyTooLarge, "The body of \(length) bytes is larger than the \(limits.maxBodyBytes) allowed.")
        }
        if framing.expectation == .unknown, line.minorVersion == 1 {
            throw HTTPParseError(.expectationFailed, "The only expectation that can be met is 100-continue.")
        }
    }
}
