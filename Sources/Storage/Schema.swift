import Metadata

/// The tables of node.db. The comments in the SQL are for people: `.schema` in the sqlite3 shell shows them.
enum Schema {
    /// Of a new database. Raised with every change of the tables.
    static let version: Int64 = 3
    /// A database of a later version is refused.
    static let newest = LevelTable.version
    /// "DMQm" in the file's header, so that `file` and SQLite tools tell our databases from others.
    static let applicationID: Int64 = 0x444d_516d

    static let nodeTable = """
        CREATE TABLE node ( -- who this node is, and whom it takes for its cluster; known before its first vote
          node_id INTEGER NOT NULL,
          directory_id TEXT NOT NULL, -- drawn when the data directory was created
          cluster_id TEXT, -- NULL until a cluster was born or joined
          born_at INTEGER, -- when the cluster was, in Unix milliseconds; NULL if that is not known
          run_number INTEGER NOT NULL, -- counts the starts on this directory
          run_nonce TEXT NOT NULL, -- drawn for the latest start
          members TEXT NOT NULL, -- JSON; run and directory are the latest that were heard of
          electors TEXT NOT NULL, -- JSON array of node ids: who decides about the directories of the members
          settled INTEGER NOT NULL, -- 0 while a change of the members is not known to a majority of the electors
          floor_term INTEGER NOT NULL, floor_index INTEGER NOT NULL, -- no vote for a log that ends before this
          clean_stop INTEGER NOT NULL, -- 0 while the node runs and after a crash: node.db needs its node.db-wal then
          schema_version INTEGER NOT NULL,
          checksum INTEGER NOT NULL -- CRC32C
        )
        """

    static let checkpointTable = """
        CREATE TABLE checkpoint ( -- where the tables below stand; log_base is the entry before the log's first
          -- While changed_from and changed_to differ, what stands between these places in the tables changed_… is on its
          -- way into the others, which are no state of any moment until it is there.
          applied_index INTEGER NOT NULL,
          applied_term INTEGER NOT NULL,
          log_base_index INTEGER NOT NULL,
          log_base_term INTEGER NOT NULL,
          version INTEGER NOT NULL,
          revision INTEGER NOT NULL,
          partitions_created INTEGER NOT NULL,
          changed_from INTEGER NOT NULL, changed_to INTEGER NOT NULL,
          cluster_id TEXT, -- NULL until an applied entry has named the cluster
          digest TEXT NOT NULL,
          checksum INTEGER NOT NULL
        )
        """

    static let creation = [
        nodeTable,
        """
        CREATE TABLE raft_state (
          current_term INTEGER NOT NULL,
          voted_for INTEGER,
          log_reaches INTEGER NOT NULL, -- the log ends here or later; recorded before log pages leave the WAL
          checksum INTEGER NOT NULL
        )
        """,
        """
        CREATE TABLE raft_log (
          log_index INTEGER PRIMARY KEY,
          term INTEGER NOT NULL,
          command_type TEXT NOT NULL,
          command_data NOT NULL, -- TEXT when readable, else BLOB
          timestamp INTEGER NOT NULL, -- Unix milliseconds
          checksum INTEGER NOT NULL -- CRC32C
        )
        """,
        checkpointTable,
    ]
}

/// The state machine's tables, in the order in which their rows can be restored.
enum StateTable: CaseIterable {
    case broker
    case topic
    case partition
    case lease
    case group
    case keyValue
    case pastVersion

    /// Those that a database of that schema version has.
    static func present(at version: Int64) -> [StateTable] {
        version < LevelTable.version ? allCases.filter { !ofLevels.contains($0) } : allCases
    }

    /// Those that came with levels.
    static let ofLevels: [StateTable] = [.lease, .group, .pastVersion]

    /// Those that a database of the newest schema may be without: it was written by a release before they came, and no row
    /// of theirs can be in its state.
    static let added: [StateTable] = [.group]

    static func holding(_ key: RowKey) -> StateTable {
        switch key {
        case .broker: .broker
        case .topic: .topic
        case .partition: .partition
        case .lease: .lease
        case .group: .group
        case .keyValue: .keyValue
        case .pastVersion: .pastVersion
        }
    }

    var name: String {
        switch self {
        case .broker: "broker"
        case .topic: "topic"
        case .partition: "partition"
        case .lease: "lease"
        case .group: "consumer_group"
        case .keyValue: "kv"
        case .pastVersion: "kv_past"
        }
    }

    /// Where the rows of a snapshot gather until it is complete.
    var stagingName: String { "staged_" + name }

