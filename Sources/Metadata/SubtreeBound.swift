extension MetadataStateMachine {
    /// Whether a recursive delete of `key` would take more than `limit` keys. Looks at no more than it must.
    public func hasSubtree(of key: Key, largerThan limit: Int) -> Bool {
        guard keys.count > limit else { return false }
        var count = 0
        keys.visit(from: key.subtreePrefix, before: key.subtreeEnd) { _ in
            count += 1
            return count <= limit
        }
        return count > limit
    }
}
