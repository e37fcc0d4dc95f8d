import CSQLite
import Metadata
import Raft

/// Reads a whole database and checks all of it; for recovery and for `verify`.
struct StoredNode {
    let connection: Connection
    /// Of the tables; only a database that is being opened may have an earlier one than ours.
    private(set) var version = Schema.version

    /// The tables of this version of the program.
    init(connection: Connection) throws(StorageError) {
        self.connection = connection
        version = try connection.integer("PRAGMA user_version")
    }

    /// Refuses files that are no database of ours, or one of a later version.
    init(checking connection: Connection) throws(StorageError) {
        self.connection = connection
        try checkFormat()
    }

    /// Tells `progress` how many rows were read, now and then.
    struct RowCount {
        private(set) var rows = 0
        private(set) var reported = 0

        mutating func add(_ progress: (Int) -> Void) {
            rows += 1
            if rows - reported >= 50_000 {
                reported = rows
                progress(rows)
            }
        }
    }

    func damage(_ finding: String) -> StorageError { .damage(connection.path, finding) }

    private mutating func checkFormat() throws(StorageError) {
        let application = try connection.integer("PRAGMA application_id")
        if application == BackupRecord.applicationID { throw BackupRecord.refusal(to: connection.path) }
        guard application == Schema.applicationID else {
            throw damage("this is a SQLite database, but not one of a node (application_id \(application))")
        }
        version = try connection.integer("PRAGMA user_version")
        guard (FirstSchema.version...Schema.newest).contains(version) else {
            throw .failed(
                "\(connection.path): written with schema version \(version), this program knows \(Schema.newest). "
                    + "Use the version of the program that wrote it, or a newer one.")
        }
    }

    // The single rows

    func nodeRecord() throws(StorageError) -> NodeRecord {
        if version == FirstSchema.version { return try firstNodeRow().asNow }
        return try single(
            "node", NodeRecord.selection, NodeRecord.init, checksum: \.checksum, column: NodeRecord.checksumColumn)
    }

    func raftState() throws(StorageError) -> RaftStateRecord {
        try single("raft_state", RaftStateRecord.selection, RaftStateRecord.init, checksum: \.checksum, column: 3)
    }

    func checkpointRecord() throws(StorageError) -> CheckpointRecord {
        var record =
            switch version {
            case FirstSchema.version: try firstCheckpointRecord()
            case SecondSchema.version: try secondCheckpointRecord()
            default:
                try single(
                    "checkpoint", CheckpointRecord.selection, CheckpointRecord.init, checksum: \.checksum,
                    column: CheckpointRecord.checksumColumn)
            }
        record.counters.members = try members()
        if version >= LevelTable.version { try readLevel(into: &record.counters) }
        guard record.applied.index >= record.logBase.index else {
            throw damage("the checkpoint at \(record.applied) is behind the log's base \(record.logBase)")
        }
        return record
    }

