/// Splits the head of a message into its start line and field lines, over however many pieces it arrives in.
///
/// Works on a view that starts at the head's first octet and only ever grows; what was scanned is not scanned again, so a
/// sender who drips costs no more than one who does not. Errors depend on the octets alone, never on how they were cut.
struct HeadScanner: Sendable {
    private(set) var startLine = 0..<0
    private(set) var hasStartLine = false
    private(set) var fields: [HTTPHeaders.Field] = []
    private(set) var framing = MessageFraming()
    /// Where the first field line starts, and where the head ends.
    private(set) var fieldsStart = 0
    private var lineStart = 0
    private var scanned = 0

    /// How much of a head the caller must be able to hold: one of the limits strikes before it is full.
    static func capacity(_ limits: HTTPParserLimits) -> Int {
        limits.maxStartLineBytes + limits.maxHeaderBytes + 8
    }

    /// Returns the length of the head once it is complete. `checkStartLine` is called once, when the start line is.
    @inline(__always)
    mutating func scan(
        _ view: Span<UInt8>, limits: HTTPParserLimits,
        checkStartLine: (Span<UInt8>, Range<Int>) throws(HTTPParseError) -> Void
    ) throws(HTTPParseError) -> Int? {
        while true {
            if !hasStartLine { try checkFirstByte(view) }
            guard let lineFeed = view.firstLineFeed(from: scanned) else {
                scanned = view.count
                let halfBreak = !hasStartLine && scanned > lineStart && view[scanned - 1] == ByteClass.carriageReturn
                try checkLimits(lineEnd: halfBreak ? scanned - 1 : scanned, limits)
                return nil
            }
            // Without this, a bare CR or LF could be a line's end to one parser and text to the next (RFC 9112 §2.2).
            guard lineFeed > lineStart, view[lineFeed - 1] == ByteClass.carriageReturn else {
                // Had the line come without its LF, its length would have been the first fault.
                try checkLimits(lineEnd: lineFeed, limits)
                throw .malformed("A line ends with LF alone, not with CRLF (RFC 9112 section 2.2).")
            }
            let line = lineStart..<lineFeed - 1
            try checkLimits(lineEnd: hasStartLine ? lineFeed + 1 : line.upperBound, limits)
            let isFirst = lineStart == 0
            lineStart = lineFeed + 1
            scanned = lineStart
            if hasStartLine {
                if line.isEmpty { return lineStart }
                try addField(view, line, limits)
            } else if !line.isEmpty {
                try checkStartLine(view, line)
                startLine = line
                hasStartLine = true
                fieldsStart = lineStart
            } else if !isFirst {
                // One empty line before a request is allowed (RFC 9112 §2.2): old clients send it behind a body.
                throw .malformed("More than one empty line before the request line (RFC 9112 section 2.2).")
            }
        }
    }

    /// Whether octets of a message, not only an empty line before it, have come.
    func hasBegun(_ octets: Int) -> Bool {
        hasStartLine || octets > lineStart
    }

    /// The fields, with their octets copied out of the view.
    @inline(__always)
    func headers(_ view: Span<UInt8>, end: Int) -> HTTPHeaders {
        let octets = view.extracting(fieldsStart..<end - 2)
        return HTTPHeaders(bytes: octets.withUnsafeBufferPointer { Array($0) }, fields: fields)
    }

    /// Tells another protocol (TLS, for one) from HTTP at its first octet, before a line's end that may never come.
    private func checkFirstByte(_ view: Span<UInt8>) throws(HTTPParseError) {
        guard lineStart < view.count else { return }
        let byte = view[lineStart]
        guard ByteClass.isToken(byte) || byte == ByteClass.carriageReturn || byte == ByteClass.lineFeed else {
            throw .malformed("The first octet of a message starts no method or version (RFC 9112 section 3).")
        }
    }

    private func checkLimits(lineEnd: Int, _ limits: HTTPParserLimits) throws(HTTPParseError) {
        if hasStartLine {
            guard lineEnd - fieldsStart <= limits.maxHeaderBytes else {
                throw HTTPParseError(
                    .headerTooLarge, "The header fields take more than \(limits.maxHeaderBytes) bytes.")
            }
        } else {
            guard lineEnd - lineStart <= limits.maxStartLineBytes else {
                throw HTTPParseError(
                    .uriTooLong, "The first line takes more than \(limits.maxStartLineBytes) bytes.")
            }
        }
    }

    private mutating func addField(
        _ view: Span<UInt8>, _ line: Range<Int>, _ limits: HTTPParserLimits
    ) throws(HTTPParseError) {
        var field = try FieldLine.parse(view, line)
        guard fields.count < limits.maxHeaderFields else {
            throw HTTPParseError(.headerTooLarge, "There are more than \(limits.maxHeaderFields) header fields.")
        }
        try framing.note(field, in: view)
        if fields.isEmpty { fields.reserveCapacity(8) }
        let base = UInt32(fieldsStart)
        field.nameStart -= base
        field.nameEnd -= base
        field.valueStart -= base
        field.valueEnd -= base
        fields.append(field)
    }
}
