import CSQLite

// Columns and tables that came with later releases. Nothing that the ones before would notice: they name the columns that they read and
// write, and these are NULL until the level of metadata.version admits what they hold.

typealias AddedColumn = (name: String, type: String)

extension Connection {
    /// Those that the table does not have; none if it is not there.
    func missingColumns(of added: [AddedColumn], in name: String) throws(StorageError) -> Set<String> {
        guard !added.isEmpty else { return [] }
        var present: Set<String> = []
        let statement = try prepare("SELECT name FROM pragma_table_info('\(name)')", isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        while try step(statement, while: "reading the columns of table \(name)") { present.insert(statement.text(0)) }
        return present.isEmpty ? [] : Set(added.map(\.name)).subtracting(present)
    }

    /// The tables of the state that there are.
    func stateTables(at version: Int64) throws(StorageError) -> [StateTable] {
        var missing: Set<StateTable> = []
        for table in StateTable.added
        where try integer("SELECT count(*) FROM sqlite_schema WHERE name = '\(table.name)'") == 0 {
            missing.insert(table)
        }
        return StateTable.present(at: version).filter { !missing.contains($0) }
    }

    /// All at once: who reads a table and what is on its way into it asks the table only.
    func addMissing() throws(StorageError) {
        let version = try integer("PRAGMA user_version")
        let present = try stateTables(at: version)
        var statements = StateTable.present(at: version).filter { !present.contains($0) }.flatMap(\.creations)
        let tables = StateTable.allCases.flatMap { table in
            [table.name, table.changedName].map { (name: $0, added: table.addedColumns) }
        }
        for table in tables + [(name: LevelTable.name, added: LevelTable.addedColumns)] {
            let missing = try missingColumns(of: table.added, in: table.name)
            for column in table.added where missing.contains(column.name) {
                statements.append("ALTER TABLE \(table.name) ADD COLUMN \(column.name) \(column.type)")
            }
        }
        guard !statements.isEmpty else { return }
        for statement in ["BEGIN IMMEDIATE"] + statements + ["COMMIT"] { try execute(statement) }
    }
}
