import CSQLite
import Glibc

/// A consistent copy of a node's database, also while the node runs.
public enum Backup {
    /// Writes the copy to `file`, which must not exist; it is durable on return. Returns its size in bytes.
    ///
    /// All of it is one read transaction (`VACUUM INTO`): whatever the node writes meanwhile, the copy never begins anew,
    /// as one of pages would. Until it is done the node's write-ahead log can not be moved into the database.
    public static func write(directory path: String, to file: String) throws(StorageError) -> Int64 {
        let directory = DataDirectory(path: path)
        guard (try DataDirectory.size(of: directory.database) ?? 0) > 0 else {
            throw .failed("\(directory.database): there is no database. Name the data directory of a node.")
        }
        // The name is given when the copy is whole: nobody takes half of one for a backup.
        let unfinished = file + ".unfinished"
        try refuseExisting(file)
        try create(unfinished)
        do throws(StorageError) {
            try copy(directory, to: unfinished)
            try synchronize(unfinished)
            try refuseExisting(file)
            guard rename(unfinished, file) == 0 else { throw failure("naming", file) }
        } catch {
            unlink(unfinished)
            throw error
        }
        try DataDirectory.synchronize(DataDirectory(path: file).parent)
        return try DataDirectory.size(of: file) ?? 0
    }

    private static func copy(_ directory: DataDirectory, to file: String) throws(StorageError) {
        let lock = try lockIfStopped(directory)
        defer { withExtendedLifetime(lock) {} }
        let connection: Connection
        if lock == nil {
            connection = try Connection(path: directory.database, flags: SQLITE_OPEN_READONLY, vfs: nil)
            try connection.configureReader()
        } else {
            let walBytes = try DataDirectory.size(of: directory.writeAheadLog) ?? 0
            connection = try Connection.offline(directory, walBytes: walBytes)
            // It would also keep the copy from being written.
            try connection.set("query_only", to: "OFF", expecting: "0")
        }
        defer { connection.close(checkpointing: false) }
        let name = file.replacing("'", with: "''")
        try connection.execute("VACUUM INTO '\(name)'")
    }

    /// The lock of a stopped node's directory, so that it does not start meanwhile; `nil` beside one that runs.
    private static func lockIfStopped(_ directory: DataDirectory) throws(StorageError) -> DirectoryLock? {
        do throws(StorageError) {
            return try DirectoryLock(directory: directory.path, create: false)
        } catch {
            guard case .inUse = error else { throw error }
            return nil
        }
    }

    private static func refuseExisting(_ file: String) throws(StorageError) {
        var status = stat()
        guard lstat(file, &status) != 0 else {
            throw .failed("\(file): it exists. A backup overwrites nothing; give another name.")
        }
    }

    /// SQLite takes an empty file for one to be made; its own would be as readable as the umask says.
    private static func create(_ file: String) throws(StorageError) {
        let descriptor = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            guard errno == EEXIST else { throw failure("creating", file) }
            throw .failed("\(file): it exists, left by a backup that was broken off, or one is being made. Remove it.")
        }
        close(descriptor)
    }

    private static func synchronize(_ file: String) throws(StorageError) {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure("opening", file) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw failure("synchronizing", file) }
    }

    private static func failure(_ action: String, _ file: String) -> StorageError {
        .failed("\(file): \(String(cString: strerror(errno))) while \(action) it.")
    }
}
