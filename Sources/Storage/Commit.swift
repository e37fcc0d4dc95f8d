import CSQLite
import Metadata
import Raft

extension NodeStore {
    /// Applies the writes in order in one transaction; durable on return.
    public func commit(_ writes: [Write]) throws(StorageError) {
        try perform { () throws(StorageError) in
            var contents = recovered()
            let statementCount = writes.reduce(0) { count, write in
                count + write.entries.count + (write.hardState == nil ? 0 : 1) + (write.truncateFrom == nil ? 0 : 2)
            }
            // The first entry of some types changes the schema as well.
            let changesSchema = { writes.contains { $0.entries.contains { Self.minimumSchema($0) > contents.schema } } }
            if statementCount > 1 || changesSchema() {
                try transaction { () throws(StorageError) in try apply(writes, to: &contents) }
            } else {
                // One statement is a transaction by itself, for two statements less.
                try apply(writes, to: &contents)
            }
            self.contents = contents
        }
    }

    private func apply(_ writes: [Write], to contents: inout Contents) throws(StorageError) {
        var state = contents.state
        for write in writes {
            if let hardState = write.hardState { state.hardState = hardState }
            if let index = write.truncateFrom {
                precondition(index > contents.checkpoint.applied.index, "truncation of an applied entry")
                if index <= contents.lastIndex {
                    try statements.log.truncate(from: index)
                    contents.lastIndex = index.previous
                    state.logReaches = min(state.logReaches, contents.lastIndex)
                }
            }
            for entry in write.entries {
                precondition(entry.index == contents.lastIndex.next, "a gap or an overlap in the log")
                switch Self.minimumSchema(entry) {
                case ConfigurationTable.version: try prepareForMembers(in: &contents)
                case LevelTable.version: try prepareForLevels(in: &contents)
                default: break
                }
                try statements.log.insert(entry)
                contents.lastIndex = entry.index
            }
        }
        if state != contents.state { try update(state, in: &contents) }
    }

    /// What a program must know that may open a log with this entry.
    private static func minimumSchema(_ entry: LogEntry) -> Int64 {
        switch entry.type {
        case LogEntry.configuration: ConfigurationTable.version
        case Command.levelType: LevelTable.version
        default: Schema.version
        }
    }

    private func update(_ state: RaftStateRecord, in contents: inout Contents) throws(StorageError) {
        state.bind(to: statements.updateState)
        try connection.run(statements.updateState, while: "storing term and vote")
        contents.state = state
    }

    /// What ``recover(progress:)`` found and later writes made of it.
    func recovered() -> Contents {
        guard let contents else { preconditionFailure("recover first: nothing may be written to unchecked data") }
        precondition(copy == nil, "a copy is written to before its identity is stored")
        return contents
    }

    /// Stores where the state tables stand, and the cluster's name when it is new.
    func update(_ record: CheckpointRecord, in contents: inout Contents) throws(StorageError) {
        try store(record.counters.members, in: &contents)
        try storeLevel(record.counters, in: &contents)
        record.bind(to: statements.updateCheckpoint)
        try connection.run(statements.updateCheckpoint, while: "storing the checkpoint")
        contents.checkpoint = record
        try adopt(clusterID: record.counters.clusterID, in: &contents)
    }

    /// Moves committed WAL frames into the database when there are enough of them. For moments without load.
    public func checkpointWAL(minimumFrames: Int) throws(StorageError) {
        try perform { () throws(StorageError) in
            guard frames.areDue(max(1, minimumFrames)), !isHeld else { return }
            try checkFileIsInPlace()
            try moveLogIntoDatabase(SQLITE_CHECKPOINT_PASSIVE)
        }
    }

    func moveLogIntoDatabase(_ mode: Int32) throws(StorageError) {
        try recordLogEnd()
        try frames.move(mode)
    }

    /// Records the log's end before its pages leave the protection of the WAL's checksums.
    func recordLogEnd() throws(StorageError) {
        var contents = recovered()
        if contents.state.logReaches != contents.lastIndex {
            var state = contents.state
            state.logReaches = contents.lastIndex
            try update(state, in: &contents)
            self.contents = contents
        }
        // What another program may leave of the files after a crash holds no less; an older copy of them does.
        try lock.note(reaches: contents.lastIndex)
    }

    /// In WAL mode SQLite goes on writing to a file that somebody has removed.
    func checkFileIsInPlace() throws(StorageError) {
        var hasMoved: Int32 = 0
        let code = sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_HAS_MOVED, &hasMoved)
        if code == SQLITE_OK && hasMoved != 0 {
            throw .failed(
                "\(directory.database): was moved or removed while the node was running. "
                    + "Put it back with its -wal file, then start the node again.")
        }
    }
}
