import Glibc
import Metadata
import Raft

/// The version of the program, for what outlives it.
public enum ProductVersion {
    public static let current = "0.1.0"
}

/// The one row of table `backup`: what a backup is of. A backup is a SQLite file with the state tables of one moment and
/// this; without log, vote and identity, so that no node can start from it and pass for the one it is of.
public struct BackupRecord: Equatable, Sendable {
    public static let format: Int64 = 1
    /// "DMQb" in the file's header.
    static let applicationID: Int64 = 0x444d_5162

    public var product: String
    public var schemaVersion: Int64
    /// Which node wrote it; of which cluster, the counters say.
    public var node: NodeID
    /// What the state tables stand at.
    public var applied: LogPosition
    /// The node's at that time: clients may have seen it.
    public var term: Term
    public var counters: Counters
    /// Of rows and counters; 32 hexadecimal digits.
    public var digest: String
    /// Unix milliseconds.
    public var createdAt: Int64

    static let table = """
        CREATE TABLE backup ( -- what this file is of; to use it: dmq-metadata restore FILE --node ID
          format INTEGER NOT NULL, product TEXT NOT NULL, schema_version INTEGER NOT NULL,
          cluster_id TEXT, node_id INTEGER NOT NULL,
          applied_index INTEGER NOT NULL, applied_term INTEGER NOT NULL, term INTEGER NOT NULL,
          version INTEGER NOT NULL, revision INTEGER NOT NULL, partitions_created INTEGER NOT NULL,
          digest TEXT NOT NULL,
          created_at INTEGER NOT NULL, -- Unix milliseconds
          checksum INTEGER NOT NULL -- CRC32C
        )
        """

    private static let columns =
        ["format", "product", "schema_version", "cluster_id", "node_id", "applied_index", "applied_term", "term"]
        + ["version", "revision", "partitions_created", "digest", "created_at", "checksum"]

    static let selection = "SELECT \(columns.joined(separator: ", ")) FROM backup"
    static let insertion =
        "INSERT INTO backup (\(columns.joined(separator: ", "))) VALUES ("
        + columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ") + ")"
    static let checksumColumn = Int32(columns.count - 1)

    init(_ node: NodeRecord, _ state: RaftStateRecord, _ checkpoint: CheckpointRecord, at createdAt: Int64) {
        product = ProductVersion.current
        // Programs that know no levels must not take such a state for another.
        schemaVersion = checkpoint.counters.level > 1 ? LevelTable.version : node.schemaVersion
        self.node = node.identity.node
        applied = checkpoint.applied
        term = state.hardState.currentTerm
        counters = checkpoint.counters
        digest = checkpoint.digest
        self.createdAt = createdAt
    }

    private var numbers: [UInt64] {
        [
            node.number, applied.index.number, applied.term.number, term.number, counters.version, counters.revision,
            counters.partitionsCreated,
        ]
    }

    var checksum: Int64 {
        var crc = CRC32C()
        crc.update(Self.format)
        crc.update(product)
        crc.update(schemaVersion)
        crc.update(counters.clusterID)
        for number in numbers { crc.update(number) }
        crc.update(digest)
        crc.update(createdAt)
        return Int64(crc.value)
    }

    func bind(to statement: Statement) {
        statement.bind(1, Self.format)
        statement.bind(2, product)
        statement.bind(3, schemaVersion)
        statement.bind(4, counters.clusterID)
        for (column, number) in numbers.enumerated() { statement.bind(Int32(column + 5), number) }
        statement.bind(12, digest)
        statement.bind(13, createdAt)
        statement.bind(14, checksum)
    }

    init(_ row: Statement) throws(RowFault) {
        guard row.integer(0) == Self.format else {
            throw RowFault(finding: "format \(row.integer(0)); this program knows \(Self.format): use a newer one")
        }
        product = row.text(1)
        schemaVersion = row.integer(2)
        node = NodeID(row.unsigned(4))
        applied = LogPosition(term: Term(row.unsigned(6)), index: LogIndex(row.unsigned(5)))
        term = Term(row.unsigned(7))
        counters = Counters(
            clusterID: row.optionalText(3), version: row.unsigned(8), revision: row.unsigned(9),
            partitionsCreated: row.unsigned(10))
        digest = row.text(11)
        createdAt = row.integer(12)
    }

    /// Whether a file says of itself that it is a backup: for a look before SQLite opens it, and might write to it.
    static func isNamed(by path: String) -> Bool {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4)
        // The place of application_id (sqlite.org/fileformat2.html).
        guard pread(descriptor, &bytes, 4, 68) == 4 else { return false }
        return bytes.reduce(0) { $0 << 8 | Int64($1) } == applicationID
    }

    static func refusal(to path: String) -> StorageError {
        .damaged(
            "\(path): this is a backup, which no node starts from as it is: it would pass for the node that it is of. Move "
                + "it out of the directory and use \"dmq-metadata restore FILE --node ID\". Nothing was changed.")
    }
}
