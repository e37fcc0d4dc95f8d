import Raft

extension NodeStore {
    /// Gives the stopped node in `directory` another list of members, after checking all of its data as a start does.
    /// `newDirectory` names files of a release that had no names for directories.
    ///
    /// - Returns: Whose data they are, and the ids before and after; `nil` if there is no node's data, which leaves nothing
    ///   to change.
    public static func changeMembers(
        directory path: String, to ids: [NodeID], newDirectory: DirectoryID
    ) throws(StorageError) -> (node: NodeID, before: [NodeID], after: [NodeID])? {
        guard let node = try owner(of: path) else { return nil }
        let ids = ids.sorted()
        guard ids.contains(node) else {
            throw .foreign(
                "\(path): holds the data of node \(node), which is none of the members \(list(ids)). Name a list with "
                    + "this node, or the directory of another node. Nothing was changed.")
        }
        let store = try NodeStore(directory: path, node: node, newDirectory: newDirectory)
        let recovered = try store.recover { _ in }
        var identity = recovered.identity
        if let copy = store.copy {
            throw .foreign(
                "\(path): \(copy). A copy may have forgotten what the others know, so its members are not changed. "
                    + "Start the node with its present members until they let it in, then stop it and try again.")
        }
        guard !recovered.hasMembersInLog else {
            throw .foreign(
                "\(path): the members of this cluster are in its log, and change while it works: \"dmq-metadata member\". "
                    + "Nothing was changed.")
        }
        let before = identity.ids
        // Without a list before there is nobody who could say that the new one is right.
        guard !before.isEmpty else {
            throw .foreign(
                "\(path): written by a release that did not write the members down. Start all nodes once with the present "
                    + "list, then stop them and try again. The list was not changed.")
        }
        identity.change(to: ids)
        try store.store(identity)
        try store.close()
        return (node, before, identity.ids)
    }

    /// Whose data are in `path`, all of them sound; `nil` if there are none. Changes nothing.
    private static func owner(of path: String) throws(StorageError) -> NodeID? {
        let directory = DataDirectory(path: path)
        let lock = try DirectoryLock(directory: path, create: false)
        if let finding = try directory.lossOfDatabase(mark: lock?.found) {
            throw .damage(directory.database, finding)
        }
        lock?.release()
        guard try (DataDirectory.size(of: directory.database) ?? 0) > 0 else { return nil }
        let verification = try Verification.verify(directory: path)
        guard verification.isSound else { throw .damaged(verification.findings.joined(separator: "\n")) }
        return verification.node
    }

    private static func list(_ ids: [NodeID]) -> String { ids.map(\.description).joined(separator: ", ") }
}
