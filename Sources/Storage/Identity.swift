import Metadata
import Raft

extension NodeStore {
    /// Remembers who the node is; durable on return. With it the node takes these files for its own: what looked like a
    /// copy at the start does not at the next one.
    public func store(_ identity: NodeIdentity) throws(StorageError) {
        try perform { () throws(StorageError) in
            guard var contents else { preconditionFailure("recover first: an identity is not to be made up") }
            precondition(identity.node == contents.node.identity.node, "the identity of another node")
            if let name = contents.checkpoint.counters.clusterID, name != identity.clusterID {
                throw foreignState(of: name, in: identity.clusterID)
            }
            try update(NodeRecord(identity), in: &contents)
            self.contents = contents
            // Behind the row: a crash between leaves a start that is later than the mark's, which is nothing odd.
            try lock.mark(identity, database: directory.database)
            guard copy != nil else { return }
            copy = nil
            try settle()
        }
    }

    /// Says whether the database is whole without its write-ahead log; before the log is emptied, it must.
    func store(isCleanStop: Bool) throws(StorageError) {
        var contents = recovered()
        guard contents.node.isCleanStop != isCleanStop else { return }
        try update(NodeRecord(contents.node.identity, isCleanStop: isCleanStop), in: &contents)
        self.contents = contents
    }

    /// Takes over the name of the cluster that the state is of.
    func adopt(clusterID: String?, in contents: inout Contents) throws(StorageError) {
        guard let clusterID, clusterID != contents.node.identity.clusterID else { return }
        if let known = contents.node.identity.clusterID { throw foreignState(of: clusterID, in: known) }
        var record = contents.node
        record.identity.clusterID = clusterID
        try update(record, in: &contents)
    }

    private func update(_ record: NodeRecord, in contents: inout Contents) throws(StorageError) {
        record.bind(to: statements.updateNode)
        try connection.run(statements.updateNode, while: "storing the node's identity")
        contents.node = record
    }

    private func foreignState(of name: String, in known: String?) -> StorageError {
        .foreign(
            "\(directory.path): belongs to cluster \(known ?? "without a name"), but the state is that of cluster "
                + "\(name). Correct the services file or the data directory.")
    }
}
