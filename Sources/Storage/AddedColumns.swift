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

    func addMissingColumns() throws(StorageError) {
        for table in StateTable.allCases {
            for name in [table.name, table.changedName] {
                let missing = try missingColumns(of: table, in: name)
                if missing.isEmpty { continue }
                try execute("BEGIN IMMEDIATE")
                for column in table.addedColumns where missing.contains(column.name) {
                    try execute("ALTER TABLE \(name) ADD COLUMN \(column.name) \(column.type)")
                }
                try execute("COMMIT")
            }
        }
    }
}
