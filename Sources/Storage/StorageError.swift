/// Why the store can not go on. Every case is final for the process; none is retried.
public enum StorageError: Error, Equatable, Sendable {
    /// Stored data is damaged, with the exact finding and what to do (exit 65).
    case damaged(String)
    /// The disk is full (exit 74).
    case full(String)
    /// The disk or file system failed (exit 74).
    case failed(String)
    /// Another process uses the data directory (exit 75).
    case inUse(String)
    /// The data directory belongs to another node or cluster (exit 78).
    case foreign(String)
}

extension StorageError: CustomStringConvertible {
    /// What happened, where, and what to do, in one paragraph.
    public var description: String {
        switch self {
        case .damaged(let text), .full(let text), .failed(let text), .inUse(let text), .foreign(let text): text
        }
    }

    /// Damage found in `path`, with the way out.
    static func damage(_ path: String, _ finding: String) -> StorageError {
        .damaged("\(path): \(finding). \(advice)")
    }

    /// Sound data that a majority of the other nodes contradicts, with the way out.
    public static func oddOneOut(_ finding: String) -> StorageError { .damaged("\(finding). \(advice)") }

    /// The finding alone, of a text that ``damage(_:_:)`` made.
    static func withoutAdvice(_ text: String) -> String {
        let ending = ". " + advice
        return text.hasSuffix(ending) ? String(text.dropLast(ending.count)) : text
    }

    /// A node that forgets its log and vote is safe only beside a majority that remembers, which such a write proves.
    private static let advice = """
        Nothing was changed. See by "dmq-metadata status" that a majority of the other nodes is well; if it is not, start \
        them first. Then "dmq-metadata repair" with this directory moves the data away within it, and the node, started \
        again, receives everything from the leader. If nothing else is left, restore a backup.
        """
}
