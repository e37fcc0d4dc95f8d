import CSQLite
import Metadata
import Raft

/// The tables as the first release wrote them, where they differ: a node knew its id and, once an applied entry had
/// named it, its cluster.
enum FirstSchema {
    static let version: Int64 = 1

    struct NodeRow {
        var node: NodeID
        var clusterID: String?
        var schemaVersion: Int64

        static let selection = "SELECT node_id, cluster_id, schema_version, checksum FROM node"

        init(_ row: Statement) {
            node = NodeID(row.unsigned(0))
            clusterID = row.optionalText(1)
            schemaVersion = row.integer(2)
        }

        var checksum: Int64 {
            var crc = CRC32C()
            crc.update(node.number)
            crc.update(clusterID)
            crc.update(schemaVersion)
            return Int64(crc.value)
        }

        /// Without a name of its own yet. No mark says how the last start ended.
        var asNow: NodeRecord {
            var identity = NodeIdentity(node: node, directory: DirectoryID(high: 0, low: 0))
            identity.clusterID = clusterID
            return NodeRecord(identity, isCleanStop: true)
        }
    }

    struct CheckpointRow {
        /// Without the name of the state's cluster, which was in table `node` only.
        var record: CheckpointRecord

        static let selection =
            "SELECT applied_index, applied_term, log_base_index, log_base_term, version, revision, partitions_created, "
            + "0, 0, NULL, digest, checksum FROM checkpoint"

        init(_ row: Statement) { record = CheckpointRecord(row) }

        var checksum: Int64 {
            var crc = CRC32C()
            for number in record.numbers.dropLast(2) { crc.update(number) }
            crc.update(record.digest)
            return Int64(crc.value)
        }
    }
}

/// The tables as the second release wrote them: a checkpoint was one transaction, whatever its size.
enum SecondSchema {
    static let version: Int64 = 2

    struct CheckpointRow {
        var record: CheckpointRecord

        static let selection =
            "SELECT applied_index, applied_term, log_base_index, log_base_term, version, revision, partitions_created, "
            + "0, 0, cluster_id, digest, checksum FROM checkpoint"

        init(_ row: Statement) { record = CheckpointRecord(row) }

        var checksum: Int64 {
            var crc = CRC32C()
            for number in record.numbers.dropLast(2) { crc.update(number) }
            crc.update(record.counters.clusterID)
            crc.update(record.digest)
            return Int64(crc.value)
        }
    }
}

extension StoredNode {
    func firstNodeRow() throws(StorageError) -> FirstSchema.NodeRow {
        try single("node", FirstSchema.NodeRow.selection, FirstSchema.NodeRow.init, checksum: \.checksum, column: 3)
    }

    func firstCheckpointRecord() throws(StorageError) -> CheckpointRecord {
        var record = try single(
            "checkpoint", FirstSchema.CheckpointRow.selection, FirstSchema.CheckpointRow.init, checksum: \.checksum,
            column: CheckpointRecord.checksumColumn
        ).record
        record.counters.clusterID = try firstNodeRow().clusterID
        return record
    }

    func secondCheckpointRecord() throws(StorageError) -> CheckpointRecord {
        try single(
            "checkpoint", SecondSchema.CheckpointRow.selection, SecondSchema.CheckpointRow.init, checksum: \.checksum,
            column: CheckpointRecord.checksumColumn
        ).record
    }

    /// Brings tables of an earlier release to ours, in one transaction; `directory` names one that has no name yet.
    ///
    /// All data are checked before: a damaged file stays readable for the program that wrote it.
    func migrate(naming directory: DirectoryID) throws(StorageError) {
        let (found, contents) = try load { _ in }
        var record = contents.node
        if version == FirstSchema.version {
            record.identity.directory = directory
            if let first = found.entries.first, first.index == LogIndex(1) {
                record.identity.bornAt = first.timestamp
            }
        }
        record.schemaVersion = Schema.version
        try connection.execute("BEGIN IMMEDIATE")
        try connection.execute("DROP TABLE node")
        try connection.execute(Schema.nodeTable)
        try connection.insert(NodeRecord.insertion, record.bind)
        try connection.execute("DROP TABLE checkpoint")
        try connection.execute(Schema.checkpointTable)
        try connection.insert(CheckpointRecord.insertion, contents.checkpoint.bind)
        for table in StateTable.present(at: Schema.version) { try connection.execute(table.changedCreation) }
        try connection.execute("PRAGMA user_version=\(Schema.version)")
        try connection.execute("COMMIT")
    }
}
