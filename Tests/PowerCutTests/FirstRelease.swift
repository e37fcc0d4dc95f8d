import CSQLite
import FoundationEssentials
import Storage

/// A data directory of the first release, from the tables that its program left.
enum FirstRelease {
    /// `isKilled` leaves all of it in the write-ahead log.
    static func build(_ directory: ScratchDirectory, isKilled: Bool) throws {
        let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "StorageTests/Fixtures/release-1-stopped")
        let sql = try String(contentsOf: fixture.appendingPathExtension("sql"), encoding: .utf8)
        let source = try ScratchDirectory()
        var database: OpaquePointer?
        let script = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; \(sql)"
        guard sqlite3_open(source.path + "/node.db", &database) == SQLITE_OK,
            sqlite3_exec(database, script, nil, nil, nil) == SQLITE_OK,
            isKilled || sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil) == SQLITE_OK
        else { throw StorageError.failed("\(fixture.path): \(String(cString: sqlite3_errmsg(database)))") }
        defer { sqlite3_close(database) }
        for name in isKilled ? ["node.db", "node.db-wal"] : ["node.db"] {
            try FileManager.default.copyItem(atPath: source.path + "/" + name, toPath: directory.path + "/" + name)
        }
        try FileManager.default.copyItem(
            atPath: fixture.appendingPathExtension("lock").path, toPath: directory.path + "/node.lock")
    }
}
