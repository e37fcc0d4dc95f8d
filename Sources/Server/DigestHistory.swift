import Metadata
import Raft

/// The digests of the last applied entries, to compare with the leader's.
struct DigestHistory {
    private var digests: [StateDigest?] = Array(repeating: nil, count: 1024)
    /// What the leader's digest was at an index that this node has not applied yet.
    private var expected: StateDigest?

    private func slot(_ index: LogIndex) -> Int { Int(index.number % UInt64(digests.count)) }

    mutating func record(_ digest: Digest, at index: LogIndex) {
        digests[slot(index)] = StateDigest(index: index, high: digest.high, low: digest.low)
    }

    /// Compares with what the leader said. Returns the index at which the states differ, if they do.
    mutating func differs(from leader: StateDigest) -> LogIndex? {
        if let own = digests[slot(leader.index)], own.index == leader.index {
            return own == leader ? nil : leader.index
        }
        expected = leader
        return nil
    }

    /// Compares the entry just recorded with what was expected of it.
    mutating func differsFromExpected(at index: LogIndex) -> Bool {
        guard let expected, expected.index <= index else { return false }
        self.expected = nil
        guard let own = digests[slot(expected.index)], own.index == expected.index else { return false }
        return own != expected
    }

    mutating func reset() { self = DigestHistory() }
}
