import CSQLite
import Metadata
import Raft

/// Table `configuration`: who is a member, as of the checkpoint. It comes with the first entry that says so, and with it a
/// schema version that programs without such entries refuse: they would go by their services file, beside the cluster.
enum ConfigurationTable {
    /// That of a database which has the table.
    static let version: Int64 = 4

    static let creation = """
        CREATE TABLE IF NOT EXISTS configuration ( -- no row while the checkpoint stands before the first such entry
          log_index INTEGER NOT NULL,
          data TEXT NOT NULL, -- JSON, as in raft_log
          checksum INTEGER NOT NULL
        )
        """

    static func checksum(_ members: Counters.Members) -> Int64 {
        var crc = CRC32C()
        crc.update(members.index)
        crc.update(members.text)
        return Int64(crc.value)
    }
}

extension StoredNode {
    /// The members as of the checkpoint; `nil` if no entry has named them so far.
    func members() throws(StorageError) -> Counters.Members? {
        version >= ConfigurationTable.version ? try readMembers() : nil
    }

    func readMembers() throws(StorageError) -> Counters.Members? {
        let statement = try connection.prepare(
            "SELECT log_index, data, checksum FROM configuration", isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        guard try connection.step(statement, while: "reading table configuration") else { return nil }
        let members = Counters.Members(index: statement.unsigned(0), text: statement.text(1))
        guard statement.integer(2) == ConfigurationTable.checksum(members), Configuration(text: members.text) != nil
        else { throw damage("the row of table configuration fails its checksum, or is no list of members") }
        guard try !connection.step(statement, while: "reading table configuration") else {
            throw damage("table configuration has more than one row")
        }
        return members
    }
}

extension NodeStore {
    /// Within a transaction: from now on the members are in this database, and programs that can not read them refuse it.
    func prepareForMembers(in contents: inout Contents) throws(StorageError) {
        guard contents.schema < ConfigurationTable.version else { return }
        try connection.execute(ConfigurationTable.creation)
        try connection.execute("PRAGMA user_version=\(ConfigurationTable.version)")
        contents.schema = ConfigurationTable.version
    }

    /// Within the transaction that moves the checkpoint.
    func store(_ members: Counters.Members?, in contents: inout Contents) throws(StorageError) {
        guard let members, members != contents.checkpoint.counters.members else { return }
        try prepareForMembers(in: &contents)
        try connection.execute("DELETE FROM configuration")
        try connection.insert("INSERT INTO configuration (log_index, data, checksum) VALUES (?1, ?2, ?3)") { row in
            row.bind(1, members.index)
            row.bind(2, members.text)
            row.bind(3, ConfigurationTable.checksum(members))
        }
    }
}
