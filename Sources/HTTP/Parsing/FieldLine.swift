/// Reads one field line, `name ":" OWS value OWS` (RFC 9112 §5).
enum FieldLine {
    /// `line` is without its line break.
    @inline(__always)
    static func parse(_ bytes: Span<UInt8>, _ line: Range<Int>) throws(HTTPParseError) -> HTTPHeaders.Field {
        var colon = line.lowerBound
        while colon < line.upperBound, ByteClass.isToken(bytes[colon]) { colon += 1 }
        guard colon < line.upperBound, bytes[colon] == ByteClass.colon, colon > line.lowerBound else {
            throw explain(bytes, line, at: colon)
        }
        let value = bytes.trimmed(colon + 1..<line.upperBound)
        var isClean = true
        for position in value {
            isClean = isClean && ByteClass.isFieldContent(bytes[position])
        }
        guard isClean else {
            throw .malformed("A header field value holds a control character (RFC 9110 section 5.5).")
        }
        return HTTPHeaders.Field(
            nameStart: UInt32(line.lowerBound), nameEnd: UInt32(colon), valueStart: UInt32(value.lowerBound),
            valueEnd: UInt32(value.upperBound))
    }

    private static func explain(_ bytes: Span<UInt8>, _ line: Range<Int>, at position: Int) -> HTTPParseError {
        guard position < line.upperBound else {
            return .malformed("A header field line has no colon (RFC 9112 section 5).")
        }
        if ByteClass.isWhitespace(bytes[position]) {
            return position == line.lowerBound
                ? .malformed(
                    "A header line starts with whitespace; folded lines are not accepted (RFC 9112 section 5.2).")
                : .malformed("Whitespace between a header field name and its colon (RFC 9112 section 5.1).")
        }
        if bytes[position] == ByteClass.colon {
            return .malformed("A header field has no name (RFC 9112 section 5).")
        }
        return .malformed("A header field name holds a character that is not allowed there (RFC 9110 section 5.1).")
    }
}