    /// Where the changed rows of a large checkpoint gather until all of them are there.
    var changedName: String { "changed_" + name }

    /// The columns of the primary key, then the others.
    var keyColumns: [String] {
        switch self {
        case .broker, .lease, .group: ["id"]
        case .topic: ["name"]
        case .partition: ["topic", "id"]
        case .keyValue: ["key"]
        case .pastVersion: ["ended", "part"]
        }
    }

    var otherColumns: [String] {
        switch self {
        case .broker: ["host", "port", "rack", "status", "registered_at"] + addedColumns.map(\.name)
        case .topic:
            [
                "partition_count", "replication_factor", "created_at", "retention_ms", "retention_bytes",
                "segment_bytes", "compression_type", "min_insync_replicas",
            ] + addedColumns.map(\.name)
        case .partition: ["leader", "replicas", "isr", "leader_epoch"] + addedColumns.map(\.name)
        case .lease: ["ttl_s"]
        case .group: ["topic", "app_id", "leader", "created_at", "modified_at"]
        case .keyValue: ["value", "create_revision", "mod_revision", "version"] + addedColumns.map(\.name)
        case .pastVersion:
            ["key", "value", "create_revision", "mod_revision", "version", "lease", "number", "deleted"]
        }
    }

    /// Tables of earlier releases do not have them, until this one opens the database to write. NULL in most rows.
    var addedColumns: [AddedColumn] {
        switch self {
        case .broker:
            [
                ("incarnation_id", "TEXT"), ("epoch", "INTEGER"), ("state", "TEXT"), ("shutdown_version", "INTEGER"),
                ("delivery", "TEXT"), ("restrictions", "TEXT"),
            ]
        case .topic: [("topic_id", "TEXT")]
        case .partition:
            [
                ("partition_epoch", "INTEGER"), ("adding", "TEXT"), ("removing", "TEXT"), ("original", "TEXT"),
                ("reassigned_at", "INTEGER"),
            ]
        case .keyValue: [("lease", "INTEGER"), ("number", "INTEGER")]
        default: []
        }
    }

    func creation(name: String) -> String {
        switch self {
        case .broker:
            """
            CREATE TABLE \(name) (
              id INTEGER PRIMARY KEY, host TEXT NOT NULL, port INTEGER NOT NULL, rack TEXT, status TEXT NOT NULL,
              registered_at INTEGER NOT NULL, -- Unix milliseconds
              incarnation_id TEXT, epoch INTEGER, state TEXT, -- NULL: it registered without
              shutdown_version INTEGER, -- what the others must know before it may stop
              delivery TEXT, -- NULL: changes are pushed to it; fetch: it asks for them
              restrictions TEXT -- NULL: none; cordoned, maintenance, or both with a comma
            )
            """
        case .topic:
            """
            CREATE TABLE \(name) (
              name TEXT NOT NULL PRIMARY KEY, partition_count INTEGER NOT NULL, replication_factor INTEGER NOT NULL,
              created_at INTEGER NOT NULL, -- Unix milliseconds
              retention_ms INTEGER NOT NULL, retention_bytes INTEGER NOT NULL, segment_bytes INTEGER NOT NULL,
              compression_type TEXT NOT NULL, min_insync_replicas INTEGER NOT NULL,
              topic_id TEXT -- NULL: it was created before ids were drawn
            )
            """
        case .partition:
            """
            CREATE TABLE \(name) (
              topic TEXT NOT NULL, id INTEGER NOT NULL,
              leader INTEGER, -- NULL while no in-sync replica is ONLINE
              replicas TEXT NOT NULL, isr TEXT NOT NULL, -- JSON arrays of broker ids
              leader_epoch INTEGER NOT NULL,
              partition_epoch INTEGER, -- NULL: 0
              adding TEXT, removing TEXT, original TEXT, reassigned_at INTEGER, -- NULL: it is not; Unix milliseconds
              PRIMARY KEY (topic, id)
            ) WITHOUT ROWID
            """
        case .lease:
            "CREATE TABLE \(name) (id INTEGER PRIMARY KEY, ttl_s INTEGER NOT NULL)"
        case .group:
            """
            CREATE TABLE \(name) ( -- consumer groups
              id TEXT NOT NULL PRIMARY KEY, topic TEXT NOT NULL, app_id TEXT NOT NULL,
              leader INTEGER NOT NULL, created_at INTEGER NOT NULL, modified_at INTEGER NOT NULL -- Unix milliseconds
            ) WITHOUT ROWID
            """
        case .keyValue:
            // Rows in key order in the key's own tree: a million of them load, stream and verify several times faster
            // than through a separate index, and updates are no slower.
            """
            CREATE TABLE \(name) (
              key TEXT NOT NULL PRIMARY KEY, -- BLOB when no UTF-8
              value NOT NULL, -- TEXT when readable, else BLOB
              create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
              lease INTEGER, number INTEGER -- NULL: none; its place among the changes of mod_revision, NULL: 0
            ) WITHOUT ROWID
            """
        case .pastVersion:
            // In the order in which they became past, and without a key of their own: SQLite appends fastest to a
            // table whose rows it numbers itself, and a compaction takes the beginning.
            """
            CREATE TABLE \(name) ( -- the view kv_history shows it
              ended INTEGER NOT NULL, -- the revision at which this version stopped being the present one
              part INTEGER NOT NULL, -- the number of the change among those of that revision
              key TEXT NOT NULL, value NOT NULL, -- TEXT when readable, else BLOB
              create_revision INTEGER NOT NULL, mod_revision INTEGER NOT NULL, version INTEGER NOT NULL,
              lease INTEGER, number INTEGER, -- as in kv
              deleted INTEGER NOT NULL -- 1 if that revision deleted the key, 0 if it wrote the next version
            )
            """
        }
    }

