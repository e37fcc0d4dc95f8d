import CSQLite

/// SQLite's result codes by the names under which sqlite.org/rescode.html explains them.
enum ResultCode {
    /// The name of an extended result code, such as `SQLITE_IOERR_FSYNC`.
    static func name(_ code: Int32) -> String {
        let primary = Int(code & 0xff)
        guard primary < primaryNames.count else { return "SQLITE code \(code)" }
        let name = "SQLITE_" + primaryNames[primary]
        let detail = Int(code >> 8)
        guard detail > 0 else { return name }
        guard let details = detailNames[code & 0xff], detail <= details.count else { return "\(name) (\(code))" }
        return "\(name)_\(details[detail - 1])"
    }

    private static let primaryNames = split(
        """
        OK ERROR INTERNAL PERM ABORT BUSY LOCKED NOMEM READONLY INTERRUPT IOERR CORRUPT NOTFOUND FULL CANTOPEN \
        PROTOCOL EMPTY SCHEMA TOOBIG CONSTRAINT MISMATCH MISUSE NOLFS AUTH FORMAT RANGE NOTADB NOTICE WARNING
        """)

    /// By primary code, in the order of the numbers in the upper bytes. The header's macros for them are expressions
    /// that Swift does not import.
    private static let detailNames: [Int32: [String]] = [
        SQLITE_IOERR: split(
            """
            READ SHORT_READ WRITE FSYNC DIR_FSYNC TRUNCATE FSTAT UNLOCK RDLOCK DELETE BLOCKED NOMEM ACCESS \
            CHECKRESERVEDLOCK LOCK CLOSE DIR_CLOSE SHMOPEN SHMSIZE SHMLOCK SHMMAP SEEK DELETE_NOENT MMAP GETTEMPPATH \
            CONVPATH VNODE AUTH BEGIN_ATOMIC COMMIT_ATOMIC ROLLBACK_ATOMIC DATA CORRUPTFS IN_PAGE
            """),
        SQLITE_BUSY: split("RECOVERY SNAPSHOT TIMEOUT"),
        SQLITE_LOCKED: split("SHAREDCACHE VTAB"),
        SQLITE_CORRUPT: split("VTAB SEQUENCE INDEX"),
        SQLITE_CANTOPEN: split("NOTEMPDIR ISDIR FULLPATH CONVPATH DIRTYWAL SYMLINK"),
        SQLITE_READONLY: split("RECOVERY CANTLOCK ROLLBACK DBMOVED CANTINIT DIRECTORY"),
        SQLITE_CONSTRAINT: split(
            "CHECK COMMITHOOK FOREIGNKEY FUNCTION NOTNULL PRIMARYKEY TRIGGER UNIQUE VTAB ROWID PINNED DATATYPE"),
    ]

    private static func split(_ names: String) -> [String] { names.split(separator: " ").map(String.init) }
}
