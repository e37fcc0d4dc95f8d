/// Reads the dense form; every step checks what is left, so no bytes can make it trap or reserve much memory.
struct ByteReader {
    private let bytes: [UInt8]
    private(set) var offset = 0
    /// Names what is read, for errors.
    private let subject: StaticString

    init(_ bytes: [UInt8], subject: StaticString) {
        self.bytes = bytes
        self.subject = subject
    }

    var remaining: Int { bytes.count - offset }
    var isAtEnd: Bool { offset == bytes.count }

    func error(_ problem: String) -> WireError { WireError("\(subject): \(problem) at byte \(offset)") }

    func finish() throws(WireError) {
        guard isAtEnd else { throw error("\(remaining) bytes too many") }
    }

    mutating func byte() throws(WireError) -> UInt8 {
        guard offset < bytes.count else { throw error("cut short") }
        defer { offset += 1 }
        return bytes[offset]
    }

    mutating func varint() throws(WireError) -> UInt64 {
        var number: UInt64 = 0
        var shift: UInt64 = 0
        while true {
            let next = try byte()
            // The tenth byte holds one bit; a last byte of zero would be a second spelling of a shorter number.
            guard shift < 63 || next <= 1, next != 0 || shift == 0 else { throw error("malformed number") }
            number |= UInt64(next & 0x7F) << shift
            if next < 0x80 { return number }
            shift += 7
        }
    }

    mutating func varint(in range: ClosedRange<Int64>) throws(WireError) -> UInt64 {
        let number = try varint()
        guard number >= UInt64(range.lowerBound), number <= UInt64(range.upperBound) else {
            throw error("\(number) is not in \(range.lowerBound)…\(range.upperBound)")
        }
        return number
    }

    mutating func zigZag() throws(WireError) -> Int64 {
        let number = try varint()
        return Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1)
    }

    mutating func fixed64() throws(WireError) -> UInt64 {
        guard remaining >= 8 else { throw error("cut short") }
        var number: UInt64 = 0
        for shift in 0..<8 { number |= UInt64(bytes[offset + shift]) << UInt64(8 * shift) }
        offset += 8
        return number
    }

    mutating func bool() throws(WireError) -> Bool {
        let flag = try byte()
        guard flag <= 1 else { throw error("malformed flag") }
        return flag == 1
    }

    /// How many elements follow, of at least `minimumBytes` each: never more than what is left could hold.
    mutating func count(minimumBytes: Int) throws(WireError) -> Int {
        let count = try varint()
        guard count <= UInt64(remaining / minimumBytes) else {
            throw error("a count of \(count) in \(remaining) bytes")
        }
        return Int(count)
    }

    mutating func countedBytes() throws(WireError) -> [UInt8] {
        let count = try count(minimumBytes: 1)
        defer { offset += count }
        return Array(bytes[offset..<offset + count])
    }

    mutating func countedString(maxBytes: Int) throws(WireError) -> String {
        let count = try count(minimumBytes: 1)
        guard count <= maxBytes else { throw error("a name of \(count) bytes") }
        guard let text = String(strictUTF8: bytes[offset..<offset + count]) else {
            throw error("text that is not UTF-8")
        }
        offset += count
        return text
    }

    mutating func optionalString(maxBytes: Int) throws(WireError) -> String? {
        try bool() ? try countedString(maxBytes: maxBytes) : nil
    }
}

extension String {
    /// The text that `bytes` are in UTF-8; `nil` when they are none.
    ///
    /// Like `init(validating:as:)`, which is not specialized and takes ten times as long for a short name.
    init?(strictUTF8 bytes: ArraySlice<UInt8>) {
        let text: String? = bytes.withUnsafeBufferPointer { bytes in
            var text = String(decoding: bytes, as: UTF8.self)
            // Decoding puts other bytes in the place of wrong ones, and changes nothing else.
            let isSame = text.withUTF8 { utf8 in
                utf8.count == bytes.count && utf8.indices.allSatisfy { utf8[$0] == bytes[$0] }
            }
            return isSame ? text : nil
        }
        guard let text else { return nil }
        self = text
    }
}
