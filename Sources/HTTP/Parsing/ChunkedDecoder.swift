/// Decodes the chunked coding (RFC 9112 §7.1) octet by octet, so that the cut of the input cannot matter.
struct ChunkedDecoder: Sendable {
    private enum State {
        case sizeStart, size, spaceBeforeExtension
        case nameStart, name, spaceAfterName
        case valueStart, value, spaceAfterValue, quoted, quotedEscape, quotedEnd
        case sizeLineFeed
        case data, dataReturn, dataLineFeed
        case trailer, done
    }

    private var state = State.sizeStart
    private var remaining = 0
    private var digits = 0
    private var extensionBytes = 0
    private var trailerLine: [UInt8] = []
    private var trailerBytes = 0
    private var trailerFields = 0

    var isDone: Bool { state == .done }

    /// Takes octets from `position` on, appending the data to `body`, until the body has ended or the input has.
    mutating func decode(
        _ input: Span<UInt8>, at position: inout Int, into body: inout [UInt8], limits: HTTPParserLimits
    ) throws(HTTPParseError) {
        while position < input.count, state != .done {
            if state == .data {
                let taken = min(remaining, input.count - position)
                body.append(input.extracting(position..<position + taken))
                position += taken
                remaining -= taken
                if remaining == 0 { state = .dataReturn }
                continue
            }
            let byte = input[position]
            position += 1
            switch state {
            case .sizeStart, .size: try takeSize(byte)
            case .sizeLineFeed: try endSizeLine(byte, bodyCount: body.count, limits)
            case .dataReturn: try expect(byte, ByteClass.carriageReturn, then: .dataLineFeed)
            case .dataLineFeed: try expect(byte, ByteClass.lineFeed, then: .sizeStart)
            case .trailer: try takeTrailer(byte, limits)
            case .data, .done: break
            default: try takeExtension(byte, limits)
            }
        }
    }

    private mutating func takeSize(_ byte: UInt8) throws(HTTPParseError) {
        if let digit = ByteClass.hexValue(byte) {
            digits += 1
            // Fifteen digits cannot overflow; leading zeros beyond that serve nobody.
            guard digits <= 15 else { throw .malformed("A chunk size has too many digits (RFC 9112 section 7.1).") }
            remaining = remaining << 4 | digit
            state = .size
            return
        }
        guard state == .size else { throw .malformed("A chunk has no hexadecimal size (RFC 9112 section 7.1).") }
        switch byte {
        case ByteClass.carriageReturn: state = .sizeLineFeed
        case UInt8(ascii: ";"): state = .nameStart
        case ByteClass.space, ByteClass.tab: state = .spaceBeforeExtension
        default: throw .malformed("A chunk size is not a plain hexadecimal number (RFC 9112 section 7.1).")
        }
    }

    private mutating func takeExtension(_ byte: UInt8, _ limits: HTTPParserLimits) throws(HTTPParseError) {
        extensionBytes += 1
        guard extensionBytes <= limits.maxChunkExtensionBytes else {
            throw .malformed("Chunk extensions take more than \(limits.maxChunkExtensionBytes) bytes.")
        }
        guard let next = Self.next(state, byte) else {
            throw .malformed("A chunk extension is malformed (RFC 9112 section 7.1.1).")
        }
        state = next
    }

    /// `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`, as a table.
    private static func next(_ state: State, _ byte: UInt8) -> State? {
        let isWhitespace = ByteClass.isWhitespace(byte)
        let isToken = ByteClass.isToken(byte)
        let afterValue: State? =
            switch byte {
            case UInt8(ascii: ";"): .nameStart
            case ByteClass.carriageReturn: .sizeLineFeed
            case ByteClass.space, ByteClass.tab: .spaceAfterValue
            default: nil
            }
        switch state {
        case .spaceBeforeExtension, .spaceAfterValue:
            return isWhitespace ? state : byte == UInt8(ascii: ";") ? .nameStart : nil
        case .nameStart:
            return isWhitespace ? .nameStart : isToken ? .name : nil
        case .name:
            if isToken { return .name }
            if byte == UInt8(ascii: "=") { return .valueStart }
            return isWhitespace ? .spaceAfterName : afterValue
        case .spaceAfterName:
            if byte == UInt8(ascii: "=") { return .valueStart }
            return isWhitespace ? .spaceAfterName : byte == UInt8(ascii: ";") ? .nameStart : nil
        case .valueStart:
            if byte == UInt8(ascii: "\"") { return .quoted }
            return isWhitespace ? .valueStart : isToken ? .value : nil
        case .value:
            return isToken ? .value : afterValue
        case .quoted:
            if byte == UInt8(ascii: "\"") { return .quotedEnd }
            if byte == UInt8(ascii: "\\") { return .quotedEscape }
            return ByteClass.isFieldContent(byte) ? .quoted : nil
        case .quotedEscape:
            return ByteClass.isFieldContent(byte) ? .quoted : nil
        case .quotedEnd:
            return afterValue
        default:
            return nil
        }
    }

    private mutating func endSizeLine(
        _ byte: UInt8, bodyCount: Int, _ limits: HTTPParserLimits
    ) throws(HTTPParseError) {
        guard byte == ByteClass.lineFeed else {
            throw .malformed("A chunk size line holds a bare CR (RFC 9112 section 7.1).")
        }
        digits = 0
        // `bodyCount` never exceeds the limit, so the difference cannot overflow.
        guard remaining <= limits.maxBodyBytes - bodyCount else {
            throw HTTPParseError(.bodyTooLarge, "The body takes more than \(limits.maxBodyBytes) bytes.")
        }
        state = remaining == 0 ? .trailer : .data
    }

    private mutating func expect(_ byte: UInt8, _ wanted: UInt8, then next: State) throws(HTTPParseError) {
        guard byte == wanted else {
            throw .malformed("A chunk is not followed by CRLF where its size says it ends (RFC 9112 section 7.1).")
        }
        state = next
    }

    private mutating func takeTrailer(_ byte: UInt8, _ limits: HTTPParserLimits) throws(HTTPParseError) {
        trailerBytes += 1
        guard trailerBytes <= limits.maxHeaderBytes else {
            throw HTTPParseError(.headerTooLarge, "The trailer fields take more than \(limits.maxHeaderBytes) bytes.")
        }
        guard byte == ByteClass.lineFeed else {
            trailerLine.append(byte)
            return
        }
        guard trailerLine.popLast() == ByteClass.carriageReturn else {
            throw .malformed("A trailer line ends with LF alone, not with CRLF (RFC 9112 section 2.2).")
        }
        guard !trailerLine.isEmpty else {
            state = .done
            return
        }
        trailerFields += 1
        guard trailerFields <= limits.maxHeaderFields else {
            throw HTTPParseError(.headerTooLarge, "There are more than \(limits.maxHeaderFields) trailer fields.")
        }
        try Self.checkTrailer(trailerLine.span)
        trailerLine.removeAll(keepingCapacity: true)
    }

    private static func checkTrailer(_ line: Span<UInt8>) throws(HTTPParseError) {
        let field = try FieldLine.parse(line, 0..<line.count)
        guard !MessageFraming.isForbiddenInTrailer(field.name, line) else {
            throw .malformed("A trailer field would change how the message is read (RFC 9110 section 6.5.1).")
        }
    }
}
