import CSQLite
import Metadata
import Raft

extension NodeStore {
    /// Loads and checks everything: each entry's checksum, the log's continuity, the digest of the state tables.
    /// `progress` is called now and then with the rows read so far. Must precede every other use.
    public func recover(progress: (_ rows: Int) -> Void) throws(StorageError) -> RecoveredNode {
        try perform { () throws(StorageError) in
            // One read transaction: every check sees the same moment.
            try connection.execute("BEGIN")
            let node = try load(progress)
            try connection.execute("COMMIT")
            try dropStaging()
            // The WAL begins anew: where a reader lingers, that of a killed process may be long.
            try moveLogIntoDatabase(SQLITE_CHECKPOINT_TRUNCATE)
            return node
        }
    }

    private func load(_ progress: (Int) -> Void) throws(StorageError) -> RecoveredNode {
        let stored = StoredNode(connection: connection)
        let record = try stored.nodeRecord()
        let state = try stored.raftState()
        let checkpoint = try stored.checkpointRecord()

        var count = StoredNode.RowCount()
        var node = RecoveredNode()
        let last = try stored.readLog(behind: checkpoint, state) { entry in
            node.entries.append(entry)
            count.add(progress)
        }
        var counters = checkpoint.counters
        counters.clusterID = record.clusterID
        node.metadata = try stored.readState(counters, &count, progress)
        guard node.metadata.digest.description == checkpoint.digest else {
            throw stored.damage(
                "the state tables have the digest \(node.metadata.digest), but the checkpoint at "
                    + "\(checkpoint.applied) says \(checkpoint.digest)")
        }
        if count.rows > count.reported { progress(count.rows) }
        node.hardState = state.hardState
        node.logBase = checkpoint.logBase
        node.applied = checkpoint.applied
        contents = Contents(node: record, state: state, checkpoint: checkpoint, lastIndex: last.index)
        return node
    }
}
