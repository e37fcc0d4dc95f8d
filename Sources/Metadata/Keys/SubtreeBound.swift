extension MetadataStateMachine {
    /// Whether a recursive delete of `key` would take more than `limit` keys. Looks at no more than it must.
    public func hasSubtree(of key: Key, largerThan limit: Int) -> Bool {
        keys.count > limit && keys.count(from: key.subtreePrefix, before: key.subtreeEnd) > limit
    }
}
