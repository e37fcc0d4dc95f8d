/// What a recursive delete took out of the state, in byte order of the keys: nodes of the tree as they were, so that taking
/// a million pairs is no work for each of them. They are let go where they are read last, and bit by bit.
public struct DeletedKeys: Sequence, Sendable {
    public private(set) var count: Int
    /// The first keys are in the last node.
    private var nodes: [KeyTree.Node]

    init(_ cut: KeyTree.Cut) {
        count = cut.count
        nodes = cut.nodes.reversed()
    }

    /// The pair of `key`, if it is one of them.
    subscript(_ key: Key) -> KeyValue? {
        key.bytes.withUnsafeBytes { bytes in
            for node in nodes { if let pair = node.find(bytes) { return pair } }
            return nil
        }
    }

    /// Whether one of them is from `lower` on and before `upper`.
    public func hasAny(from lower: [UInt8], before upper: [UInt8]) -> Bool {
        lower.withUnsafeBytes { lower in
            // Nodes are in order, the first in the last place.
            for node in nodes.reversed() {
                var first: KeyValue?
                _ = node.visit(from: lower) { pair in
                    first = pair
                    return false
                }
                if let first { return precedes(first.key.bytes, upper) }
            }
            return false
        }
    }

    /// Of the values, as if all were like the first few: to look at a million takes too long for what it is needed for.
    var estimatedValueBytes: Int {
        var rest = self
        guard let sample = rest.popLeaf(), !sample.isEmpty else { return 0 }
        return sample.reduce(0) { $0 + $1.value.count } * count / sample.count
    }

    /// Takes out the next few pairs; `nil` behind the last.
    mutating func popLeaf() -> [KeyValue]? {
        while let node = nodes.popLast() {
            if node.isLeaf {
                count -= node.pairs.count
                return node.pairs
            }
            nodes.append(contentsOf: node.children.reversed())
        }
        return nil
    }

    public struct Iterator: IteratorProtocol, Sendable {
        fileprivate var rest: DeletedKeys
        private var leaf: ArraySlice<KeyValue> = []

        fileprivate init(rest: DeletedKeys) { self.rest = rest }

        public mutating func next() -> KeyValue? {
            while leaf.isEmpty {
                guard let pairs = rest.popLeaf() else { return nil }
                leaf = pairs[...]
            }
            return leaf.popFirst()
        }
    }

    public func makeIterator() -> Iterator { Iterator(rest: self) }
}

extension DeletedKeys: Equatable {
    public static func == (a: Self, b: Self) -> Bool { a.count == b.count && a.elementsEqual(b) }
}

extension KeyTree {
    /// What has been taken out of a tree, in order.
    struct Cut {
        private(set) var nodes: [Node] = []
        private(set) var count = 0
        private(set) var digest = Digest()

        mutating func append(_ node: Node) {
            nodes.append(node)
            tally(node)
        }

        private mutating func tally(_ node: Node) {
            count += node.pairs.count
            digest.add(node.digest)
            for child in node.children { tally(child) }
        }
    }
}