    /// Of the table, and of the one for what is on its way into it.
    var creations: [String] { [creation(name: name), changedCreation] }

    /// `place` orders the rows of all these tables together: it is what the rows before cost.
    var changedCreation: String {
        "CREATE TABLE \(changedName) (\(allColumns), gone INTEGER NOT NULL, place INTEGER PRIMARY KEY)"
    }

    private var allColumns: String { (keyColumns + otherColumns).joined(separator: ", ") }
    private var parameters: String {
        (1...(keyColumns.count + otherColumns.count)).map { "?\($0)" }.joined(separator: ", ")
    }

    /// For rows of another node: a conflict among them is no defect of this one's.
    func insertion(into name: String) -> String {
        "INSERT OR IGNORE INTO \(name) (\(allColumns)) VALUES (\(parameters))"
    }

    /// Unlike REPLACE, an upsert keeps the row where it is.
    var upsert: String { "INSERT INTO \(name) (\(allColumns)) VALUES (\(parameters)) \(overwriting)" }

    /// Past versions are only ever added.
    private var overwriting: String {
        if self == .pastVersion { return "" }
        let updates = otherColumns.map { "\($0) = excluded.\($0)" }.joined(separator: ", ")
        return "ON CONFLICT (\(keyColumns.joined(separator: ", "))) DO UPDATE SET \(updates)"
    }

    var deletion: String {
        let conditions = keyColumns.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: " AND ")
        return "DELETE FROM \(name) WHERE \(conditions)"
    }

    /// A row, or only the key of one that is gone; the last two parameters are `gone` and `place`.
    var changedInsertion: String {
        let count = keyColumns.count + otherColumns.count
        return
            "INSERT INTO \(changedName) (\(allColumns), gone, place) VALUES (\(parameters), ?\(count + 1), ?\(count + 2))"
    }

    /// Brings the changed rows at the places from ?1 on and before ?2 into the table, and forgets them.
    var mergers: [String] {
        let keys = keyColumns.joined(separator: ", ")
        let range = "FROM \(changedName) WHERE place >= ?1 AND place < ?2"
        return [
            "INSERT INTO \(name) (\(allColumns)) SELECT \(allColumns) \(range) AND NOT gone "
                + (self == .pastVersion ? "ORDER BY place" : overwriting),
            "DELETE FROM \(name) WHERE (\(keys)) IN (SELECT \(keys) \(range) AND gone)",
            "DELETE \(range)",
        ]
    }

    /// All rows as they are once the changed ones are in the table.
    func mergedSelection(without missing: Set<String> = []) -> String {
        let keys = keyColumns.joined(separator: ", ")
        let columns = columns(without: missing)
        return """
            SELECT \(columns) FROM \(name) WHERE (\(keys)) NOT IN (SELECT \(keys) FROM \(changedName)) \
            UNION SELECT \(columns) FROM \(changedName) WHERE NOT gone ORDER BY \(keys)
            """
    }

    /// All rows, in whatever order is the fastest to read; past versions in theirs.
    func selection(from name: String, without missing: Set<String> = []) -> String {
        "SELECT \(columns(without: missing)) FROM \(name)" + (self == .pastVersion ? " ORDER BY rowid" : "")
    }

    private func columns(without missing: Set<String>) -> String {
        (keyColumns + otherColumns).map { missing.contains($0) ? "NULL" : $0 }.joined(separator: ", ")
    }
}
