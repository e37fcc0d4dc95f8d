extension MetadataStateMachine {
    /// Whether there are more than `limit` keys in the span. Looks at no more than it must.
    public func count(in keys: KeySpan, isAbove limit: Int) -> Bool {
        self.keys.count > limit && self.keys.count(from: keys.lower, before: keys.end) > limit
    }

    /// How many keys there are in the span.
    public func count(in keys: KeySpan) -> Int {
        switch keys {
        case .key(let key): self.keys[key] == nil ? 0 : 1
        case .range: keys.isEmpty ? 0 : self.keys.count(from: keys.lower, before: keys.end)
        }
    }
}
