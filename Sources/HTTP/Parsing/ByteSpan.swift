import Glibc

extension Span<UInt8> {
    /// The first line feed at or behind `start`.
    @inline(__always)
    func firstLineFeed(from start: Int) -> Int? {
        guard start < count else { return nil }
        return withUnsafeBytes { bytes in
            let base = bytes.baseAddress!
            guard let found = memchr(base + start, Int32(ByteClass.lineFeed), bytes.count - start) else { return nil }
            return UnsafeRawPointer(found) - base
        }
    }

    /// Whether the range holds this word, without regard to case. The word must be in lower case.
    @inline(__always)
    func matches(_ range: Range<Int>, _ lowercase: StaticString) -> Bool {
        guard range.count == lowercase.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count
        where ByteClass.lowercased(self[range.lowerBound + offset]) != lowercase.utf8Start[offset] {
            return false
        }
        return true
    }

    /// The range without spaces and tabs at its ends (`OWS` of RFC 9110 §5.6.3).
    @inline(__always)
    func trimmed(_ range: Range<Int>) -> Range<Int> {
        var start = range.lowerBound
        var end = range.upperBound
        while start < end, ByteClass.isWhitespace(self[start]) { start += 1 }
        while end > start, ByteClass.isWhitespace(self[end - 1]) { end -= 1 }
        return start..<end
    }

    /// The elements of a comma-separated list, trimmed; empty ones too.
    func forEachListElement(in range: Range<Int>, _ body: (Range<Int>) -> Void) {
        var start = range.lowerBound
        for position in range where self[position] == UInt8(ascii: ",") {
            body(trimmed(start..<position))
            start = position + 1
        }
        body(trimmed(start..<range.upperBound))
    }

    func string(_ range: Range<Int>) -> String {
        withUnsafeBytes { String(decoding: UnsafeRawBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }
}

extension [UInt8] {
    @inline(__always)
    mutating func append(_ text: StaticString) {
        append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    mutating func append(_ span: Span<UInt8>) {
        span.withUnsafeBufferPointer { append(contentsOf: $0) }
    }

    mutating func append(decimal value: Int) {
        guard value >= 10 else { return append(UInt8(ascii: "0") + UInt8(value)) }
        append(decimal: value / 10)
        append(UInt8(ascii: "0") + UInt8(value % 10))
    }
}
