import Glibc
import Raft

// Files that are not the ones that this node has written, or not the latest of them: a copy beside the original, or a
// backup that was put back. What they hold is sound; only it may be less than the node has promised.

/// The numbers that the file system gives the files. A copy has others; renaming the directory keeps them.
struct FileNumbers: Equatable {
    var lock: UInt64
    var database: UInt64

    /// `nil` where they mean nothing: a file is missing, or the file system deals out numbers anew with each mount.
    init?(lock descriptor: Int32, database path: String) {
        var (lock, database) = (stat(), stat())
        guard fstat(descriptor, &lock) == 0, stat(path, &database) == 0, FileSystem.keepsNumbers(of: descriptor)
        else { return nil }
        self.init(lock: UInt64(lock.st_ino), database: UInt64(database.st_ino))
    }

    init(lock: UInt64, database: UInt64) {
        self.lock = lock
        self.database = database
    }
}

/// What is beside the database when it is opened.
struct Surroundings {
    var mark: DirectoryLock.Mark?
    var numbers: FileNumbers?
    /// Whether there is a write-ahead log with anything in it. Whatever it is: the commit that says "running" creates
    /// it, and nothing empties it before the commit that says "stopped" (see ``NodeRecord/isCleanStop``).
    var hasWriteAheadLog: Bool

    /// Before SQLite opens the database, which creates an empty log.
    init(_ directory: DataDirectory, _ lock: DirectoryLock?) throws(StorageError) {
        mark = lock?.found
        numbers = lock?.fileNumbers(database: directory.database)
        hasWriteAheadLog = try (DataDirectory.size(of: directory.writeAheadLog) ?? 0) > 0
    }

    /// Why the database with `record`, whose log ends at `last`, is taken for a copy or a restored backup, in words; `nil`
    /// if it is not.
    func copyFinding(_ record: NodeRecord, last: LogIndex) -> String? {
        guard let mark else {
            return "there is a database, but no \(DirectoryLock.fileName) beside it: it was copied here alone"
        }
        let identity = record.identity
        if let directory = mark.directory, directory != identity.directory {
            return "\(DirectoryLock.fileName) names directory \(directory), but the database is of directory "
                + "\(identity.directory): it was copied here"
        }
        if let run = mark.run,
            run.number > identity.run.number || (run.number == identity.run.number && run != identity.run)
        {
            return "\(DirectoryLock.fileName) names start \(run), but the latest that the database knows is "
                + "\(identity.run): an older copy of the database was put in its place"
        }
        if !record.isCleanStop && !hasWriteAheadLog && !wasLogMoved(mark, identity, last) {
            return "the node was not stopped in order, but there is no write-ahead log: the database was copied while "
                + "the node ran, or another program removed the log"
        }
        if let known = mark.numbers, let numbers, known != numbers {
            return "the files are others than the node has written (\(DirectoryLock.fileName) and "
                + "\(DataDirectory.databaseName) were files \(known.lock) and \(known.database), and are "
                + "\(numbers.lock) and \(numbers.database)): they were copied"
        }
        return nil
    }
}

extension Surroundings {
    /// A shell that may write, when it quits after the node has crashed, moves the log into the database and removes it:
    /// then the files are the same, and hold no less than the node has noted.
    private func wasLogMoved(_ mark: DirectoryLock.Mark, _ identity: NodeIdentity, _ last: LogIndex) -> Bool {
        guard let known = mark.numbers, known == numbers, mark.run == identity.run, let reaches = mark.reaches else {
            return false
        }
        return last >= reaches
    }
}

extension Connection {
    /// Where the log ends, whatever of it has been compacted.
    var logEnd: LogIndex {
        get throws(StorageError) {
            let sql =
                "SELECT max(ifnull((SELECT max(log_index) FROM raft_log), 0), (SELECT applied_index FROM checkpoint))"
            return LogIndex(UInt64(max(0, try integer(sql))))
        }
    }
}

/// What kind of file system a file is on, by Linux's list of mounts.
private enum FileSystem {
    /// Those that store a file's number with the file. Others (FUSE, 9p, FAT, SMB) may make numbers up.
    private static let keeping: Set<String> = [
        "ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "bcachefs", "jfs", "tmpfs", "ramfs", "overlay", "nfs",
        "nfs4", "ceph",
    ]

    static func keepsNumbers(of descriptor: Int32) -> Bool {
        type(of: descriptor).map(keeping.contains) ?? false
    }

    /// By the mount's number, since the device's may be one that the list of mounts does not have.
    private static func type(of descriptor: Int32) -> String? {
        let mount = lines("/proc/self/fdinfo/\(descriptor)").lazy.map { $0.split { $0 == ":" || $0 == "\t" } }
            .first { $0.first == "mnt_id" }?.last
        guard let mount else { return nil }
        let fields = lines("/proc/self/mountinfo").lazy.map { $0.split(separator: " ") }.first { $0.first == mount }
        // Optional fields end with a hyphen; the type is behind it.
        guard let fields, let hyphen = fields.firstIndex(of: "-"), hyphen + 1 < fields.count else { return nil }
        return String(fields[hyphen + 1])
    }

    private static func lines(_ path: String) -> [Substring] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while case let count = read(descriptor, &buffer, buffer.count), count > 0 { text += buffer[..<count] }
        return String(decoding: text, as: UTF8.self).split(separator: "\n")
    }
}
