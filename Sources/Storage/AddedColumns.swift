import CSQLite

// Columns that came with later releases. Nothing that the ones before would notice: they name the columns that they read and
// write, and these are NULL until the level of metadata.version admits what they hold.
extension Connection {
    /// Those of ``StateTable/addedColumns`` that the table does not have.
    func missingColumns(of table: StateTable, in name: String) throws(StorageError) -> Set<String> {
        guard !table.addedColumns.isEmpty else { return [] }
        var missing = Set(table.addedColumns.map(\.name))
        let statement = try prepare("SELECT name FROM pragma_table_info('\(name)')", isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        while try step(statement, while: "reading the columns of table \(name)") { missing.remove(statement.text(0)) }
        return missing
    }

    /// All at once: who reads a table and what is on its way into it asks the table only.
    func addMissingColumns() throws(StorageError) {
        var statements: [String] = []
        for table in StateTable.allCases {
            for name in [table.name, table.changedName] {
                let missing = try missingColumns(of: table, in: name)
                for column in table.addedColumns where missing.contains(column.name) {
                    statements.append("ALTER TABLE \(name) ADD COLUMN \(column.name) \(column.type)")
                }
            }
        }
        guard !statements.isEmpty else { return }
        for statement in ["BEGIN IMMEDIATE"] + statements + ["COMMIT"] { try execute(statement) }
    }
}
