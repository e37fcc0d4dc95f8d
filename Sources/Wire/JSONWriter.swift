import FoundationEssentials

/// Appends JSON text to a buffer, with the fields in the order written (the contract's shapes are ordered, those of
/// `JSONEncoder` are not).
public struct JSONWriter: Sendable {
    /// The text so far.
    public private(set) var bytes: [UInt8] = []
    /// A value has been written at this level, so the next one needs a comma first.
    private var needsComma = false

    /// - Parameter capacity: the expected length, to allocate once.
    public init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    // MARK: Structure

    public mutating func object(_ fields: (inout JSONWriter) throws -> Void) rethrows {
        beginObject()
        try fields(&self)
        endObject()
    }

    public mutating func array(_ elements: (inout JSONWriter) throws -> Void) rethrows {
        beginArray()
        try elements(&self)
        endArray()
    }

    // For text that is made in pieces; each begin needs its end.
    public mutating func beginObject() { open(UInt8(ascii: "{")) }
    public mutating func endObject() { close(UInt8(ascii: "}")) }
    public mutating func beginArray() { open(UInt8(ascii: "[")) }
    public mutating func endArray() { close(UInt8(ascii: "]")) }

    /// Moves the text so far to the end of `out`; what comes next continues it.
    public mutating func moveBytes(to out: inout [UInt8]) {
        out.append(contentsOf: bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    /// The name of the field whose value comes next. Must need no escapes.
    public mutating func key(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        name.withUTF8Buffer { bytes.append(contentsOf: $0) }
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
        needsComma = false
    }

    /// The name of a field that is a number.
    public mutating func key(_ number: some FixedWidthInteger) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.appendDecimal(number)
        bytes += [UInt8(ascii: "\""), UInt8(ascii: ":")]
        needsComma = false
    }

    private mutating func open(_ bracket: UInt8) {
        separate()
        bytes.append(bracket)
        needsComma = false
    }

    private mutating func close(_ bracket: UInt8) {
        bytes.append(bracket)
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { bytes.append(UInt8(ascii: ",")) }
        needsComma = true
    }

    // MARK: Values

    public mutating func null() { literal("null") }

    public mutating func value(_ flag: Bool) { literal(flag ? "true" : "false") }

    public mutating func value(_ number: some FixedWidthInteger) {
        separate()
        bytes.appendDecimal(number)
    }

    public mutating func value(_ text: String) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        var text = text
        text.withUTF8 { appendEscaped($0) }
        bytes.append(UInt8(ascii: "\""))
    }

    /// Begins a string that is written by fragments.
    public mutating func beginString() {
        separate()
        bytes.append(UInt8(ascii: "\""))
    }

    public mutating func endString() { bytes.append(UInt8(ascii: "\"")) }

    /// Part of a string: octets of UTF-8, which may be cut anywhere.
    public mutating func fragment(_ text: ArraySlice<UInt8>) {
        text.withUnsafeBufferPointer { appendEscaped($0) }
    }

    /// Part of a string of base64 (RFC 4648 §4): all but the last are of three octets or a multiple of it.
    public mutating func base64Fragment(_ data: ArraySlice<UInt8>) {
        bytes.append(contentsOf: Data(data).base64EncodedData())
    }

    /// A number as a string, for integers beyond those that every reader of JSON carries exactly.
    public mutating func quotedField(_ name: StaticString, _ number: some FixedWidthInteger) {
        key(name)
        beginString()
        bytes.appendDecimal(number)
        endString()
    }

    /// Octets as base64 (RFC 4648 §4).
    public mutating func base64Field(_ name: StaticString, _ octets: [UInt8]) {
        key(name)
        beginString()
        base64Fragment(octets[...])
        endString()
    }

    /// Text that is one JSON value already.
    public mutating func raw(_ json: [UInt8]) {
        separate()
        bytes.append(contentsOf: json)
    }

    private mutating func literal(_ text: StaticString) {
        separate()
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    // MARK: Fields

    public mutating func field(_ name: StaticString, _ flag: Bool) {
        key(name)
        value(flag)
    }

    public mutating func field(_ name: StaticString, _ number: some FixedWidthInteger) {
        key(name)
        value(number)
    }

    public mutating func field(_ name: StaticString, _ text: String) {
        key(name)
        value(text)
    }

    /// `nil` is written as `null`.
    public mutating func field(_ name: StaticString, _ number: (some FixedWidthInteger)?) {
        key(name)
        if let number { value(number) } else { null() }
    }

    /// `nil` is written as `null`.
    public mutating func field(_ name: StaticString, _ text: String?) {
        key(name)
        if let text { value(text) } else { null() }
    }

    public mutating func nullField(_ name: StaticString) {
        key(name)
        null()
    }

    public mutating func objectField(
        _ name: StaticString, _ fields: (inout JSONWriter) throws -> Void
    ) rethrows {
        key(name)
        try object(fields)
    }

    public mutating func arrayField(
        _ name: StaticString, _ elements: (inout JSONWriter) throws -> Void
    ) rethrows {
        key(name)
        try array(elements)
    }

    // MARK: Escapes

    /// RFC 8259 §7: only quotation mark, reverse solidus and control characters need one.
    private mutating func appendEscaped(_ text: UnsafeBufferPointer<UInt8>) {
        var start = 0
        for offset in 0..<text.count {
            let byte = text[offset]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else { continue }
            bytes.append(contentsOf: text[start..<offset])
            start = offset + 1
            appendEscape(of: byte)
        }
        bytes.append(contentsOf: text[start...])
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(UInt8(ascii: "\\"))
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            let low = byte & 0x0F
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(UInt8(ascii: "0") + (byte >> 4))
            bytes.append(low < 10 ? UInt8(ascii: "0") + low : UInt8(ascii: "a") + low - 10)
        }
    }
}

extension [UInt8] {
    /// Appends the decimal digits of `number`.
    mutating func appendDecimal(_ number: some FixedWidthInteger) {
        if number < 0 { append(UInt8(ascii: "-")) }
        var rest = UInt64(truncatingIfNeeded: number.magnitude)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
            var start = 20
            repeat {
                start -= 1
                digits[start] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
                rest /= 10
            } while rest > 0
            append(contentsOf: UnsafeBufferPointer(rebasing: UnsafeBufferPointer(digits)[start...]))
        }
    }
}
