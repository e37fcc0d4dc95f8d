/// The name of one data directory: 128 random bits, drawn when it is created and never changed. A node is the member that
/// its id says only on the directory that the others know for it: an emptied, copied or restored directory has forgotten
/// votes and entries, and must not pass for the one that remembers (KIP-853 names voters in the same way).
public struct DirectoryID: Hashable, Sendable, CustomStringConvertible {
    public var high: UInt64
    public var low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// From what ``description`` gives, 32 hexadecimal digits; `nil` for anything else.
    public init?(_ text: some StringProtocol) {
        let digits = Array(text.utf8)
        guard digits.count == 32, digits.allSatisfy({ isxdigit($0) }),
            let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }

    public var description: String { Self.hexadecimal(high) + Self.hexadecimal(low) }

    private static func hexadecimal(_ number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.utf8.count) + digits
    }
}

private func isxdigit(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"): true
    default: false
    }
}

/// One start of a node on its directory. The number is durable before the process speaks, so an older copy of a directory
/// comes with a number that the others have heard already; the nonce tells two copies apart that start alike.
public struct Run: Hashable, Sendable, CustomStringConvertible {
    /// 1 for the first start.
    public var number: UInt64
    public var nonce: UInt64

    public init(number: UInt64, nonce: UInt64) {
        self.number = number
        self.nonce = nonce
    }

    public var description: String { "\(number)/\(String(nonce, radix: 16))" }
}
