import Glibc

/// The directory that holds one node's files.
struct DataDirectory {
    var path: String

    static let databaseName = "node.db"
    var database: String { path + "/" + Self.databaseName }
    var writeAheadLog: String { database + "-wal" }
    var sharedMemory: String { database + "-shm" }

    /// Creates the directory and its parents where they are missing. The last is the node's alone (0700).
    func create() throws(StorageError) {
        guard mkdir(path, 0o700) != 0 else { return try Self.synchronize(parent) }
        switch errno {
        case EEXIST:
            guard Self.isDirectory(path) else {
                throw .failed("\(path): not a directory. Name a directory for the node's data.")
            }
        case ENOENT where parent != path:
            try Self.createParents(parent)
            guard mkdir(path, 0o700) == 0 else { throw systemFailure("creating", path) }
            try Self.synchronize(parent)
        default: throw systemFailure("creating", path)
        }
    }

    /// Creates an empty database where there is none, for SQLite to fill: its own would be as readable as the umask says,
    /// and the files beside it follow this one.
    func createDatabase() throws(StorageError) {
        let descriptor = open(database, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw systemFailure("creating", database) }
        close(descriptor)
    }

    private static func createParents(_ path: String) throws(StorageError) {
        guard mkdir(path, 0o755) != 0 else { return try synchronize(DataDirectory(path: path).parent) }
        let parent = DataDirectory(path: path).parent
        switch errno {
        case EEXIST: return
        case ENOENT where parent != path:
            try createParents(parent)
            guard mkdir(path, 0o755) == 0 else { throw systemFailure("creating", path) }
            try synchronize(parent)
        default: throw systemFailure("creating", path)
        }
    }

    var parent: String {
        let trimmed = path.reversed().drop { $0 == "/" }
        let rest = trimmed.drop { $0 != "/" }
        if rest.isEmpty { return path.hasPrefix("/") ? "/" : "." }
        let directory = String(rest.drop { $0 == "/" }.reversed())
        return directory.isEmpty ? "/" : directory
    }

    /// Makes names in `directory` durable: a new file is not, by its own fsync alone.
    static func synchronize(_ directory: String) throws(StorageError) {
        let descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemFailure("opening", directory) }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw systemFailure("synchronizing", directory) }
    }

    private static func isDirectory(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// The size in bytes; `nil` when there is no such file.
    static func size(of file: String) throws(StorageError) -> Int64? {
        var status = stat()
        if stat(file, &status) == 0 { return Int64(status.st_size) }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        throw systemFailure("examining", file)
    }

    /// Files that only a used directory has while its database is missing or empty; the finding, or `nil`.
    func lossOfDatabase(mark: DirectoryLock.Mark?) throws(StorageError) -> String? {
        let size = try Self.size(of: database)
        guard (size ?? 0) == 0 else { return nil }
        let state = size == nil ? "the file is missing" : "the file is empty"
        if let mark, mark.isInitialized {
            return "\(state), but \(DirectoryLock.fileName) says that node \(mark.node) kept its data here"
        }
        if let walSize = try Self.size(of: writeAheadLog), walSize > 0 {
            return "\(state), but its write-ahead log \(writeAheadLog) holds \(walSize) bytes"
        }
        return nil
    }

    /// SQLite removes the index of the write-ahead log first when it closes, and creates it last: alone, it proves that
    /// somebody removed a log that held commits.
    func lossOfWriteAheadLog() throws(StorageError) -> String? {
        guard (try Self.size(of: database) ?? 0) > 0, try Self.size(of: sharedMemory) != nil,
            try Self.size(of: writeAheadLog) == nil
        else { return nil }
        return "its write-ahead log \(writeAheadLog) was removed after an unclean stop, and the last commits with it"
    }
}
