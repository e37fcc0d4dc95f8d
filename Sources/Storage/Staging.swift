import CSQLite
import Metadata
import Raft

/// The tables that a snapshot gathers in while it is being received.
struct Staging {
    fileprivate let insertions: [StateTable: Statement]
}

/// What became of a received snapshot.
public enum SnapshotInstallation: Sendable {
    /// It is in force.
    case installed(MetadataStateMachine)
    /// The rows are not what was announced, and why. Nothing of this node's was touched, and the store goes on: the damage is
    /// the sender's, or came on the way.
    case rejected(String)
}

extension NodeStore {
    /// Forgets an earlier, unfinished staging.
    public func beginStaging() throws(StorageError) {
        try perform { () throws(StorageError) in
            _ = recovered()
            try dropStaging()
            try transaction { () throws(StorageError) in
                for table in StateTable.allCases {
                    try connection.execute(table.creation(name: table.stagingName))
                }
            }
            var insertions: [StateTable: Statement] = [:]
            for table in StateTable.allCases {
                insertions[table] = try connection.prepare(table.insertion(into: table.stagingName))
            }
            staging = Staging(insertions: insertions)
        }
    }

    /// Adds rows of a snapshot that is being received; durable only with ``installStaged(position:counters:digest:)``, which
    /// also looks whether they make sense together: a row whose key is there already is passed over here.
    public func stage(_ rows: [Row]) throws(StorageError) {
        try perform { () throws(StorageError) in
            guard let staging else { preconditionFailure("stage without beginStaging") }
            try transaction { () throws(StorageError) in
                for row in rows {
                    let table = StateTable.holding(row.key)
                    let statement = staging.insertions[table]!
                    RowColumns.bind(row, to: statement)
                    try connection.run(statement, while: "writing table \(table.stagingName)")
                }
            }
            // A snapshot may be larger than the WAL should ever be.
            if frames.waiting >= 1000, !isHeld { try moveLogIntoDatabase(SQLITE_CHECKPOINT_PASSIVE) }
        }
    }

    /// Replaces the state by the staged rows and the whole log by nothing, in one transaction, if the rows' digest is
    /// `digest`.
    public func installStaged(
        position: LogPosition, counters: Counters, digest: Digest
    ) throws(StorageError) -> SnapshotInstallation {
        try perform { () throws(StorageError) in
            guard let staging else { preconditionFailure("installStaged without beginStaging") }
            var contents = recovered()
            precondition(position.index > contents.checkpoint.applied.index, "a snapshot behind the applied state")
            // Before the transaction: one that is rolled back leaves frames in the WAL.
            let metadata: MetadataStateMachine
            switch try checkedStaging(counters, digest, position) {
            case .success(let checked): metadata = checked
            case .failure(let fault):
                try dropStaging()
                return .rejected(fault.finding)
            }
            self.staging = nil
            finalize(staging)
            try transaction { () throws(StorageError) in
                if counters.level > 1 { try prepareForLevels(in: &contents) }
                try replaceTables(contents.schema)
                // Of a checkpoint that was on its way, which this one overtakes.
                try forgetChangedRows()
                try connection.execute("DELETE FROM raft_log")
                let record = CheckpointRecord(
                    applied: position, logBase: position, counters: counters, digest: digest)
                try update(record, in: &contents)
                try update(logReaches: position.index, in: &contents)
            }
            contents.lastIndex = position.index
            self.contents = contents
            unfinished = nil
            return .installed(metadata)
        }
    }

    private func replaceTables(_ schema: Int64) throws(StorageError) {
        let tables = StateTable.present(at: schema)
        // A table that a view shows can not be renamed.
        if tables.contains(.pastVersion) { try connection.execute(LevelTable.dropView) }
        for table in tables {
            try connection.execute("DROP TABLE \(table.name)")
            try connection.execute("ALTER TABLE \(table.stagingName) RENAME TO \(table.name)")
        }
        for table in StateTable.allCases where !tables.contains(table) {
            try connection.execute("DROP TABLE \(table.stagingName)")
        }
        if tables.contains(.pastVersion) { try connection.execute(LevelTable.view) }
    }

    private func checkedStaging(
        _ counters: Counters, _ digest: Digest, _ position: LogPosition
    ) throws(StorageError) -> Result<MetadataStateMachine, RowFault> {
        var count = StoredNode.RowCount()
        let select = { (table: StateTable) in table.selection(from: table.stagingName) }
        let rows = try StoredNode(connection: connection)
            .readRows(counters, of: StateTable.allCases, from: \.stagingName, select, &count) { _ in }
        guard case .success(let metadata) = rows, metadata.digest != digest else { return rows }
        return .failure(
            RowFault(finding: "the snapshot of \(position) has the digest \(metadata.digest) instead of \(digest)"))
    }

    private func update(logReaches index: LogIndex, in contents: inout Contents) throws(StorageError) {
        contents.state.logReaches = index
        contents.state.bind(to: statements.updateState)
        try connection.run(statements.updateState, while: "storing the log's end")
    }

    /// Removes what an unfinished staging left.
    func dropStaging() throws(StorageError) {
        if let staging {
            self.staging = nil
            finalize(staging)
        }
        let names = StateTable.allCases.map(\.stagingName)
        let list = names.map { "'\($0)'" }.joined(separator: ", ")
        guard try connection.integer("SELECT count(*) FROM sqlite_schema WHERE name IN (\(list))") > 0 else { return }
        try transaction { () throws(StorageError) in
            for name in names { try connection.execute("DROP TABLE IF EXISTS \(name)") }
        }
    }

    private func finalize(_ staging: Staging) {
        for statement in staging.insertions.values { sqlite3_finalize(statement.handle) }
    }
}
