/// The keys of a span in byte order, as they are or were, a few at a time: from an image that later changes leave as it is, so
/// that whoever reads slowly holds no copies of them.
public struct PairWalk {
    private let keys: PastKeys
    private var lower: [UInt8]
    private let end: [UInt8]
    public private(set) var isAtEnd = false

    fileprivate init(_ keys: PastKeys, from lower: [UInt8], before end: [UInt8]) {
        (self.keys, self.lower, self.end) = (keys, lower, end)
    }

    /// At most `limit`, and about `byteLimit` bytes of keys and values, but one in any case; empty at the end only.
    public mutating func next(limit: Int, byteLimit: Int) -> [KeyValue] {
        var pairs: [KeyValue] = []
        var bytes = 0
        guard !isAtEnd, precedes(lower, end) else {
            isAtEnd = true
            return pairs
        }
        var isCut = false
        keys.visit(from: lower, before: end) { pair in
            isCut = pairs.count >= limit || bytes > byteLimit
            guard !isCut else { return false }
            bytes += pair.key.bytes.count + pair.value.count
            pairs.append(pair)
            return true
        }
        isAtEnd = !isCut
        // The least bytes behind a key are the key and a zero.
        if let last = pairs.last { lower = last.key.bytes + [0] }
        return pairs
    }
}

extension MetadataStateMachine {
    /// - Parameter revision: One that can be read; `nil` for the present. Work for each change since then: not for a thread that
    ///   others wait for.
    public func walk(_ span: KeySpan, at revision: UInt64?) -> PairWalk {
        let past = revision.map { keys(at: $0, from: span.lower, before: span.end) }
        return PairWalk(past ?? PastKeys(present: keys, changed: [:]), from: span.lower, before: span.end)
    }
}
