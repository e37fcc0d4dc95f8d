import CSQLite
import Glibc

/// One connection to one database file. Not thread-safe (`SQLITE_OPEN_NOMUTEX`): confined to its owner's queue.
package final class Connection {
    let handle: OpaquePointer
    let path: String
    private(set) var isClosed = false

    /// Opens `target`, a file name or a `file:` URI; `path` is what errors call it. `vfs` names a registered SQLite VFS.
    init(path: String, target: String? = nil, flags: Int32, vfs: String?) throws(StorageError) {
        var handle: OpaquePointer?
        let code = sqlite3_open_v2(
            target ?? path, &handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, vfs)
        guard let handle else { throw .failed("\(path): no memory to open the database") }
        self.handle = handle
        self.path = path
        guard code == SQLITE_OK else {
            let error = failure(code, while: "opening")
            close(checkpointing: false)
            throw error
        }
    }

    deinit { close(checkpointing: false) }

    /// Finalizes all statements and closes. SQLite checkpoints and deletes the WAL when the last connection closes,
    /// unless `checkpointing` is false: after a failed fsync nothing more must be written.
    func close(checkpointing: Bool) {
        guard !isClosed else { return }
        isClosed = true
        _ = dmq_sqlite3_set_checkpoint_on_close(handle, checkpointing ? 1 : 0)
        while let statement = sqlite3_next_stmt(handle, nil) { sqlite3_finalize(statement) }
        sqlite3_close_v2(handle)
    }

    /// `isPersistent`: the statement is kept for the life of the connection.
    func prepare(_ sql: String, isPersistent: Bool = true) throws(StorageError) -> Statement {
        var statement: OpaquePointer?
        let flags = isPersistent ? UInt32(SQLITE_PREPARE_PERSISTENT) : 0
        let code = sqlite3_prepare_v3(handle, sql, -1, flags, &statement, nil)
        guard code == SQLITE_OK, let statement else { throw failure(code, while: "preparing \"\(sql)\"") }
        return Statement(handle: statement)
    }

    /// Moves to the next row; false, and the statement reset, at the end.
    func step(_ statement: Statement, while action: @autoclosure () -> String) throws(StorageError) -> Bool {
        let code = sqlite3_step(statement.handle)
        if code == SQLITE_ROW { return true }
        if code == SQLITE_DONE {
            sqlite3_reset(statement.handle)
            return false
        }
        // The error before the reset, which replaces the connection's message.
        let error = failure(code, while: action())
        sqlite3_reset(statement.handle)
        throw error
    }

    /// Runs a statement that yields no rows of interest.
    func run(_ statement: Statement, while action: @autoclosure () -> String) throws(StorageError) {
        while try step(statement, while: action()) {}
    }

    /// Runs one statement once; the rows' first columns as text.
    @discardableResult
    func execute(_ sql: String) throws(StorageError) -> [String] {
        let statement = try prepare(sql, isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        var rows: [String] = []
        while try step(statement, while: "running \"\(sql)\"") { rows.append(statement.text(0)) }
        return rows
    }

    /// The first column of the first row, 0 without rows.
    func integer(_ sql: String) throws(StorageError) -> Int64 {
        let statement = try prepare(sql, isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        return try step(statement, while: "running \"\(sql)\"") ? statement.integer(0) : 0
    }

    /// Sets a pragma and reads it back: builds of SQLite differ in what they allow, and refuse in silence.
    func set(_ pragma: String, to value: String, expecting expected: String) throws(StorageError) {
        try execute("PRAGMA \(pragma)=\(value)")
        let present = try execute("PRAGMA \(pragma)").first ?? "nothing"
        guard present == expected else {
            throw .failed(
                "\(path): SQLite \(NodeStore.sqliteVersion) keeps PRAGMA \(pragma) at \(present) "
                    + "instead of \(expected). Use a SQLite library that allows it.")
        }
    }

    /// What SQLite's `code` means for the node.
    func failure(_ code: Int32, while action: String) -> StorageError {
        let errno = sqlite3_system_errno(handle)
        let system = errno == 0 ? "" : ", \(String(cString: strerror(errno)))"
        let text =
            "\(path): \(ResultCode.name(code)) while \(action): \(String(cString: sqlite3_errmsg(handle)))\(system)"
        if code & 0xff == SQLITE_FULL || (code & 0xff == SQLITE_IOERR && (errno == ENOSPC || errno == EDQUOT)) {
            return .full("\(text). Free space on the file system, then start the node again; nothing is lost.")
        }
        switch code & 0xff {
        case SQLITE_CORRUPT, SQLITE_NOTADB, SQLITE_FORMAT, SQLITE_ERROR, SQLITE_CONSTRAINT, SQLITE_MISMATCH:
            return .damage(path, String(text.dropFirst(path.count + 2)))
        case SQLITE_BUSY, SQLITE_LOCKED:
            return .inUse("\(text). Close the process that holds the file (a sqlite3 shell may only read).")
        case SQLITE_CANTOPEN, SQLITE_READONLY, SQLITE_PERM, SQLITE_AUTH:
            return .failed("\(text). Check owner, permissions and mount options of the data directory.")
        default:
            return .failed("\(text). Check the disk and the kernel's log, then start the node again.")
        }
    }
}
