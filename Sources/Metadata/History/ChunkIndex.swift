import Synchronization

/// Which keys a full chunk of the history has changes of. Made when somebody first asks for a past revision: who never does
/// pays nothing for it.
final class ChunkIndex: Sendable {
    private let hashes = Mutex<[UInt64]?>(nil)

    /// False if no entry changed a key with that hash, subtrees that were deleted as a whole excepted.
    func mayHave(_ hash: UInt64, in entries: [KeyHistory.Entry]) -> Bool {
        hashes.withLock { hashes in
            let sorted = hashes ?? Self.sortedHashes(entries)
            hashes = sorted
            let index = sorted.partitioningIndex { $0 >= hash }
            return index < sorted.count && sorted[index] == hash
        }
    }

    private static func sortedHashes(_ entries: [KeyHistory.Entry]) -> [UInt64] {
        entries.lazy.flatMap(\.changes).compactMap { change in
            switch change {
            case .keyPut(let pair, _), .keyDeleted(let pair): pair.key.stableHash
            default: nil
            }
        }.sorted()
    }
}

extension Key {
    /// The same in every process.
    var stableHash: UInt64 {
        var hasher = RowHasher()
        bytes.withUnsafeBytes { hasher.combine(contentOf: $0) }
        return hasher.finalize().low
    }
}
