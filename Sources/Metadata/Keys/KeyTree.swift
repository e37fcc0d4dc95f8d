/// The key-values in byte order of their keys: a B-tree of small arrays.
///
/// Every node is an array of its own, so that a copy of the whole tree costs nothing and the first write to it after
/// that copies the arrays on one path only. An array of a million pairs, or a `Dictionary`, would be copied whole.
package struct KeyTree: Sendable {
    package private(set) var count = 0
    /// The sum of the pairs' digests.
    private(set) var digest = Digest()
    private var root = Node()

    package init() {}

    package subscript(_ key: Key) -> KeyValue? {
        key.bytes.withUnsafeBytes { root.find($0) }
    }

    /// The greatest key.
    package var last: Key? { root.last }

    /// Changes the pair of `key` where it lies. `body` must not change the key. Returns the digest that the pair had; `nil` if
    /// there is none.
    package mutating func update(_ key: Key, _ body: (inout KeyValue) -> Void) -> Digest? {
        guard let (before, change) = key.bytes.withUnsafeBytes({ root.update($0, body) }) else { return nil }
        digest.add(change)
        return before
    }

    /// Inserts a pair whose key is not there yet.
    package mutating func insert(_ pair: KeyValue) {
        let summand = Digest(pair)
        let right = pair.key.bytes.withUnsafeBytes { root.insert(pair, summand, at: $0) }
        count += 1
        digest.add(summand)
        growRoot(by: right)
    }

    /// Inserts a pair whose key is greater than ``last``, without a search.
    package mutating func append(_ pair: KeyValue) {
        let summand = Digest(pair)
        let right = root.append(pair, summand)
        count += 1
        digest.add(summand)
        growRoot(by: right)
    }

    /// Takes the pair of `key` out; with its digest.
    package mutating func remove(_ key: Key) -> (pair: KeyValue, digest: Digest)? {
        guard let (removed, summand) = key.bytes.withUnsafeBytes({ root.remove($0) }) else { return nil }
        count -= 1
        digest.subtract(summand)
        shrinkRoot()
        return (removed, summand)
    }

    /// Takes all pairs from `lower` on and before `upper` out; with the sum of their digests. Looks at none but those at the
    /// two ends.
    package mutating func removeAll(from lower: [UInt8], before upper: [UInt8]) -> (DeletedKeys, digest: Digest) {
        var cut = Cut()
        lower.withUnsafeBytes { lower in
            upper.withUnsafeBytes { upper in root.removeAll(from: lower, before: upper, &cut) }
        }
        count -= cut.count
        digest.subtract(cut.digest)
        shrinkRoot()
        return (DeletedKeys(cut), cut.digest)
    }

    /// How many pairs there are from `lower` on and before `upper`. Looks at none but those at the two ends.
    package func count(from lower: [UInt8], before upper: [UInt8]) -> Int {
        lower.withUnsafeBytes { lower in
            upper.withUnsafeBytes { upper in root.count(from: lower, before: upper) }
        }
    }

    /// Visits the pairs from `lower` on and before `upper` in order until `body` returns false.
    package func visit(from lower: [UInt8], before upper: [UInt8], _ body: (KeyValue) -> Bool) {
        lower.withUnsafeBytes { lower in
            upper.withUnsafeBytes { upper in
                _ = root.visit(from: lower) { precedesBytes($0, upper) && body($0) }
            }
        }
    }

    package func visitAll(_ body: (KeyValue) -> Void) { root.visitAll(body) }

    /// What is wrong with the tree's shape; `nil` if nothing is. For tests.
    package func defect() -> String? {
        var pairs: [KeyValue] = []
        visitAll { pairs.append($0) }
        if digest != Digest(sum: pairs) { return "a wrong digest" }
        return root.defect(expectedCount: count)
    }

    private mutating func growRoot(by right: Node?) {
        guard let right else { return }
        let left = root
        root = Node(from: left.separator, children: [left, right])
    }

    private mutating func shrinkRoot() {
        while root.children.count == 1 { root = root.children[0] }
    }
}

/// Whether the pair's key comes before `bytes`.
@inline(__always)
private func precedesBytes(_ pair: KeyValue, _ bytes: UnsafeRawBufferPointer) -> Bool {
    pair.key.bytes.withUnsafeBytes { precedes($0, bytes) }
}
