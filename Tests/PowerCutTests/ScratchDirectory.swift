import FoundationEssentials
import Raft
import Storage

/// A directory that goes with its owner; in memory where the system has such a place.
final class ScratchDirectory {
    let path: String

    init() throws {
        let shared = "/dev/shm"
        let parent =
            FileManager.default.isWritableFile(atPath: shared) ? shared : FileManager.default.temporaryDirectory.path
        path = parent + "/power-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension NodeStore {
    static func open(_ directory: ScratchDirectory, vfs: String? = nil) throws(StorageError) -> NodeStore {
        try NodeStore(
            directory: directory.path, node: NodeID(1), newDirectory: DirectoryID(high: 0, low: 1), vfs: vfs)
    }
}
