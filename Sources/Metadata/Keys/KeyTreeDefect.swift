extension KeyTree.Node {
    /// What is wrong with the shape below this root; `nil` if nothing is.
    func defect(expectedCount: Int) -> String? {
        var depths: [Int] = []
        var keys: [Key] = []
        if let defect = defect(depth: 0, depths: &depths, keys: &keys) { return defect }
        if let first = depths.first, !depths.allSatisfy({ $0 == first }) { return "leaves at depths \(depths)" }
        for (a, b) in zip(keys, keys.dropFirst()) where !(a < b) { return "\(a) before \(b)" }
        return keys.count == expectedCount ? nil : "\(keys.count) pairs, counted \(expectedCount)"
    }

    private func defect(depth: Int, depths: inout [Int], keys: inout [Key]) -> String? {
        if size > Self.capacity { return "a node of \(size)" }
        if depth > 0, size == 0 { return "an empty node" }
        let headed = isLeaf ? pairs.map(\.key) : children.dropFirst().map(\.separator)
        if let defect = heads.defect(of: headed) { return defect }
        if isLeaf {
            depths.append(depth)
            keys.append(contentsOf: pairs.map(\.key))
            return digest == Digest(sum: pairs) ? nil : "a wrong digest of \(pairs.map(\.key))"
        }
        guard digest == Digest() else { return "the digest of a branch" }
        guard pairs.isEmpty else { return "pairs in a branch" }
        for (index, child) in children.enumerated() {
            let start = keys.count
            if let defect = child.defect(depth: depth + 1, depths: &depths, keys: &keys) { return defect }
            guard index > 0, start > 0, start < keys.count else { continue }
            if !(keys[start - 1] < child.separator && child.separator <= keys[start]) {
                return "separator \(child.separator) between \(keys[start - 1]) and \(keys[start])"
            }
        }
        return nil
    }
}

extension KeyHeads {
    fileprivate func defect(of keys: [Key]) -> String? {
        guard let first = keys.first else { return heads.isEmpty ? nil : "heads of no keys" }
        let prefix = first.bytes.prefix(prefixLength)
        guard prefix.count == prefixLength, keys.allSatisfy({ $0.bytes.starts(with: prefix) }) else {
            return "a prefix of \(prefixLength) that \(keys) do not share"
        }
        let expected = keys.map { key in
            (0..<8).reduce(UInt64(0)) { head, offset in
                let index = prefixLength + offset
                return head << 8 | (index < key.bytes.count ? UInt64(key.bytes[index]) : 0)
            }
        }
        return heads == expected ? nil : "wrong heads of \(keys)"
    }
}