    func single<Record>(
        _ table: String, _ sql: String, _ make: (Statement) throws(RowFault) -> Record,
        checksum: (Record) -> Int64, column: Int32
    ) throws(StorageError) -> Record {
        let statement = try connection.prepare(sql, isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        guard try connection.step(statement, while: "reading table \(table)") else {
            throw damage("table \(table) is empty instead of having one row")
        }
        let record: Record
        do { record = try make(statement) } catch {
            throw damage("the row of table \(table) has \(error.finding)")
        }
        guard statement.integer(column) == checksum(record) else {
            throw damage("the row of table \(table) fails its checksum")
        }
        guard try !connection.step(statement, while: "reading table \(table)") else {
            throw damage("table \(table) has more than one row")
        }
        return record
    }

    // The log

    /// Calls `body` with each entry behind `checkpoint.logBase`, each checked by itself and against its neighbours;
    /// returns the position of the last one.
    func readLog(
        behind checkpoint: CheckpointRecord, _ state: RaftStateRecord, _ body: (LogEntry) -> Void
    ) throws(StorageError) -> LogPosition {
        let statement = try connection.prepare(
            "SELECT log_index, term, timestamp, checksum, command_type, command_data FROM raft_log ORDER BY log_index",
            isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        var last = checkpoint.logBase
        var type = LogEntry.noop
        while try connection.step(statement, while: "reading the log behind entry \(last.index)") {
            let entry = try entry(statement, behind: last, type: &type)
            if entry.index == checkpoint.applied.index, entry.term != checkpoint.applied.term {
                throw damage(
                    "log entry \(entry.index) has term \(entry.term), but the checkpoint stands at "
                        + "\(checkpoint.applied)")
            }
            last = entry.position
            body(entry)
        }
        try checkEnd(last, checkpoint, state)
        return last
    }

    private func entry(
        _ statement: Statement, behind last: LogPosition, type: inout String
    ) throws(StorageError) -> LogEntry {
        let index = LogIndex(statement.unsigned(0))
        let term = Term(statement.unsigned(1))
        guard index.number == last.index.number &+ 1 else {
            throw damage("the log has no entry \(last.index.number &+ 1): \(last.index) is followed by \(index)")
        }
        let typeBytes = statement.rawBytes(4)
        let data = statement.rawBytes(5)
        let checksum = LogChecksum.of(
            index: index, term: term, timestamp: statement.integer(2), type: typeBytes, data: data)
        guard statement.integer(3) == Int64(checksum) else {
            throw damage("log entry \(index) of term \(term) fails its checksum")
        }
        guard term >= last.term else {
            throw damage("log entry \(index) has term \(term), less than \(last.term) before it")
        }
        // One string for a run of entries of a type.
        if !typeBytes.elementsEqual(type.utf8) { type = String(decoding: typeBytes, as: UTF8.self) }
        return LogEntry(index: index, term: term, type: type, data: [UInt8](data), timestamp: statement.integer(2))
    }

    private func checkEnd(
        _ last: LogPosition, _ checkpoint: CheckpointRecord, _ state: RaftStateRecord
    ) throws(StorageError) {
        guard last.index >= state.logReaches else {
            throw damage("the log ends at entry \(last.index), but it reached entry \(state.logReaches)")
        }
        guard last.index >= checkpoint.applied.index else {
            throw damage("the log ends at entry \(last.index), before the checkpoint at \(checkpoint.applied)")
        }
        guard last.term <= state.hardState.currentTerm else {
            throw damage(
                "log entry \(last.index) has term \(last.term), above the current term "
                    + "\(state.hardState.currentTerm)")
        }
    }

    // The state tables

    /// The state machine that the node's own rows restore, those that are still on their way into the tables included;
    /// not yet compared with any digest.
    func readState(
        _ checkpoint: CheckpointRecord, _ count: inout RowCount, _ progress: (Int) -> Void
    ) throws(StorageError) -> MetadataStateMachine {
        let select = { (table: StateTable) throws(StorageError) in
            let missing = try connection.missingColumns(of: table.addedColumns, in: table.name)
            return checkpoint.changed.isEmpty
                ? table.selection(from: table.name, without: missing) : table.mergedSelection(without: missing)
        }
        let tables = try connection.stateTables(at: version)
        switch try readRows(checkpoint.counters, of: tables, from: \.name, select, &count, progress) {
        case .success(let metadata): return metadata
        case .failure(let fault): throw damage(fault.finding)
        }
    }

    /// The state machine that the rows which `select` finds restore, or why they can be no state. `name`: for people.
    func readRows(
        _ counters: Counters, of tables: [StateTable], from name: (StateTable) -> String,
        _ select: (StateTable) throws(StorageError) -> String, _ count: inout RowCount, _ progress: (Int) -> Void
    ) throws(StorageError) -> Result<MetadataStateMachine, RowFault> {
        var metadata = MetadataStateMachine(counters: counters)
        for table in tables {
            let statement = try connection.prepare(try select(table), isPersistent: false)
            defer { sqlite3_finalize(statement.handle) }
            while try connection.step(statement, while: "reading table \(name(table))") {
                switch RowColumns.row(of: table, in: statement) {
                case .failure(let fault): return .failure(RowFault(finding: "table \(name(table)): \(fault.finding)"))
                case .success(let row):
                    do { try metadata.restore(row) } catch {
                        return .failure(RowFault(finding: "table \(name(table)): \(error.description)"))
                    }
                }
                count.add(progress)
            }
        }
        do { try metadata.finishRestoration() } catch { return .failure(RowFault(finding: error.description)) }
        return .success(metadata)
    }
}
