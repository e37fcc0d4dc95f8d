import Glibc

/// A process that is not this one and keeps the WAL from beginning anew, by a read transaction on the node's file.
///
/// SQLite's locks can not be taken from it, and its snapshot needs both the old frames and the old pages: all that can
/// be done is to name it.
public struct ForeignReader: Equatable, Sendable, CustomStringConvertible {
    public var process: Int32
    /// Unknown where other users' processes are hidden.
    public var name: String?

    public var description: String { name.map { "\(process) (\($0))" } ?? "\(process)" }

    /// One of those that hold a reader's lock on the index `path`.
    init?(index path: String) {
        guard let descriptor = Self.descriptor(of: path) else { return nil }
        // The bytes of the locks that readers take (sqlite.org/walformat.html). Asked of the descriptor that SQLite
        // has: to open the file and close it again would drop SQLite's locks.
        var lock = flock()
        lock.l_type = Int16(F_WRLCK)
        lock.l_whence = Int16(SEEK_SET)
        (lock.l_start, lock.l_len) = (123, 5)
        guard fcntl(descriptor, F_GETLK, &lock) == 0, lock.l_type != Int16(F_UNLCK), lock.l_pid > 0 else { return nil }
        process = lock.l_pid
        name = Self.name(of: lock.l_pid)
    }

    /// One that this process has opened `path` with, which is not to be closed.
    static func descriptor(of path: String) -> Int32? {
        var file = stat()
        guard stat(path, &file) == 0, let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        while let entry = readdir(directory) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard let descriptor = Int32(name), fstat(descriptor, &status) == 0 else { continue }
            if status.st_ino == file.st_ino && status.st_dev == file.st_dev { return descriptor }
        }
        return nil
    }

    private static func name(of process: Int32) -> String? {
        let descriptor = open("/proc/\(process)/comm", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 1 ? String(decoding: bytes[..<(count - 1)], as: UTF8.self) : nil
    }
}

extension NodeStore {
    /// One of the processes that are in the midst of a read transaction now.
    public var foreignReader: ForeignReader? { ForeignReader(index: directory.sharedMemory) }
}
