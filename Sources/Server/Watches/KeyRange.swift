import Metadata

/// Which keys somebody watches.
public enum KeyRange: Hashable, Sendable {
    case key(Key)
    /// All that is below it; the root is `/`.
    case subtree(Key)

    public func contains(_ key: Key) -> Bool {
        switch self {
        case .key(let only): key == only
        case .subtree(let directory): key.isBelow(directory)
        }
    }

    /// Whether one of the deleted keys is in it.
    func meets(_ deleted: DeletedKeys) -> Bool {
        switch self {
        case .key(let key): deleted.hasAny(from: key.bytes, before: key.bytes + [0])
        case .subtree(let directory): deleted.hasAny(from: directory.subtreePrefix, before: directory.subtreeEnd)
        }
    }

    /// All ranges that `key` is in: its own, and those of the directories above it that have at most `length` bytes.
    static func all(containing key: Key, upTo length: Int) -> [KeyRange] {
        var ranges = [KeyRange.key(key)]
        guard length > 0 else { return ranges }
        for (offset, byte) in key.bytes.prefix(length + 1).enumerated() where byte == UInt8(ascii: "/") {
            ranges.append(.subtree(Key(validated: Array(key.bytes[..<max(offset, 1)]))))
        }
        return ranges
    }
}

extension Key {
    fileprivate func isBelow(_ directory: Key) -> Bool {
        let prefix = directory.bytes.count == 1 ? 0 : directory.bytes.count
        return bytes.count > prefix && bytes[prefix] == UInt8(ascii: "/")
            && (prefix == 0 || bytes.starts(with: directory.bytes))
    }
}
