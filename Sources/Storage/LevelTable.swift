import CSQLite
import Metadata
import Raft

/// What a database has beside the first tables once feature metadata.version is above its first level: table `level`, and
/// what keys were. It all comes with the first entry that raises the level, and with it a schema version that programs
/// without levels refuse: they would pass that entry over.
enum LevelTable {
    /// That of a database which has these tables.
    static let version: Int64 = 5

    static let name = "level"

    static let creation = """
        CREATE TABLE \(name) ( -- no row while the checkpoint stands before the first such entry
          metadata_version INTEGER NOT NULL, -- the level of the feature of that name
          horizon INTEGER NOT NULL, -- the oldest revision that can be read
          checksum INTEGER NOT NULL,
          placement_version INTEGER, -- the level of the feature of that name; NULL: 1
          next_producer_id INTEGER, -- the first of the next block; NULL: 0
          producer_checksum INTEGER -- of it
        )
        """

    /// Tables of earlier releases do not have them, until this one opens the database to write.
    static let addedColumns: [AddedColumn] = [
        ("placement_version", "INTEGER"), ("next_producer_id", "INTEGER"), ("producer_checksum", "INTEGER"),
    ]

    static let dropView = "DROP VIEW IF EXISTS kv_history"
    static let view = """
        CREATE VIEW kv_history AS -- what keys were and are not any more, down to the horizon
          SELECT mod_revision AS revision, key, value, 0 AS deleted, lease FROM kv_past
            WHERE ended > (SELECT horizon FROM level)
          UNION ALL SELECT ended, key, NULL, 1, NULL FROM kv_past WHERE deleted AND ended > (SELECT horizon FROM level)
        """

    /// Of the first ?2 versions those that the revisions up to ?1 ended.
    static let forgetting = """
        DELETE FROM kv_past WHERE rowid IN
          (SELECT number FROM (SELECT rowid AS number, ended FROM kv_past ORDER BY rowid LIMIT ?2) WHERE ended <= ?1)
        """

    static let insertion =
        "INSERT INTO level "
        + "(metadata_version, horizon, checksum, placement_version, next_producer_id, producer_checksum) "
        + "VALUES (?1, ?2, ?3, ?4, ?5, ?6)"

    /// As the release before makes it: it looks at it before it sees that the level is beyond what it knows.
    static func checksum(_ counters: Counters) -> Int64 {
        var crc = CRC32C()
        crc.update(UInt64(counters.level))
        crc.update(counters.horizon)
        if counters.placementLevel > 1 { crc.update(UInt64(counters.placementLevel)) }
        return Int64(crc.value)
    }

    /// `nil` where none was ever given.
    static func producerChecksum(_ counters: Counters) -> Int64? {
        guard counters.nextProducerID > 0 else { return nil }
        var crc = CRC32C()
        crc.update(counters.nextProducerID)
        return Int64(crc.value)
    }
}

extension StoredNode {
    /// Sets what table `level` says; nothing while it has no row.
    func readLevel(into counters: inout Counters) throws(StorageError) {
        let missing = try connection.missingColumns(of: LevelTable.addedColumns, in: LevelTable.name)
        let added = LevelTable.addedColumns.map { missing.contains($0.name) ? "NULL" : $0.name }
        let statement = try connection.prepare(
            "SELECT metadata_version, horizon, checksum, \(added.joined(separator: ", ")) FROM level",
            isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        guard try connection.step(statement, while: "reading table level") else { return }
        counters.level = Int(statement.integer(0))
        counters.horizon = statement.unsigned(1)
        counters.placementLevel = statement.optionalInteger(3).map { Int($0) } ?? 1
        counters.nextProducerID = statement.optionalInteger(4).map { UInt64(clamping: $0) } ?? 0
        guard statement.integer(2) == LevelTable.checksum(counters),
            statement.optionalInteger(5) == LevelTable.producerChecksum(counters), counters.horizon <= counters.revision
        else {
            throw damage("the row of table level fails its checksum, or has a horizon beyond the revision")
        }
        for feature in Feature.allCases where !feature.levels.contains(counters.level(of: feature)) {
            throw .failed(
                "\(connection.path): its state is at level \(counters.level(of: feature)) of \(feature.rawValue), "
                    + "this program knows \(feature.levels.upperBound). Use a newer one.")
        }
    }
}

extension NodeStore {
    /// How many past versions one transaction forgets.
    private static let forgottenAtOnce: Int64 = 1000

    /// Within a transaction: from now on programs that know no levels refuse this database.
    func prepareForLevels(in contents: inout Contents) throws(StorageError) {
        guard contents.schema < LevelTable.version else { return }
        try connection.execute(ConfigurationTable.creation)
        try connection.execute(LevelTable.creation)
        for table in StateTable.ofLevels { for sql in table.creations { try connection.execute(sql) } }
        try connection.execute(LevelTable.view)
        try connection.execute("PRAGMA user_version=\(LevelTable.version)")
        contents.schema = LevelTable.version
        for table in StateTable.ofLevels { try statements.prepare(table, connection) }
    }

    /// Within the transaction that moves the checkpoint.
    func storeLevel(_ counters: Counters, in contents: inout Contents) throws(StorageError) {
        let stored = contents.checkpoint.counters
        guard
            (counters.level, counters.placementLevel, counters.horizon, counters.nextProducerID)
                != (stored.level, stored.placementLevel, stored.horizon, stored.nextProducerID)
        else { return }
        try prepareForLevels(in: &contents)
        try connection.execute("DELETE FROM level")
        try connection.insert(LevelTable.insertion) { row in
            row.bind(1, counters.level)
            row.bind(2, counters.horizon)
            row.bind(3, LevelTable.checksum(counters))
            row.bind(4, counters.placementLevel > 1 ? Int64(counters.placementLevel) : nil)
            row.bind(5, counters.nextProducerID > 0 ? Int64(clamping: counters.nextProducerID) : nil)
            row.bind(6, LevelTable.producerChecksum(counters))
        }
    }

    /// Whether versions from before the horizon may be left.
    func hasToForget(_ horizon: UInt64) -> Bool { horizon > forgottenThrough && recovered().hasHistory }

    /// Within a transaction: deletes some of what lies before the horizon. Nobody reads it any more, so it goes bit by bit.
    func forgetPast(_ horizon: UInt64) throws(StorageError) {
        guard hasToForget(horizon) else { return }
        let statement = statements.forgetting!
        statement.bind(1, horizon)
        statement.bind(2, Self.forgottenAtOnce)
        try connection.run(statement, while: "writing table kv_past")
        if Int64(sqlite3_changes64(connection.handle)) < Self.forgottenAtOnce { forgottenThrough = horizon }
    }
}
