import CSQLite
import Metadata
import Raft

// A checkpoint of many rows is many transactions, so that the log's never wait for long. A crash between two of them must
// leave one state or the other, and no row by row mixture could be told from damage. So the changed rows are gathered
// beside the tables first; the transaction that adds the last of them moves the checkpoint; then they go into the tables,
// and whoever reads these meanwhile looks at the changed ones as well. What a checkpoint usually is, a few rows, is one
// transaction without that detour.

/// How much one transaction holds. Costs are bytes and a constant for each row or entry.
package struct SliceLimits: Sendable {
    /// What a row costs beside its bytes, so that a bound on costs is one on rows.
    package var rowCost = 512
    /// Of a checkpoint that is written at once.
    package var whole = 8 * 1024 * 1024
    /// Of the slices of one that is not.
    package var slice = 1024 * 1024

    package init() {}
}

/// A checkpoint on its way.
struct UnfinishedCheckpoint {
    var checkpoint: Checkpoint
    /// Of ``Checkpoint/changes``; taken, and not written yet. Not empty while there are more.
    var taken: ArraySlice<RowChange> = []
    var isRecorded = false
    /// The place of the next changed row.
    var place: UInt64 = 0
}

extension NodeStore {
    /// Brings the state tables to `checkpoint` and deletes the log behind: at once, or as much of it as one transaction should
    /// hold; the rest is for ``continueCheckpoint()``. Returns whether it is done.
    @discardableResult
    public func checkpoint(_ checkpoint: Checkpoint) throws(StorageError) -> Bool {
        try perform { () throws(StorageError) in
            try checkFileIsInPlace()
            let contents = recovered()
            precondition(unfinished == nil, "a checkpoint while another one is on its way")
            let applied = contents.checkpoint.applied
            precondition(
                checkpoint.position.index >= applied.index && checkpoint.position.term >= applied.term,
                "a checkpoint behind the last one")
            precondition(checkpoint.position.index <= contents.lastIndex, "a checkpoint beyond the log")
            if let position = checkpoint.compactThrough {
                precondition(position.index <= checkpoint.position.index, "compaction of what is not applied")
            }
            var next = UnfinishedCheckpoint(checkpoint: checkpoint)
            let changes = take(&next, limit: limits.whole)
            guard next.taken.isEmpty else {
                next.taken = changes + next.taken
                unfinished = next
                return false
            }
            next.isRecorded = true
            return try write(changes, next)
        }
    }

    /// Whether ``continueCheckpoint()`` has something to do.
    public var isCheckpointing: Bool { unfinished != nil }
    /// Where the tables will stand when it has nothing more to do.
    public var checkpointInProgress: LogPosition? { unfinished?.checkpoint.position }

    /// One more transaction of the checkpoint that is on its way. Returns whether it was the last.
    public func continueCheckpoint() throws(StorageError) -> Bool {
        try perform { () throws(StorageError) in
            guard let unfinished else { return true }
            if !unfinished.isRecorded { return try record(unfinished) }
            if recovered().checkpoint.changed.isEmpty { return try write([], unfinished) }
            return try merge()
        }
    }

    /// Changes whose costs are about `limit` altogether, at least one.
    private func take(_ checkpoint: inout UnfinishedCheckpoint, limit: Int) -> [RowChange] {
        var changes: [RowChange] = []
        var cost = 0
        while let change = checkpoint.taken.popFirst() ?? checkpoint.checkpoint.changes.next() {
            cost += limits.cost(of: change)
            guard changes.isEmpty || cost <= limit else {
                checkpoint.taken = [change] + checkpoint.taken
                break
            }
            changes.append(change)
        }
        return changes
    }

    /// Writes the rows straight into the tables, and deletes a part of the log.
    private func write(_ changes: [RowChange], _ checkpoint: UnfinishedCheckpoint) throws(StorageError) -> Bool {
        var contents = recovered()
        let goal = checkpoint.checkpoint
        var isDone = false
        try transaction { () throws(StorageError) in
            if goal.counters.level > 1 { try prepareForLevels(in: &contents) }
            try apply(changes)
            let logBase = try compact(goal, from: contents.checkpoint.logBase)
            try forgetPast(goal.counters.horizon)
            isDone = logBase.index >= (goal.compactThrough ?? .zero).index && !hasToForget(goal.counters.horizon)
            let record = CheckpointRecord(
                applied: goal.position, logBase: logBase, counters: goal.counters, digest: goal.digest)
            try update(record, in: &contents)
        }
        self.contents = contents
        unfinished = isDone ? nil : checkpoint
        return isDone
    }

