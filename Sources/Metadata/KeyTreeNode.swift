extension KeyTree {
    /// A leaf has pairs, a branch has children; all leaves are equally deep.
    struct Node: Sendable {
        /// At most every key in here and greater than every key to the left of it. (That of a first child is never
        /// compared: smaller keys may have gone into it.)
        var separator = Key(validated: [])
        var pairs: [KeyValue] = []
        var children: [Node] = []

        /// 64 pairs of 40 bytes: one insertion moves some cache lines, one copy costs about a microsecond.
        static let capacity = 64

        var isLeaf: Bool { children.isEmpty }
        var size: Int { isLeaf ? pairs.count : children.count }
    }
}

extension KeyTree.Node {
    init(separator: Key, children: [Self]) {
        self.separator = separator
        self.children = children
    }

    /// The index of the first pair whose key is not before `bytes`.
    @inline(__always)
    func lowerBound(_ bytes: UnsafeRawBufferPointer) -> Int {
        pairs.withUnsafeBufferPointer { pairs in
            var low = 0
            var high = pairs.count
            while low < high {
                let middle = (low &+ high) &>> 1
                if pairs[middle].key.bytes.withUnsafeBytes({ precedes($0, bytes) }) {
                    low = middle &+ 1
                } else {
                    high = middle
                }
            }
            return low
        }
    }

    /// The index of the child whose keys `bytes` would be among.
    @inline(__always)
    func childIndex(_ bytes: UnsafeRawBufferPointer) -> Int {
        children.withUnsafeBufferPointer { children in
            var low = 1
            var high = children.count
            while low < high {
                let middle = (low &+ high) &>> 1
                if children[middle].separator.bytes.withUnsafeBytes({ precedes(bytes, $0) }) {
                    high = middle
                } else {
                    low = middle &+ 1
                }
            }
            return low &- 1
        }
    }

    /// The index of the pair with exactly this key.
    @inline(__always)
    func index(of bytes: UnsafeRawBufferPointer) -> Int? {
        let index = lowerBound(bytes)
        guard index < pairs.count, pairs[index].key.bytes.withUnsafeBytes({ equalBytes($0, bytes) }) else { return nil }
        return index
    }

    func find(_ bytes: UnsafeRawBufferPointer) -> KeyValue? {
        guard isLeaf else { return children[childIndex(bytes)].find(bytes) }
        return index(of: bytes).map { pairs[$0] }
    }

    var last: Key? { isLeaf ? pairs.last?.key : children[children.count - 1].last }

    mutating func update(_ bytes: UnsafeRawBufferPointer, _ body: (inout KeyValue) -> Void) -> Bool {
        guard isLeaf else { return children[childIndex(bytes)].update(bytes, body) }
        guard let index = index(of: bytes) else { return false }
        body(&pairs[index])
        return true
    }

    func visitAll(_ body: (KeyValue) -> Void) {
        for pair in pairs { body(pair) }
        for child in children { child.visitAll(body) }
    }

    /// Returns false once `body` has.
    func visit(from lower: UnsafeRawBufferPointer, _ body: (KeyValue) -> Bool) -> Bool {
        if isLeaf {
            for index in lowerBound(lower)..<pairs.count where !body(pairs[index]) { return false }
            return true
        }
        for index in childIndex(lower)..<children.count where !children[index].visit(from: lower, body) {
            return false
        }
        return true
    }
}

// MARK: Insertion

extension KeyTree.Node {
    /// Returns the right part when the node had to be split.
    mutating func insert(_ pair: KeyValue, at bytes: UnsafeRawBufferPointer) -> Self? {
        if isLeaf {
            let index = lowerBound(bytes)
            pairs.insert(pair, at: index)
            return splitIfNeeded(after: index)
        }
        let index = childIndex(bytes)
        guard let right = children[index].insert(pair, at: bytes) else { return nil }
        children.insert(right, at: index + 1)
        return splitIfNeeded(after: index + 1)
    }

    mutating func append(_ pair: KeyValue) -> Self? {
        if isLeaf {
            pairs.append(pair)
            return splitIfNeeded(after: pairs.count - 1)
        }
        guard let right = children[children.count - 1].append(pair) else { return nil }
        children.append(right)
        return splitIfNeeded(after: children.count - 1)
    }

    /// Splits in halves, but after an insertion at the end only that goes to the right: ascending keys fill the nodes.
    private mutating func splitIfNeeded(after inserted: Int) -> Self? {
        guard size > Self.capacity else { return nil }
        let middle = inserted == size - 1 ? inserted : size / 2
        var right = Self()
        if isLeaf {
            right.pairs.reserveCapacity(Self.capacity + 1)
            right.pairs.append(contentsOf: pairs[middle...])
            right.separator = right.pairs[0].key
            pairs.removeSubrange(middle...)
        } else {
            right.children.reserveCapacity(Self.capacity + 1)
            right.children.append(contentsOf: children[middle...])
            right.separator = right.children[0].separator
            children.removeSubrange(middle...)
        }
        return right
    }
}

// MARK: Removal

extension KeyTree.Node {
    mutating func remove(_ bytes: UnsafeRawBufferPointer) -> KeyValue? {
        if isLeaf { return index(of: bytes).map { pairs.remove(at: $0) } }
        let index = childIndex(bytes)
        guard let removed = children[index].remove(bytes) else { return nil }
        tidy(index)
        return removed
    }

    /// Only the two edges are searched; what lies between is dropped child by child.
    mutating func removeAll(
        from lower: UnsafeRawBufferPointer, before upper: UnsafeRawBufferPointer, _ body: (KeyValue) -> Void
    ) {
        if isLeaf {
            let range = lowerBound(lower)..<lowerBound(upper)
            for pair in pairs[range] { body(pair) }
            pairs.removeSubrange(range)
            return
        }
        let first = childIndex(lower)
        let last = childIndex(upper)
        children[first].removeAll(from: lower, before: upper, body)
        if first < last {
            for child in children[(first + 1)..<last] { child.visitAll(body) }
            children[last].removeAll(from: lower, before: upper, body)
            children.removeSubrange((first + 1)..<last)
            tidy(first + 1)
        }
        tidy(first)
    }

    /// Drops a child that has become empty and merges one that has become small with a neighbour. Not as strict as the
    /// textbook: a small child beside a full one stays.
    private mutating func tidy(_ index: Int) {
        let size = children[index].size
        if size == 0 {
            children.remove(at: index)
            return
        }
        guard size < Self.capacity / 4, children.count > 1 else { return }
        let left = index > 0 ? index - 1 : index
        guard children[left].size + children[left + 1].size <= Self.capacity * 3 / 4 else { return }
        var right = children.remove(at: left + 1)
        // Now it is compared, so it must be a true separator again.
        if !right.isLeaf { right.children[0].separator = right.separator }
        children[left].pairs.append(contentsOf: right.pairs)
        children[left].children.append(contentsOf: right.children)
    }
}
