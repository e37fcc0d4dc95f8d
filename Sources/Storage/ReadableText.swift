/// Bytes that SQLite may keep as TEXT, so that people can read them in the sqlite3 shell: valid UTF-8 without NUL, at
/// which the shell and SQL's string functions would stop.
package enum ReadableText {
    package static func isReadable(_ bytes: [UInt8]) -> Bool {
        switch bytes.withUnsafeBytes(scanASCII) {
        case .ascii: true
        case .hasNUL: false
        case .beyondASCII:
            !bytes.contains(0) && (try? UTF8Span(validating: bytes.span)) != nil
        }
    }

    /// With NUL or without.
    static func isUTF8(_ bytes: [UInt8]) -> Bool {
        if case .ascii = bytes.withUnsafeBytes(scanASCII) { return true }
        return (try? UTF8Span(validating: bytes.span)) != nil
    }

    private enum Scan {
        case ascii
        case hasNUL
        case beyondASCII
    }

    /// Eight bytes a step: payloads are mostly ASCII, and this is on the path of every commit.
    private static func scanASCII(_ bytes: UnsafeRawBufferPointer) -> Scan {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highBits: UInt64 = 0x8080_8080_8080_8080
        var offset = 0
        while offset &+ 8 <= bytes.count {
            let word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if word & highBits != 0 { return .beyondASCII }
            // Borrows into a byte's high bit if that byte is zero; exact while all bytes are below 0x80.
            if (word &- ones) & highBits != 0 { return .hasNUL }
            offset &+= 8
        }
        while offset < bytes.count {
            if bytes[offset] >= 0x80 { return .beyondASCII }
            if bytes[offset] == 0 { return .hasNUL }
            offset &+= 1
        }
        return .ascii
    }
}
