import Glibc

/// `uri-host [ ":" port ]` (RFC 9110 §7.2, RFC 3986 §3.2.2). What two parsers could read as two hosts is no host.
public enum HostSyntax {
    /// Whether `text` is a name without colons, brackets and percent signs, or an IPv6 address, which may stand in
    /// brackets and have a zone.
    public static func isHost(_ text: String) -> Bool {
        let marks = text.utf8.contains {
            [ByteClass.colon, UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%")].contains($0)
        }
        guard marks else { return !text.isEmpty }
        let isBracketed = text.hasPrefix("[") && text.hasSuffix("]")
        let inside = isBracketed ? text.dropFirst().dropLast() : text[...]
        var address = in6_addr()
        return inet_pton(AF_INET6, String(inside.prefix { $0 != "%" }), &address) == 1
    }

    static func isValid(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard range.allSatisfy({ ByteClass.isHost(bytes[$0]) }) else { return false }
        if !range.isEmpty, bytes[range.lowerBound] == UInt8(ascii: "[") {
            guard let end = range.first(where: { bytes[$0] == UInt8(ascii: "]") }) else { return false }
            return isAddress(bytes, range.lowerBound + 1..<end) && isPort(bytes, end + 1..<range.upperBound)
        }
        let colon = range.first { bytes[$0] == ByteClass.colon } ?? range.upperBound
        return isName(bytes, range.lowerBound..<colon) && isPort(bytes, colon..<range.upperBound)
    }

    /// Nothing, or a colon and any number of digits.
    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        guard let first = range.first else { return true }
        return bytes[first] == ByteClass.colon && range.dropFirst().allSatisfy { ByteClass.isDigit(bytes[$0]) }
    }

    /// `reg-name`, which may be empty and of which an IPv4 address is one.
    private static func isName(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        range.allSatisfy { position in
            let byte = bytes[position]
            guard byte == UInt8(ascii: "%") else { return byte != UInt8(ascii: "[") && byte != UInt8(ascii: "]") }
            return position + 2 < range.upperBound && ByteClass.hexValue(bytes[position + 1]) != nil
                && ByteClass.hexValue(bytes[position + 2]) != nil
        }
    }

    /// An IPv6 address, perhaps with a zone behind a `%`.
    private static func isAddress(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let zone = range.first { bytes[$0] == UInt8(ascii: "%") } ?? range.upperBound
        var address = in6_addr()
        return inet_pton(AF_INET6, bytes.string(range.lowerBound..<zone), &address) == 1
    }
}
