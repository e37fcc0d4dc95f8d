import Glibc

/// A data directory that holds no node's data, and is kept from being taken into use.
///
/// Under systemd `/var/lib/dmq-metadata/1` is a link, and what it leads to belongs to a user who exists only while the unit
/// runs: a file in it that root has made must be given to the directory's owner.
public final class EmptyDirectory {
    /// Without links.
    public let path: String
    private let lock: DirectoryLock
    /// Whether the lock's file is there only for the sake of this.
    private var isLockNew: Bool

    private static let workshopName = "restoring.tmp"

    /// Creates it if need be. Refuses one with a node's data, or in use.
    public init(_ name: String) throws(StorageError) {
        path = try resolveLinks(name)
        let directory = DataDirectory(path: path)
        try directory.create()
        isLockNew = try DataDirectory.size(of: path + "/" + DirectoryLock.fileName) == nil
        lock = try DirectoryLock(directory: path, create: true)!
        try refuseData(lock.found)
    }

    deinit { if isLockNew { unlink(path + "/" + DirectoryLock.fileName) } }

    private func refuseData(_ mark: DirectoryLock.Mark?) throws(StorageError) {
        let directory = DataDirectory(path: path)
        let wasInterrupted = try DataDirectory.size(of: path + "/" + Self.workshopName) != nil
        let hasMark = mark?.isInitialized ?? false
        let size =
            try (DataDirectory.size(of: directory.database) ?? 0)
            + (DataDirectory.size(of: directory.writeAheadLog) ?? 0)
        guard size > 0 || hasMark && !wasInterrupted else { return }
        throw .foreign(
            "\(path): holds the data of \(mark.map { "node \($0.node)" } ?? "a node"). Only an empty directory is written "
                + "to: move the data away, \"mv \(path)/node.* ELSEWHERE\", or name another one. Nothing was changed.")
    }

    /// A directory in it, in which the data are made.
    func makeWorkshop() throws(StorageError) -> String {
        let workshop = path + "/" + Self.workshopName
        try removeWorkshop(workshop)
        guard mkdir(workshop, 0o700) == 0 else { throw systemFailure("creating", workshop) }
        return workshop
    }

    /// Until the database has its name the directory is one whose database is missing, which no node starts with.
    func takeOver(from workshop: String) throws(StorageError) {
        isLockNew = false
        for name in [DirectoryLock.fileName, DataDirectory.databaseName] {
            try giveToOwner(of: path, workshop + "/" + name)
            guard rename(workshop + "/" + name, path + "/" + name) == 0 else {
                throw systemFailure("naming", path + "/" + name)
            }
            try DataDirectory.synchronize(path)
        }
        try removeWorkshop(workshop)
        try DataDirectory.synchronize(path)
    }

    private func removeWorkshop(_ workshop: String) throws(StorageError) {
        let database = DataDirectory(path: workshop)
        for file in database.files { unlink(file) }
        guard rmdir(workshop) == 0 || errno == ENOENT else { throw systemFailure("removing", workshop) }
    }
}

/// Where a path leads that may not exist yet.
func resolveLinks(_ path: String) throws(StorageError) -> String {
    var path = path
    for _ in 0..<32 {
        while path.hasSuffix("/"), path != "/" { path.removeLast() }
        var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
        let count = readlink(path, &buffer, buffer.count)
        guard count > 0 else { return path }
        let target = String(decoding: buffer[..<count], as: UTF8.self)
        path = target.hasPrefix("/") ? target : DataDirectory(path: path).parent + "/" + target
    }
    throw .failed("\(path): too many links, one leading to the other")
}

/// Of a file that root has made for somebody else.
func giveToOwner(of directory: String, _ file: String) throws(StorageError) {
    guard geteuid() == 0 else { return }
    var owner = stat()
    guard stat(directory, &owner) == 0 else { throw systemFailure("examining", directory) }
    guard chown(file, owner.st_uid, owner.st_gid) == 0 else { throw systemFailure("giving away", file) }
}

extension DataDirectory {
    /// All that a node writes, the mark last: without the others it says that they are missing.
    var files: [String] { [database, writeAheadLog, sharedMemory, path + "/" + DirectoryLock.fileName] }
}
