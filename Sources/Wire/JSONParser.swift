/// RFC 8259 to the letter. Foundation's `JSONDecoder` is not used for input because it lets through what is no JSON:
/// trailing commas, and any bad number, escape or UTF-8 inside fields that nobody reads.
struct JSONParser {
    /// Nesting that is followed; deeper texts are refused, so that a stranger can not exhaust the stack.
    static let maxDepth = 64

    private let text: [UInt8]
    private var offset = 0

    init(_ text: [UInt8]) { self.text = text }

    /// The value that the whole text is.
    mutating func parse() throws(JSONInputError) -> JSONValue {
        let value = try parseValue(depth: 0)
        skipWhitespace()
        guard offset == text.count else { throw malformed("nothing more") }
        return value
    }

    /// The next of several values that stand one behind the other; `nil` at the end.
    mutating func parseNext() throws(JSONInputError) -> JSONValue? {
        skipWhitespace()
        return offset == text.count ? nil : try parseValue(depth: 0)
    }

    // MARK: Values

    private mutating func parseValue(depth: Int) throws(JSONInputError) -> JSONValue {
        skipWhitespace()
        switch peek {
        case UInt8(ascii: "{"): return .object(try parseObject(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try parseArray(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try parseString())
        case UInt8(ascii: "t"): return try parseLiteral("true", .bool(true))
        case UInt8(ascii: "f"): return try parseLiteral("false", .bool(false))
        case UInt8(ascii: "n"): return try parseLiteral("null", .null)
        case let byte where byte == UInt8(ascii: "-") || isDigit(byte): return try parseNumber()
        default: throw malformed("a value")
        }
    }

    private mutating func parseObject(depth: Int) throws(JSONInputError) -> JSONObject {
        try enter(depth)
        var object = JSONObject()
        if closes(UInt8(ascii: "}")) { return object }
        repeat {
            skipWhitespace()
            guard peek == UInt8(ascii: "\"") else { throw malformed("the name of a field") }
            let name = try parseString()
            skipWhitespace()
            guard take(UInt8(ascii: ":")) else { throw malformed("a colon") }
            object.fields.append(.init(name: name, value: try parseValue(depth: depth)))
        } while try continues(until: UInt8(ascii: "}"))
        return object
    }

    private mutating func parseArray(depth: Int) throws(JSONInputError) -> [JSONValue] {
        try enter(depth)
        var elements: [JSONValue] = []
        if closes(UInt8(ascii: "]")) { return elements }
        repeat {
            elements.append(try parseValue(depth: depth))
        } while try continues(until: UInt8(ascii: "]"))
        return elements
    }

    private mutating func enter(_ depth: Int) throws(JSONInputError) {
        guard depth <= Self.maxDepth else {
            throw JSONInputError(code: .malformed, problem: "the JSON text is nested deeper than \(Self.maxDepth)")
        }
        offset += 1
    }

    /// Takes the bracket of an empty object or array.
    private mutating func closes(_ bracket: UInt8) -> Bool {
        skipWhitespace()
        return take(bracket)
    }

    /// Takes a comma, or the closing bracket.
    private mutating func continues(until bracket: UInt8) throws(JSONInputError) -> Bool {
        skipWhitespace()
        if take(UInt8(ascii: ",")) { return true }
        guard take(bracket) else { throw malformed("a comma or a closing bracket") }
        return false
    }

    private mutating func parseLiteral(
        _ literal: StaticString, _ value: JSONValue
    ) throws(JSONInputError) -> JSONValue {
        let end = offset + literal.utf8CodeUnitCount
        let matches =
            end <= text.count
            && literal.withUTF8Buffer { buffer in text[offset..<end].elementsEqual(buffer) }
        guard matches else { throw malformed("true, false or null") }
        offset = end
        return value
    }

    // MARK: Numbers

    private mutating func parseNumber() throws(JSONInputError) -> JSONValue {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        if !take(UInt8(ascii: "0")) { try skipDigits() }
        var isInteger = true
        if take(UInt8(ascii: ".")) {
            isInteger = false
            try skipDigits()
        }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            isInteger = false
            if !take(UInt8(ascii: "+")) { _ = take(UInt8(ascii: "-")) }
            try skipDigits()
        }
        // A digit behind a leading zero is what "01" looks like here.
        guard !isDigit(peek) else { throw malformed("no digit behind a leading zero") }
        let digits = String(decoding: text[start..<offset], as: UTF8.self)
        if let number = isInteger ? Int64(digits) : exactInteger(text[start..<offset]) { return .integer(number) }
        return .number(Double(digits) ?? .infinity)
    }

    /// The value of a number with a fraction or an exponent, if it is an integer. A `Double` would round it to one.
    private func exactInteger(_ number: ArraySlice<UInt8>) -> Int64? {
        let parts = number.split { $0 == UInt8(ascii: "e") || $0 == UInt8(ascii: "E") }
        let point = parts[0].firstIndex(of: UInt8(ascii: ".")) ?? parts[0].endIndex - 1
        let fractionDigits = parts[0].endIndex - 1 - point
        var digits = parts[0].filter { $0 != UInt8(ascii: ".") }
        guard digits.contains(where: { $0 > UInt8(ascii: "0") }) else { return 0 }
        // No text is long enough to make up for a greater exponent.
        let exponents = -1_000_000_000...1_000_000_000
        let exponent = parts.count == 1 ? 0 : Int(String(decoding: parts[1], as: UTF8.self))
        guard let exponent, exponents.contains(exponent) else { return nil }
        var power = exponent - fractionDigits
        while power < 0, digits.last == UInt8(ascii: "0") {
            digits.removeLast()
            power += 1
        }
        guard (0..<19).contains(power) else { return nil }
        return Int64(String(decoding: digits, as: UTF8.self) + String(repeating: "0", count: power))
    }

    private mutating func skipDigits() throws(JSONInputError) {
        guard isDigit(peek) else { throw malformed("a digit") }
        while isDigit(peek) { offset += 1 }
    }

    private func isDigit(_ byte: UInt8?) -> Bool {
        guard let byte else { return false }
        return byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    // MARK: Strings

    private mutating func parseString() throws(JSONInputError) -> String {
        offset += 1
        let start = offset
        while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 { offset += 1 }
        if peek == UInt8(ascii: "\\") { return try parseEscapedString(from: start) }
        guard peek == UInt8(ascii: "\"") else { throw malformed("the end of a string") }
        guard let string = String(strictUTF8: text[start..<offset]) else { throw notUTF8(start) }
        offset += 1
        return string
    }

    private mutating func parseEscapedString(from start: Int) throws(JSONInputError) -> String {
        var bytes = Array(text[start..<offset])
        while let byte = peek, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw malformed("no control character in a string") }
            offset += 1
            if byte == UInt8(ascii: "\\") {
                bytes.append(contentsOf: Character(try parseEscape()).utf8)
            } else {
                bytes.append(byte)
            }
        }
        guard take(UInt8(ascii: "\"")) else { throw malformed("the end of a string") }
        guard let string = String(strictUTF8: bytes[...]) else { throw notUTF8(start) }
        return string
    }

