/// Which keys are meant: one, or those between two places in byte order.
public enum KeySpan: Hashable, Sendable {
    case key(Key)
    /// From `lower` on and before `upper`; `nil`: to the end.
    case range(from: [UInt8], before: [UInt8]?)

    /// All that begin with `bytes`.
    public static func prefix(_ bytes: [UInt8]) -> KeySpan { .range(from: bytes, before: successor(of: bytes)) }

    /// All that are below `directory`; the root is `/`.
    public static func subtree(of directory: Key) -> KeySpan { .prefix(directory.subtreePrefix) }

    /// What all its keys begin with, and no others; `nil` if there is no such beginning.
    public var commonPrefix: [UInt8]? {
        guard case .range(let lower, let upper) = self, Self.successor(of: lower) == upper else { return nil }
        return lower
    }

    public func contains(_ key: Key) -> Bool {
        switch self {
        case .key(let only): key == only
        case .range(let lower, let upper):
            !precedes(key.bytes, lower) && upper.map { precedes(key.bytes, $0) } ?? true
        }
    }

    /// Whether there can be no key in it.
    public var isEmpty: Bool {
        if case .range(let lower, let upper?) = self { !precedes(lower, upper) } else { false }
    }

    /// The first bytes in it.
    public var lower: [UInt8] {
        switch self {
        case .key(let key): key.bytes
        case .range(let lower, _): lower
        }
    }

    /// The first bytes behind it.
    public var end: [UInt8] {
        switch self {
        // The least bytes behind a key are the key and a zero.
        case .key(let key): key.bytes + [0]
        case .range(_, let upper): upper ?? Key.behindAll
        }
    }

    /// The first bytes behind all that begin with `bytes`; `nil` if nothing is behind them.
    private static func successor(of bytes: [UInt8]) -> [UInt8]? {
        guard let last = bytes.lastIndex(where: { $0 != 0xff }) else { return nil }
        var successor = Array(bytes[...last])
        successor[last] += 1
        return successor
    }
}