    private func apply(_ changes: [RowChange]) throws(StorageError) {
        for change in changes {
            let table = StateTable.holding(change.key)
            let statement: Statement
            if let row = change.row {
                statement = statements.upsert(table)
                RowColumns.bind(row, to: statement)
            } else {
                statement = statements.deletion(table)
                RowColumns.bind(change.key, to: statement)
            }
            try connection.run(statement, while: "writing table \(table.name)")
        }
    }

    /// Deletes one step of the log; returns the position of the last entry that is gone.
    private func compact(_ goal: Checkpoint, from base: LogPosition) throws(StorageError) -> LogPosition {
        guard let last = goal.compactThrough, last.index > base.index else { return base }
        let position = goal.compactionSteps.first { $0.index > base.index } ?? last
        guard try statements.log.term(at: position.index) == position.term else {
            throw .damage(directory.database, "the log has no entry \(position)")
        }
        try statements.log.compact(through: position.index)
        return position
    }

    // In slices

    /// Gathers changed rows beside the tables. With the last of them the checkpoint moves.
    private func record(_ checkpoint: UnfinishedCheckpoint) throws(StorageError) -> Bool {
        var next = checkpoint
        var contents = recovered()
        let changes = take(&next, limit: limits.slice)
        try transaction { () throws(StorageError) in
            if checkpoint.checkpoint.counters.level > 1 { try prepareForLevels(in: &contents) }
            for change in changes {
                try record(change, at: next.place)
                next.place += UInt64(limits.cost(of: change))
            }
            guard next.taken.isEmpty else { return }
            next.isRecorded = true
            let goal = checkpoint.checkpoint
            var record = CheckpointRecord(
                applied: goal.position, logBase: contents.checkpoint.logBase, counters: goal.counters,
                digest: goal.digest)
            record.changed = 0..<next.place
            try update(record, in: &contents)
        }
        self.contents = contents
        unfinished = next
        return false
    }

    private func record(_ change: RowChange, at place: UInt64) throws(StorageError) {
        let table = StateTable.holding(change.key)
        let statement = statements.record(table)
        let columns = Int32(table.keyColumns.count + table.otherColumns.count)
        if let row = change.row {
            RowColumns.bind(row, to: statement)
        } else {
            for column in 1...columns { statement.bindNull(column) }
            RowColumns.bind(change.key, to: statement)
        }
        statement.bind(columns + 1, change.row == nil)
        statement.bind(columns + 2, place)
        try connection.run(statement, while: "writing table \(table.changedName)")
    }

    /// Brings a slice of the changed rows into the tables. Returns whether nothing of the checkpoint is left to do.
    private func merge() throws(StorageError) -> Bool {
        var contents = recovered()
        var record = contents.checkpoint
        let end = min(record.changed.lowerBound + UInt64(limits.slice), record.changed.upperBound)
        try transaction { () throws(StorageError) in
            for table in StateTable.present(at: contents.schema) {
                for statement in statements.mergers(table) {
                    statement.bind(1, record.changed.lowerBound)
                    statement.bind(2, end)
                    try connection.run(statement, while: "writing table \(table.name)")
                }
            }
            record.changed = end < record.changed.upperBound ? end..<record.changed.upperBound : 0..<0
            try update(record, in: &contents)
        }
        self.contents = contents
        guard record.changed.isEmpty else { return false }
        guard let goal = unfinished?.checkpoint else { return true }
        let isDone =
            (goal.compactThrough ?? .zero).index <= record.logBase.index && !hasToForget(goal.counters.horizon)
        if isDone { unfinished = nil }
        return isDone
    }

    /// Ends what a crash has left of a checkpoint: it is brought to its end, or had not moved and is forgotten.
    func settleCheckpoint() throws(StorageError) {
        while !recovered().checkpoint.changed.isEmpty {
            _ = try merge()
            if frames.waiting >= 1000 { try moveLogIntoDatabase(SQLITE_CHECKPOINT_PASSIVE) }
        }
        let tables = StateTable.present(at: recovered().schema).map { "SELECT 1 FROM \($0.changedName)" }.joined(
            separator: " UNION ALL ")
        guard try connection.integer("SELECT EXISTS (\(tables))") != 0 else { return }
        try transaction { () throws(StorageError) in try forgetChangedRows() }
    }

    func forgetChangedRows() throws(StorageError) {
        for table in StateTable.present(at: recovered().schema) {
            try connection.execute("DELETE FROM \(table.changedName)")
        }
    }
}

extension SliceLimits {
    func cost(of change: RowChange) -> Int { rowCost + (change.row?.size ?? 0) }
}
