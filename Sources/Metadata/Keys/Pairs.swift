/// The first keys of a span.
public struct Pairs: Sendable {
    public var pairs: [KeyValue]
    /// Whether there are more.
    public var isCut: Bool
}

extension MetadataStateMachine {
    /// The keys of a span in byte order, at most `limit` and about `byteLimit` bytes of keys and values, but one in any case; as
    /// they were at `revision`, which must be one that can be read, or as they are.
    public func pairs(in keys: KeySpan, at revision: UInt64? = nil, limit: Int, byteLimit: Int) -> Pairs {
        var found = Pairs(pairs: [], isCut: false)
        var bytes = 0
        visit(keys, at: revision) { pair in
            bytes += pair.key.bytes.count + pair.value.count
            found.isCut = !found.pairs.isEmpty && (found.pairs.count >= limit || bytes > byteLimit)
            if !found.isCut { found.pairs.append(pair) }
            return !found.isCut
        }
        return found
    }

    /// Visits the keys of a span in byte order until `body` returns false. At a revision that can not be read there are none.
    public func visit(_ keys: KeySpan, at revision: UInt64? = nil, _ body: (KeyValue) -> Bool) {
        switch (keys, revision) {
        case (.key(let key), nil): if let pair = self.keys[key] { _ = body(pair) }
        case (.key(let key), let revision?):
            if let pair = (try? value(key, at: revision)) ?? nil { _ = body(pair) }
        case (.range, nil): self.keys.visit(from: keys.lower, before: keys.end, body)
        case (.range, let revision?):
            guard !keys.isEmpty, (try? check(revision)) != nil else { return }
            self.keys(at: revision, from: keys.lower, before: keys.end).visit(from: keys.lower, before: keys.end, body)
        }
    }
}
