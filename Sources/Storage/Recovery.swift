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
            var (node, contents) = try StoredNode(connection: connection).load(progress)
            try connection.execute("COMMIT")
            self.contents = contents
            node.copy = copy
            guard copy == nil else { return node }
            try settle()
            // The WAL begins anew: where a reader lingers, that of a killed process may be long. From here on until the
            // node goes on, the database is whole without it.
            try store(isCleanStop: true)
            try moveLogIntoDatabase(SQLITE_CHECKPOINT_TRUNCATE)
            return node
        }
    }

    /// Ends what the last run left unfinished.
    func settle() throws(StorageError) {
        try dropStaging()
        try settleCheckpoint()
    }
}

extension StoredNode {
    /// Everything, checked, and what later writes need to know of it.
    func load(_ progress: (Int) -> Void) throws(StorageError) -> (RecoveredNode, NodeStore.Contents) {
        let record = try nodeRecord()
        let state = try raftState()
        let checkpoint = try checkpointRecord()

        var count = RowCount()
        var node = RecoveredNode()
        let last = try readLog(behind: checkpoint, state) { entry in
            node.entries.append(entry)
            count.add(progress)
        }
        node.metadata = try readState(checkpoint, &count, progress)
        guard node.metadata.digest.description == checkpoint.digest else {
            throw damage(
                "the state tables have the digest \(node.metadata.digest), but the checkpoint at "
                    + "\(checkpoint.applied) says \(checkpoint.digest)")
        }
        if count.rows > count.reported { progress(count.rows) }
        node.hardState = state.hardState
        node.logBase = checkpoint.logBase
        node.applied = checkpoint.applied
        node.identity = record.identity
        return (
            node,
            NodeStore.Contents(
                node: record, state: state, checkpoint: checkpoint, lastIndex: last.index,
                schema: version)
        )
    }
}