    private mutating func parseEscape() throws(JSONInputError) -> Unicode.Scalar {
        guard let byte = peek else { throw malformed("an escape") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{08}"
        case UInt8(ascii: "f"): return "\u{0C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try parseUnicodeEscape()
        default:
            offset -= 1
            throw malformed("an escape")
        }
    }

    private mutating func parseUnicodeEscape() throws(JSONInputError) -> Unicode.Scalar {
        let first = try parseHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        // Beyond the basic plane: two escapes make one surrogate pair (RFC 8259 §7).
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw malformed("the other half of a surrogate pair")
        }
        let second = try parseHexDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + ((first - 0xD800) << 10) + (second - 0xDC00))
        else { throw malformed("the other half of a surrogate pair") }
        return scalar
    }

    private mutating func parseHexDigits() throws(JSONInputError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw malformed("four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    // MARK: Bytes

    private var peek: UInt8? { offset < text.count ? text[offset] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhitespace() {
        while let byte = peek, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private func malformed(_ wanted: String) -> JSONInputError {
        let found = offset < text.count ? "at byte \(offset)" : "at its end"
        return JSONInputError(code: .malformed, problem: "the text is not valid JSON: expected \(wanted) \(found)")
    }

    private func notUTF8(_ start: Int) -> JSONInputError {
        JSONInputError(
            code: .malformed, problem: "the text is not valid JSON: the string at byte \(start) is not UTF-8")
    }
}
