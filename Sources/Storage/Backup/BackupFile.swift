import CSQLite
import Glibc
import Metadata

/// A backup in a file, to be looked at and restored from. Nothing is written to it.
public final class BackupFile {
    public let path: String
    public let record: BackupRecord
    public let bytes: Int64
    let connection: Connection

    /// Opens it and looks at what it says of itself.
    public init(path: String) throws(StorageError) {
        self.path = path
        guard let bytes = try DataDirectory.size(of: path), bytes > 0 else {
            throw .failed("\(path): there is no such file. Name a file that \"dmq-metadata backup\" has written.")
        }
        self.bytes = bytes
        guard BackupRecord.isNamed(by: path) else {
            throw .damaged(
                "\(path): not a backup of this program, or not the beginning of one. A node's database is none either: "
                    + "\"dmq-metadata backup\" makes one.")
        }
        let (connection, record, version) = try Self.plainly { () throws(StorageError) in
            let connection = try Connection.immutable(path)
            let stored = try StoredNode(connection: connection)
            var record = try stored.single(
                "backup", BackupRecord.selection, BackupRecord.init, checksum: \.checksum,
                column: BackupRecord.checksumColumn)
            let hasMembers = "SELECT count(*) FROM sqlite_schema WHERE name = 'configuration'"
            if try connection.integer(hasMembers) > 0 { record.counters.members = try stored.readMembers() }
            if stored.version >= LevelTable.version { try stored.readLevel(into: &record.counters) }
            return (connection, record, try connection.integer("PRAGMA user_version"))
        }
        self.connection = connection
        self.record = record
        guard version == record.schemaVersion, (1...Schema.newest).contains(version) else {
            throw .failed(
                "\(path): of schema version \(version), this program knows \(Schema.newest). Use the version of the "
                    + "program that wrote it (\(record.product)), or a newer one.")
        }
    }

    /// Without the advice to the owner of a node's damaged data.
    private static func plainly<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        do { return try body() } catch {
            guard case .damaged(let text) = error else { throw error }
            throw .damaged(StorageError.withoutAdvice(text) + ". Use another backup.")
        }
    }

    deinit { connection.close(checkpointing: false) }

    /// Reads all of it and checks that it is what it says.
    ///
    /// - Returns: How many rows it holds.
    public func verify(progress: (_ rows: Int) -> Void) throws(StorageError) -> Int {
        let integrity = try Self.plainly { () throws(StorageError) in
            try connection.execute("PRAGMA integrity_check")
        }
        guard integrity == ["ok"] else {
            throw .damaged(
                integrity.map { "\(path): SQLite's integrity check: \($0)" }.joined(separator: "\n")
                    + "\nUse another backup.")
        }
        var rows = 0
        var metadata = MetadataStateMachine(counters: record.counters)
        try forEachRow { row throws(RestoreError) in
            try metadata.restore(row)
            rows += 1
            if rows % 50_000 == 0 { progress(rows) }
        }
        do { try metadata.finishRestoration() } catch { throw .damaged("\(path): \(error.description)") }
        guard metadata.digest.description == record.digest else {
            throw .damaged("\(path): its rows have the digest \(metadata.digest), and should have \(record.digest)")
        }
        return rows
    }

    /// In the order in which a state machine restores them.
    func forEachRow(_ body: (Row) throws(RestoreError) -> Void) throws(StorageError) {
        try Self.plainly { () throws(StorageError) in
            for table in try connection.stateTables(at: record.schemaVersion) { try forEachRow(of: table, body) }
        }
    }

    private func forEachRow(
        of table: StateTable, _ body: (Row) throws(RestoreError) -> Void
    ) throws(StorageError) {
        let missing = try connection.missingColumns(of: table.addedColumns, in: table.name)
        let statement = try connection.prepare(
            table.selection(from: table.name, without: missing), isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        while try connection.step(statement, while: "reading table \(table.name)") {
            let row: Row
            switch RowColumns.row(of: table, in: statement) {
            case .success(let found): row = found
            case .failure(let fault): throw .damaged("\(path): table \(table.name): \(fault.finding)")
            }
            do throws(RestoreError) { try body(row) } catch {
                throw .damaged("\(path): table \(table.name): \(error.description)")
            }
        }
    }
}
