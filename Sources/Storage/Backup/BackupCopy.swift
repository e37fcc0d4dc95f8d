import CLinux
import CSQLite
import Glibc

/// Makes a backup of a database that is held: blocking, on a thread of its own.
///
/// What hurts a node beside it is not the reading, but a gigabyte that the kernel decides to write out at once. So the copy
/// is taken as fast as the page cache takes it, which ends the hold, and then goes to the disk slice by slice.
public struct BackupCopy {
    /// The copy while it is being made, in the data directory: there is room for the node's data, if anywhere.
    static let fileName = "backup.tmp"
    private static let pieceBytes = 1024 * 1024
    private static let sliceBytes = 8 * 1024 * 1024

    private let hold: DatabaseHold
    private let directory: String
    private let path: String
    private var writeAheadLog: String { path + "-wal" }

    public init(of hold: DatabaseHold) {
        self.hold = hold
        directory = DataDirectory(path: hold.database).parent
        path = directory + "/" + Self.fileName
    }

    /// Removes what a process that was killed has left.
    public static func removeRemains(of directory: String) {
        for ending in ["", "-wal", "-journal"] { unlink(directory + "/" + fileName + ending) }
    }

    /// - Parameters:
    ///   - createdAt: Unix milliseconds.
    ///   - isInTime: Whether the hold may go on.
    ///   - released: Called when the hold has ended and the rest begins, which nobody waits for.
    public func make(
        createdAt: Int64, isInTime: () -> Bool, released: () -> Void
    ) throws(BackupFailure) -> BackupContent {
        defer {
            hold.giveUp("it failed")
            Self.removeRemains(of: directory)
        }
        Self.removeRemains(of: directory)
        try askForSpace()
        let descriptor = try create(path)
        do throws(BackupFailure) {
            try copyDatabase(to: descriptor, isInTime)
            if hold.writeAheadLogBytes > 0 { try copyWriteAheadLog(isInTime) }
            try endHold()
            released()
            let record = try strip(at: createdAt)
            let (size, hash) = try writeOut(descriptor)
            return BackupContent(descriptor: descriptor, size: size, sha256: hash, record: record)
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// For the copy, and for what the WAL may grow by meanwhile.
    private func askForSpace() throws(BackupFailure) {
        var status = statvfs()
        guard statvfs(directory, &status) == 0 else { throw failure("examining the file system of", path) }
        let free = UInt64(status.f_bavail) * UInt64(status.f_frsize)
        let copy = UInt64(hold.databaseBytes + hold.writeAheadLogBytes)
        let needed = copy + min(copy / 4, 256 * 1024 * 1024) + 8 * 1024 * 1024
        guard free >= needed else {
            throw .noSpace(
                "a backup takes \(needed) bytes for a while on the disk of the node's data, and \(free) are free")
        }
    }

    private func create(_ path: String) throws(BackupFailure) -> Int32 {
        let descriptor = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw failure("creating", path) }
        return descriptor
    }

    // While the database is held

    private func copyDatabase(to descriptor: Int32, _ isInTime: () -> Bool) throws(BackupFailure) {
        try copy(hold.databaseBytes, to: descriptor, isInTime) { buffer, offset throws(BackupFailure) in
            guard let count = hold.read(into: buffer, at: offset) else { throw abandoned }
            return count
        }
    }

    private func copyWriteAheadLog(_ isInTime: () -> Bool) throws(BackupFailure) {
        // SQLite takes no locks on this file that closing it could drop.
        let source = open(hold.writeAheadLog, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw failure("opening", hold.writeAheadLog) }
        defer { close(source) }
        let target = try create(writeAheadLog)
        defer { close(target) }
        try copy(hold.writeAheadLogBytes, to: target, isInTime) { buffer, offset in
            pread(source, buffer.baseAddress, buffer.count, off_t(offset))
        }
    }

    private func copy(
        _ count: Int64, to descriptor: Int32, _ isInTime: () -> Bool,
        _ read: (UnsafeMutableRawBufferPointer, Int64) throws(BackupFailure) -> Int
    ) throws(BackupFailure) {
        var bytes = [UInt8](repeating: 0, count: Self.pieceBytes)
        var offset: Int64 = 0
        while offset < count {
            guard isInTime() else {
                throw .abandoned("the database could not be copied within \(hold.patience)")
            }
            let wanted = Int(min(count - offset, Int64(Self.pieceBytes)))
            let result = bytes.withUnsafeMutableBytes { buffer -> Result<Int, BackupFailure> in
                do throws(BackupFailure) {
                    return .success(try read(UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted]), offset))
                } catch {
                    return .failure(error)
                }
            }
            let got = try result.get()
            guard got > 0 else { throw failure("reading", hold.database) }
            guard pwrite(descriptor, bytes, got, off_t(offset)) == got else { throw failure("writing", path) }
            offset += Int64(got)
        }
    }

    private func endHold() throws(BackupFailure) {
        guard hold.isActive else { throw abandoned }
        hold.release()
    }

    private var abandoned: BackupFailure { .abandoned(hold.reasonOfEnd ?? "the hold has ended") }

    // Afterwards

    private func strip(at createdAt: Int64) throws(BackupFailure) -> BackupRecord {
        do throws(StorageError) {
            let connection = try Connection(path: path, flags: SQLITE_OPEN_READWRITE, vfs: nil)
            defer { connection.close(checkpointing: false) }
            return try connection.stripToBackup(at: createdAt)
        } catch {
            if case .full(let text) = error { throw .noSpace(text) }
            throw .failed("\(error)")
        }
    }

    /// To the disk, a slice after the other, each waited for; and through the hash meanwhile.
    private func writeOut(_ descriptor: Int32) throws(BackupFailure) -> (size: Int64, hash: [UInt8]) {
        var hash = SHA256()
        var bytes = [UInt8](repeating: 0, count: Self.pieceBytes)
        var (offset, written): (Int64, Int64) = (0, 0)
        while true {
            let got = pread(descriptor, &bytes, bytes.count, off_t(offset))
            guard got >= 0 else { throw failure("reading", path) }
            bytes.withUnsafeBytes { hash.update(UnsafeRawBufferPointer(rebasing: $0[..<got])) }
            offset += Int64(got)
            if got == 0 || offset - written >= Int64(Self.sliceBytes) {
                // Some file systems can not; then the kernel writes when it likes.
                _ = clinux_write_out(descriptor, written, offset - written)
                written = offset
            }
            if got == 0 { return (offset, hash.finish()) }
        }
    }

    private func failure(_ action: String, _ file: String) -> BackupFailure {
        let text = "\(file): \(String(cString: strerror(errno))) while \(action) it"
        return errno == ENOSPC || errno == EDQUOT ? .noSpace(text) : .failed(text)
    }
}

