import Glibc
import Raft

/// `node.lock` in the data directory: held locked for the process's life, and the mark that the directory is in use
/// as a node's memory, so that a database that went missing is not taken for a new one, nor another one for the same.
final class DirectoryLock {
    static let fileName = "node.lock"

    /// What it says about the directory, one line for each.
    struct Mark: Equatable {
        var node: NodeID
        /// A database was completely created here.
        var isInitialized: Bool
        // What the first release did not write.
        var directory: DirectoryID?
        var run: Run?
        var numbers: FileNumbers?
        /// The log was at least this long when it was last moved into the database.
        var reaches: LogIndex?
    }

    private var descriptor: Int32
    private let path: String
    /// The mark found when the lock was taken.
    let found: Mark?
    private var written: Mark?

    /// Takes the lock. Without `create`, a directory without the file counts as not in use, and nothing is written.
    init?(directory: String, create: Bool) throws(StorageError) {
        path = directory + "/" + Self.fileName
        descriptor = open(path, create ? O_RDWR | O_CREAT | O_CLOEXEC : O_RDONLY | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            if !create && errno == ENOENT { return nil }
            throw systemFailure("opening", path)
        }
        // flock, not a POSIX lock: it belongs to this open file, so a second opening in the same process is refused
        // too, and closing another descriptor of the file does not drop it.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let code = errno
            let holder = Self.read(descriptor).process.map { "process \($0)" } ?? "another process"
            Glibc.close(descriptor)
            if code != EWOULDBLOCK { throw systemFailure("locking", path, code) }
            throw .inUse("\(directory): in use by \(holder) (lock on \(path)). Stop it, or use another data directory.")
        }
        found = Self.read(descriptor).mark
    }

    deinit { release() }

    func release() {
        guard descriptor >= 0 else { return }
        // Unlocked by name: a child between fork and exec has the open file too, and closing ours would leave it locked.
        flock(descriptor, LOCK_UN)
        Glibc.close(descriptor)
        descriptor = -1
    }

    /// The numbers of this file and of the database, where they can be relied on.
    func fileNumbers(database: String) -> FileNumbers? { FileNumbers(lock: descriptor, database: database) }

    /// Marks the files that are here now as the memory of `identity`; durable on return.
    func mark(_ identity: NodeIdentity, database: String) throws(StorageError) {
        let mark = Mark(
            node: identity.node, isInitialized: true, directory: identity.directory, run: identity.run,
            numbers: fileNumbers(database: database), reaches: written?.reaches)
        if mark != written { try write(mark) }
    }

    /// Says which process holds the lock, and leaves the mark as it was found.
    func claim() throws(StorageError) {
        if written == nil, let found { try write(found) }
    }

    /// Notes how long the log is. Not synchronized: an older note says less, and nothing wrong.
    func note(reaches index: LogIndex) throws(StorageError) {
        guard var mark = written, mark.isInitialized, mark.reaches != index else { return }
        mark.reaches = index
        try write(mark, isDurable: false)
    }

    /// Writes the mark and this process's number; durable on return unless asked otherwise.
    func write(_ mark: Mark, isDurable: Bool = true) throws(StorageError) {
        var lines = ["node \(mark.node) \(mark.isInitialized ? "initialized" : "new")"]
        if let directory = mark.directory { lines.append("directory \(directory)") }
        if let run = mark.run { lines.append("run \(run)") }
        if let numbers = mark.numbers { lines.append("inodes \(numbers.lock) \(numbers.database)") }
        if let reaches = mark.reaches { lines.append("reaches \(reaches)") }
        lines.append("pid \(getpid())\n")
        let bytes = Array(lines.joined(separator: "\n").utf8)
        // Over the old text, then cut: a crash between leaves at most old lines behind the new ones.
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0,
            !isDurable || fsync(descriptor) == 0
        else { throw systemFailure("writing", path) }
        written = mark
    }

    private static func read(_ descriptor: Int32) -> (mark: Mark?, process: Int?) {
        var bytes = [UInt8](repeating: 0, count: 512)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        // Whole lines: a power failure may have kept the new text and the old length.
        let text = String(
            decoding: bytes.prefix(max(0, count)).reversed().drop { $0 != UInt8(ascii: "\n") }.reversed(), as: UTF8.self
        )
        let lines = text.split(separator: "\n")
        let words = lines.map { $0.split(separator: " ") }
        /// What the first line that begins with `name` says behind it, which must be `count` words.
        func values(_ name: String, _ count: Int) -> ArraySlice<Substring>? {
            words.first { $0.count == count + 1 && $0[0] == name }?.dropFirst()
        }
        var mark: Mark?
        if let first = words.first, first.count == 3, first[0] == "node", let id = UInt64(first[1]) {
            mark = Mark(node: NodeID(id), isInitialized: first[2] == "initialized")
            mark?.directory = values("directory", 1)?.first.flatMap { DirectoryID($0) }
            mark?.run = values("run", 1)?.first.flatMap { Run($0) }
            let numbers = values("inodes", 2)?.compactMap { UInt64($0) } ?? []
            if numbers.count == 2 { mark?.numbers = FileNumbers(lock: numbers[0], database: numbers[1]) }
        }
        mark?.reaches = values("reaches", 1)?.first.flatMap { UInt64($0) }.map { LogIndex($0) }
        let process = values("pid", 1)?.first.flatMap { Int($0) }
        return (mark, process)
    }
}

/// A failed system call as an error for the operator.
func systemFailure(_ action: String, _ path: String, _ code: Int32 = errno) -> StorageError {
    let text = "\(path): \(String(cString: strerror(code))) while \(action) it"
    if code == ENOSPC || code == EDQUOT {
        return .full("\(text). Free space on the file system, then start the node again; nothing is lost.")
    }
    return .failed("\(text). Check owner, permissions, mount and disk of the data directory.")
}
