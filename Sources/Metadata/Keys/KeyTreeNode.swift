extension KeyTree {
    /// A leaf has pairs, a branch has children; all leaves are equally deep.
    struct Node: Sendable {
        /// At most every key in here and greater than every key to the left of it. (That of a first child is never
        /// compared: smaller keys may have gone into it.)
        var separator = Key(validated: [])
        var pairs: [KeyValue] = []
        var children: [Node] = []
        /// Of the pairs' keys, or of the children's separators but the first.
        var heads = KeyHeads(EmptyCollection())
        /// The sum of the pairs' digests: a leaf that is dropped need not be read. Zero in a branch.
        var digest = Digest()

        /// 64 pairs of 40 bytes: one insertion moves some cache lines, one copy costs about a microsecond.
        static let capacity = 64

        var isLeaf: Bool { children.isEmpty }
        var size: Int { isLeaf ? pairs.count : children.count }
    }
}

extension KeyTree.Node {
    init(from separator: Key, pairs: some Collection<KeyValue>, digest: Digest) {
        self.separator = separator
        self.digest = digest
        self.pairs.reserveCapacity(Self.capacity + 1)
        self.pairs.append(contentsOf: pairs)
        rebuildHeads()
    }

    init(from separator: Key, children: some Collection<Self>) {
        self.separator = separator
        self.children.reserveCapacity(Self.capacity + 1)
        self.children.append(contentsOf: children)
        rebuildHeads()
    }