extension Connection {
    /// Makes a copy of a node's database a backup. A crash meanwhile leaves a file that is worth nothing, so nothing is
    /// synchronized, nor kept for going back.
    fileprivate func stripToBackup(at createdAt: Int64) throws(StorageError) -> BackupRecord {
        try set("locking_mode", to: "EXCLUSIVE", expecting: "exclusive")
        try configureReader()
        try set("synchronous", to: "OFF", expecting: "0")
        // The WAL, if it came along, goes into the file.
        try set("journal_mode", to: "DELETE", expecting: "delete")
        try set("journal_mode", to: "OFF", expecting: "off")
        // What is taken out is not to be read in free pages.
        try set("secure_delete", to: "ON", expecting: "1")
        let stored = try StoredNode(checking: self)
        let checkpoint = try stored.checkpointRecord()
        let record = BackupRecord(try stored.nodeRecord(), try stored.raftState(), checkpoint, at: createdAt)
        try execute("BEGIN")
        if !checkpoint.changed.isEmpty { try mergeChangedRows(checkpoint.changed) }
        // The members are a part of the state that the digest is of.
        let kept = (StateTable.allCases.map(\.name) + ["configuration", "level"])
            .map { "'\($0)'" }.joined(separator: ", ")
        let others = try execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT IN (\(kept))"
        )
        for name in others { try execute("DROP TABLE \(name)") }
        try execute(BackupRecord.table)
        try insert(BackupRecord.insertion, record.bind)
        try execute("PRAGMA application_id=\(BackupRecord.applicationID)")
        try execute("PRAGMA user_version=\(record.schemaVersion)")
        try execute("COMMIT")
        return record
    }

    /// Of a checkpoint that was on its way into the tables.
    private func mergeChangedRows(_ places: Range<UInt64>) throws(StorageError) {
        for table in try stateTables(at: try integer("PRAGMA user_version")) {
            for sql in table.mergers {
                let statement = try prepare(sql, isPersistent: false)
                defer { sqlite3_finalize(statement.handle) }
                statement.bind(1, places.lowerBound)
                statement.bind(2, places.upperBound)
                try run(statement, while: "writing table \(table.name)")
            }
        }
    }
}
