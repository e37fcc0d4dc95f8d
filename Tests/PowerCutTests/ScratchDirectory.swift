import CPowerCutVFS
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

    /// Replaces the files by what the disk may hold if the power goes now.
    func takeImage(keep percent: Int32, seed: UInt64) throws(StorageError) {
        guard powercut_image(path, percent, seed) == 0, (try? adoptFiles()) != nil else {
            throw .failed("\(path): the image could not be written")
        }
    }

    /// Makes the mark name the files that are here: a power cut does not exchange them, as the image does.
    private func adoptFiles() throws {
        guard let mark = try? String(contentsOfFile: path + "/node.lock", encoding: .utf8) else { return }
        guard let lock = number(of: "node.lock"), let database = number(of: "node.db") else { return }
        let lines = mark.split(separator: "\n", omittingEmptySubsequences: false).map { line in
            line.hasPrefix("inodes ") ? "inodes \(lock) \(database)" : line
        }
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: path + "/node.lock"))
    }

    private func number(of name: String) -> UInt64? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path + "/" + name)
        return attributes?[.systemFileNumber] as? UInt64
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

extension NodeStore {
    static let newDirectory = DirectoryID(high: 0, low: 1)

    static func open(_ directory: ScratchDirectory, vfs: String? = nil) throws(StorageError) -> NodeStore {
        try NodeStore(
            directory: directory.path, node: NodeID(1), newDirectory: newDirectory, vfs: vfs)
    }
}
