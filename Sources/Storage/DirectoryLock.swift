import Glibc
import Raft

/// `node.lock` in the data directory: held locked for the process's life, and the mark that the directory is in use
/// as a node's memory, so that a database that went missing is not taken for a new one.
final class DirectoryLock {
    static let fileName = "node.lock"

    /// What the first line says about the directory.
    struct Mark: Equatable {
        var node: NodeID
        /// A database was completely created here.
        var isInitialized: Bool
    }

    private var descriptor: Int32
    private let path: String
    /// The mark found when the lock was taken.
    let found: Mark?

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

    /// Writes the mark and this process's number; durable on return.
    func write(_ mark: Mark) throws(StorageError) {
        let text = "node \(mark.node) \(mark.isInitialized ? "initialized" : "new")\npid \(getpid())\n"
        let bytes = Array(text.utf8)
        // Over the old text, then cut: a crash between leaves at most old lines behind the new ones.
        guard pwrite(descriptor, bytes, bytes.count, 0) == bytes.count, ftruncate(descriptor, off_t(bytes.count)) == 0,
            fsync(descriptor) == 0
        else { throw systemFailure("writing", path) }
    }

    private static func read(_ descriptor: Int32) -> (mark: Mark?, process: Int?) {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        let lines = String(decoding: bytes.prefix(max(0, count)), as: UTF8.self).split(separator: "\n")
        let words = lines.map { $0.split(separator: " ") }
        var mark: Mark?
        if let first = words.first, first.count == 3, first[0] == "node", let id = UInt64(first[1]) {
            mark = Mark(node: NodeID(id), isInitialized: first[2] == "initialized")
        }
        let process = words.dropFirst().first { $0.count == 2 && $0[0] == "pid" }.flatMap { Int($0[1]) }
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
