// A copy of the state is a fork of it: what is applied there is applied by the code that applies the log, and to nothing else.

extension MetadataStateMachine {
    /// Brokers, topics and partitions, of which nothing has changed: whoever keeps it holds nothing of the keys, which may all be
    /// replaced meanwhile.
    public var withoutKeys: MetadataStateMachine {
        var fork = self
        fork.keys = KeyTree()
        fork.history = KeyHistory(horizon: counters.horizon)
        fork.leases = LeaseTable()
        fork.changedRows = ChangedRows(takenRevision: counters.revision)
        return fork
    }
}

extension Command {
    /// Whether it must not be asked of a fork without keys.
    public var needsKeys: Bool {
        switch self {
        case .put, .delete, .transaction, .compactHistory, .grantLease, .revokeLease, .keepLeasesAlive: true
        default: false
        }
    }
}
