import Glibc

/// Moves a node's files out of its way, within its directory: nowhere else may a confined node write.
public enum DataSetAside {
    /// Names of such places begin so.
    public static let damaged = "damaged-"
    public static let recovered = "before-recovery-"

    /// Leaves the directory empty, for the node to come back as one that knows nothing.
    ///
    /// - Parameter name: Of the directory in `path` that the files go to.
    /// - Returns: Where they are; `nil` if there were none.
    public static func move(_ path: String, to name: String) throws(StorageError) -> String? {
        let path = try resolveLinks(path)
        let directory = DataDirectory(path: path)
        let lock = try DirectoryLock(directory: path, create: false)
        defer { withExtendedLifetime(lock) {} }
        var files: [String] = []
        for file in directory.files where try DataDirectory.size(of: file) != nil { files.append(file) }
        guard !files.isEmpty else { return nil }
        let target = path + "/" + name
        guard mkdir(target, 0o700) == 0 else { throw systemFailure("creating", target) }
        try giveToOwner(of: path, target)
        for file in files {
            let moved = target + "/" + file.dropFirst(path.count + 1)
            guard rename(file, moved) == 0 else { throw systemFailure("moving", file) }
            try DataDirectory.synchronize(path)
        }
        try DataDirectory.synchronize(target)
        return target
    }

    /// What is in the directory of earlier times.
    public static func places(in path: String, named beginning: String) -> [String] {
        (names(in: path) ?? []).filter { $0.hasPrefix(beginning) }.map { path + "/" + $0 }.sorted()
    }

    /// What a directory holds, in no order; `nil`, and `errno`, if it can not be opened.
    public static func names(in path: String) -> [String]? {
        guard let stream = opendir(path) else { return nil }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            names.append(
                withUnsafeBytes(of: entry.pointee.d_name) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) })
        }
        return names
    }
}