    /// The index of the first pair whose key is not before `bytes`.
    @inline(__always)
    func lowerBound(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let first = pairs.first else { return 0 }
        let order = heads.comparePrefix(of: bytes, with: first.key)
        guard order == 0 else { return order < 0 ? 0 : pairs.count }
        let candidates = heads.indices(like: bytes)
        return pairs.withUnsafeBufferPointer { pairs in
            var low = candidates.lowerBound
            var high = candidates.upperBound
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
        guard children.count > 1 else { return 0 }
        let order = heads.comparePrefix(of: bytes, with: children[1].separator)
        guard order == 0 else { return order < 0 ? 0 : children.count - 1 }
        let candidates = heads.indices(like: bytes)
        return children.withUnsafeBufferPointer { children in
            // The heads are those of all children but the first.
            var low = candidates.lowerBound &+ 1
            var high = candidates.upperBound &+ 1
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

    /// The index of the pair with exactly this key. That the prefix is the same shows in the end.
    @inline(__always)
    func index(of bytes: UnsafeRawBufferPointer) -> Int? {
        let candidates = heads.indices(like: bytes)
        return pairs.withUnsafeBufferPointer { pairs in
            var low = candidates.lowerBound
            var high = candidates.upperBound
            while low < high {
                let middle = (low &+ high) &>> 1
                let isEqual = pairs[middle].key.bytes.withUnsafeBytes { equalBytes($0, bytes) }
                if isEqual { return middle }
                if pairs[middle].key.bytes.withUnsafeBytes({ precedes($0, bytes) }) {
                    low = middle &+ 1
                } else {
                    high = middle
                }
            }
            return nil
        }
    }

    mutating func rebuildHeads() {
        heads = isLeaf ? KeyHeads(pairs.lazy.map(\.key)) : KeyHeads(children.dropFirst().lazy.map(\.separator))
    }

    func find(_ bytes: UnsafeRawBufferPointer) -> KeyValue? {
        guard isLeaf else { return children[childIndex(bytes)].find(bytes) }
        return index(of: bytes).map { pairs[$0] }
    }

    var last: Key? { isLeaf ? pairs.last?.key : children[children.count - 1].last }

    /// Returns the pair's digest before, and what was added to the node's; `nil` if there is no such key.
    mutating func update(
        _ bytes: UnsafeRawBufferPointer, _ body: (inout KeyValue) -> Void
    ) -> (before: Digest, change: Digest)? {
        guard isLeaf else { return children[childIndex(bytes)].update(bytes, body) }
        guard let index = index(of: bytes) else { return nil }
        let before = Digest(pairs[index])
        body(&pairs[index])
        var change = Digest(pairs[index])
        change.subtract(before)
        digest.add(change)
        return (before, change)
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
    mutating func insert(_ pair: KeyValue, _ summand: Digest, at bytes: UnsafeRawBufferPointer) -> Self? {
        if isLeaf { return insert(pair, summand, at: bytes, index: lowerBound(bytes)) }
        let index = childIndex(bytes)
        guard let right = children[index].insert(pair, summand, at: bytes) else { return nil }
        return insert(right, at: index + 1)
    }

    mutating func append(_ pair: KeyValue, _ summand: Digest) -> Self? {
        if isLeaf { return pair.key.bytes.withUnsafeBytes { insert(pair, summand, at: $0, index: pairs.count) } }
        guard let right = children[children.count - 1].append(pair, summand) else { return nil }
        return insert(right, at: children.count)
    }

    private mutating func insert(
        _ pair: KeyValue, _ summand: Digest, at bytes: UnsafeRawBufferPointer, index: Int
    ) -> Self? {
        if index == Self.capacity { return Self(from: pair.key, pairs: [pair], digest: summand) }
        let sample = pairs.first?.key
        pairs.insert(pair, at: index)
        digest.add(summand)
        if sample.map({ heads.insert(bytes, at: index, sample: $0) }) != true { rebuildHeads() }
        return pairs.count > Self.capacity ? split() : nil
    }

    private mutating func insert(_ child: Self, at index: Int) -> Self? {
        if index == Self.capacity { return Self(from: child.separator, children: [child]) }
        let sample = children.count > 1 ? children[1].separator : nil
        children.insert(child, at: index)
        let isInserted = child.separator.bytes.withUnsafeBytes { bytes in
            sample.map { heads.insert(bytes, at: index - 1, sample: $0) }
        }
        if isInserted != true { rebuildHeads() }
        return children.count > Self.capacity ? split() : nil
    }

    /// Splits in halves. (What comes behind all in a full node never gets here but begins a node of its own, so that
    /// ascending keys fill the nodes.) Both halves share more of their keys than the whole did.
    private mutating func split() -> Self {
        let middle = size / 2
        let right =
            isLeaf
            ? Self(from: pairs[middle].key, pairs: pairs[middle...], digest: Digest(sum: pairs[middle...]))
            : Self(from: children[middle].separator, children: children[middle...])
        if isLeaf { pairs.removeSubrange(middle...) } else { children.removeSubrange(middle...) }
        digest.subtract(right.digest)
        rebuildHeads()
        return right
    }
}

// MARK: Removal

extension KeyTree.Node {
    mutating func remove(_ bytes: UnsafeRawBufferPointer) -> (KeyValue, Digest)? {
        if isLeaf {
            guard let index = index(of: bytes) else { return nil }
            heads.removeSubrange(index..<index + 1)
            let pair = pairs.remove(at: index)
            let summand = Digest(pair)
            digest.subtract(summand)
            return (pair, summand)
        }
        let index = childIndex(bytes)
        guard let removed = children[index].remove(bytes) else { return nil }
        tidy(index)
        return removed
    }

    /// Only the two edges are searched; what lies between is taken as it is.
    mutating func removeAll(
        from lower: UnsafeRawBufferPointer, before upper: UnsafeRawBufferPointer, _ cut: inout KeyTree.Cut
    ) {
        if isLeaf {
            let range = lowerBound(lower)..<lowerBound(upper)
            guard let first = pairs[range].first else { return }
            let gone = Self(from: first.key, pairs: pairs[range], digest: Digest(sum: pairs[range]))
            cut.append(gone)
            digest.subtract(gone.digest)
            heads.removeSubrange(range)
            pairs.removeSubrange(range)
            return
        }
        let first = childIndex(lower)
        let last = childIndex(upper)
        children[first].removeAll(from: lower, before: upper, &cut)
        if first < last {
            for child in children[(first + 1)..<last] { cut.append(child) }
            children[last].removeAll(from: lower, before: upper, &cut)
            children.removeSubrange((first + 1)..<last)
            heads.removeSubrange(first..<(last - 1))
            tidy(first + 1)
        }
        tidy(first)
    }

    func count(from lower: UnsafeRawBufferPointer, before upper: UnsafeRawBufferPointer) -> Int {
        if isLeaf { return max(lowerBound(upper) - lowerBound(lower), 0) }
        let first = childIndex(lower)
        let last = childIndex(upper)
        guard first < last else { return first == last ? children[first].count(from: lower, before: upper) : 0 }
        return children[first].count(from: lower, before: upper)
            + children[(first + 1)..<last].reduce(0) { $0 + $1.pairCount }
            + children[last].count(from: lower, before: upper)
    }

    private var pairCount: Int { children.reduce(pairs.count) { $0 + $1.pairCount } }

    /// Drops a child that has become empty and merges one that has become small with a neighbour. Not as strict as the
    /// textbook: a small child beside a full one stays.
    private mutating func tidy(_ index: Int) {
        let size = children[index].size
        if size == 0 {
            children.remove(at: index)
            rebuildHeads()
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
        children[left].digest.add(right.digest)
        children[left].rebuildHeads()
        rebuildHeads()
    }
}
