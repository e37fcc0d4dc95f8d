// The dense form's parts: little-endian base-128 numbers (as in Protocol Buffers) and byte strings with their length.

extension [UInt8] {
    mutating func appendVarint(_ number: UInt64) {
        var rest = number
        while rest >= 0x80 {
            append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        append(UInt8(truncatingIfNeeded: rest))
    }

    /// Small magnitudes of both signs stay short.
    mutating func appendZigZag(_ number: Int64) {
        appendVarint(UInt64(bitPattern: number << 1 ^ number >> 63))
    }

    mutating func appendFixed64(_ number: UInt64) {
        Swift.withUnsafeBytes(of: number.littleEndian) { append(contentsOf: $0) }
    }

    mutating func appendBool(_ flag: Bool) { append(flag ? 1 : 0) }

    mutating func appendCounted(_ bytes: [UInt8]) {
        appendVarint(UInt64(bytes.count))
        append(contentsOf: bytes)
    }

    mutating func appendCounted(_ text: String) {
        appendVarint(UInt64(text.utf8.count))
        append(contentsOf: text.utf8)
    }

    /// A string that may be absent: 0, or 1 and the string.
    mutating func appendOptional(_ text: String?) {
        appendBool(text != nil)
        if let text { appendCounted(text) }
    }
}
