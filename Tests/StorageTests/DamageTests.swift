import Metadata
import Raft
import Storage
import Testing

/// Every kind of damage stops the start with its finding, and `verify` names it too.
@Suite struct DamageTests {
    private let counters = Counters(clusterID: "c1", version: 7, revision: 8, partitionsCreated: 9)

    /// A closed node: log 5…400 of term 1, state at 1/6.
    private func closedNode() throws -> TestDirectory {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...400), term: 2, vote: 3)])
        try store.checkpoint(
            checkpoint(sampleRows, at: position(6), counters: counters, compactThrough: position(4)))
        try store.close()
        return directory
    }

    static let changes: [(sql: String, finding: String)] = [
        ("UPDATE raft_log SET command_data = 'PUT\n/k9\nw' WHERE log_index = 9", "log entry 9 of term 1 fails"),
        ("UPDATE raft_log SET command_data = CAST(command_data AS BLOB) || x'00' WHERE log_index = 9", "log entry 9"),
        ("UPDATE raft_log SET command_type = 'DEL' WHERE log_index = 10", "log entry 10 of term 1 fails"),
        ("UPDATE raft_log SET timestamp = timestamp + 1 WHERE log_index = 11", "log entry 11 of term 1 fails"),
        ("UPDATE raft_log SET term = 2 WHERE log_index = 12", "log entry 12 of term 2 fails"),
        ("UPDATE raft_log SET checksum = checksum + 1 WHERE log_index = 13", "log entry 13 of term 1 fails"),
        ("UPDATE raft_log SET log_index = 401 WHERE log_index = 400", "no entry 400"),
        ("DELETE FROM raft_log WHERE log_index = 5", "the log has no entry 5: 4 is followed by 6"),
        ("DELETE FROM raft_log WHERE log_index = 100", "the log has no entry 100"),
        ("DELETE FROM raft_log WHERE log_index = 400", "the log ends at entry 399, but it reached entry 400"),
        ("DELETE FROM raft_log", "the log ends at entry 4, but it reached entry 400"),
        ("UPDATE raft_state SET current_term = 9", "raft_state fails its checksum"),
        ("UPDATE raft_state SET voted_for = NULL", "raft_state fails its checksum"),
        ("UPDATE raft_state SET log_reaches = 1", "raft_state fails its checksum"),
        ("DELETE FROM raft_state", "raft_state is empty"),
        ("INSERT INTO raft_state SELECT * FROM raft_state", "raft_state has more than one row"),
        ("UPDATE node SET cluster_id = 'c2'", "node fails its checksum"),
        ("UPDATE node SET directory_id = '00000000000000010000000000000003'", "node fails its checksum"),
        ("UPDATE node SET directory_id = '1'", "node has an unreadable directory_id, \"1\""),
        ("UPDATE node SET directory_id = upper(hex(zeroblob(15)) || 'fA')", "node has an unreadable directory_id"),
        ("UPDATE node SET born_at = 0", "node fails its checksum"),
        ("UPDATE node SET run_number = 8", "node fails its checksum"),
        ("UPDATE node SET run_nonce = '3fb'", "node fails its checksum"),
        ("UPDATE node SET run_nonce = ''", "node has an unreadable run_nonce, \"\""),
        ("UPDATE node SET electors = '[1, 2]'", "node has unreadable electors, [1, 2]"),
        ("UPDATE node SET electors = '[1]'", "node fails its checksum"),
        ("UPDATE node SET settled = 0", "node fails its checksum"),
        ("UPDATE node SET settled = 2", "neither 0 nor 1"),
        ("UPDATE node SET floor_term = 9", "node fails its checksum"),
        ("UPDATE node SET floor_index = 9", "node fails its checksum"),
        ("UPDATE node SET clean_stop = 0", "node fails its checksum"),
        ("UPDATE node SET members = '[]'", "node fails its checksum"),
        ("UPDATE node SET members = replace(members, 'true', 'false')", "node fails its checksum"),
        (
            "UPDATE node SET members = replace(members, '\"generation\":0', '\"generation\":1')",
            "node fails its checksum"
        ),
        ("UPDATE node SET members = replace(members, ':', ': ')", "node has unreadable members, [{"),
        ("UPDATE node SET members = members || ' '", "node has unreadable members"),
        ("UPDATE node SET members = substr(members, 2)", "node has unreadable members"),
        ("UPDATE node SET members = substr(members, 1, length(members) - 1)", "node has unreadable members"),
        ("UPDATE node SET members = substr(members, 1, 9)", "node has unreadable members"),
        ("UPDATE node SET members = '[,]'", "node has unreadable members, [,]"),
        ("UPDATE node SET members = ''", "node has unreadable members, "),
        ("UPDATE node SET members = replace(members, 'null', 'nil')", "node has unreadable members"),
        ("UPDATE node SET members = replace(members, '\"id\":1', '\"id\":01')", "node has unreadable members"),
        ("UPDATE node SET members = replace(members, '7/3fa', '7/3FA')", "node has unreadable members"),
        ("UPDATE checkpoint SET cluster_id = 'c2'", "checkpoint fails its checksum"),
        ("UPDATE checkpoint SET applied_index = 7", "checkpoint fails its checksum"),
        ("UPDATE checkpoint SET log_base_index = 5", "checkpoint fails its checksum"),
        ("UPDATE checkpoint SET version = 8", "checkpoint fails its checksum"),
        ("UPDATE checkpoint SET digest = 'x'", "checkpoint fails its checksum"),
        ("UPDATE kv SET value = 'w' WHERE key = '/a'", "the state tables have the digest"),
        ("DELETE FROM kv WHERE key = '/a'", "the state tables have the digest"),
        ("UPDATE kv SET mod_revision = 2 WHERE key = '/a'", "the state tables have the digest"),
        ("INSERT INTO kv VALUES ('/x', 'y', 1, 1, 1, NULL, NULL)", "the state tables have the digest"),
        ("UPDATE broker SET status = 'ONLINE'", "the state tables have the digest"),
        ("UPDATE broker SET status = 'odd' WHERE id = 101", "broker 101 has the status \"odd\""),
        ("UPDATE partition SET replicas = '[1,]' WHERE id = 1", "partition orders/1 has unreadable replicas"),
        ("UPDATE partition SET replicas = '[+102,101]' WHERE id = 1", "partition orders/1 has unreadable replicas"),
        ("UPDATE partition SET isr = '[0102]' WHERE id = 1", "partition orders/1 has unreadable replicas"),
        ("UPDATE partition SET leader_epoch = 7 WHERE id = 1", "the state tables have the digest"),
        ("UPDATE topic SET retention_ms = 7", "the state tables have the digest"),
        ("DROP TABLE kv", "no such table: kv"),
        ("ALTER TABLE raft_log DROP COLUMN checksum", "no column named checksum"),
        ("PRAGMA application_id = 5", "not one of a node"),
    ]

    @Test(arguments: changes) func findsChangedRows(sql: String, finding: String) throws {
        let directory = try closedNode()
        try directory.sql(sql)
        expectDamage(finding) { _ = try reopen(directory) }
    }

    @Test(arguments: changes) func verificationFindsChangedRows(sql: String, finding: String) throws {
        // `ADD COLUMN` and the like are found by preparing the writer's statements, which a check does not need.
        let directory = try closedNode()
        try directory.sql(sql)
        let verification = try Verification.verify(directory: directory.path)
        let text = verification.findings.joined(separator: "\n")
        #expect(text.contains(finding) || finding.contains("column"), "\(text)")
        #expect(!verification.isSound)
    }

    @Test func refusesAnotherSchemaVersion() throws {
        let directory = try closedNode()
        try directory.sql("PRAGMA user_version = 99")
        guard case .failed(let text)? = storageError({ _ = try reopen(directory) }) else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("schema version 99"))
    }

    /// One bit in each page, in the page's own header and in its content.
    @Test func findsFlippedBitsInTheDatabase() throws {
        let directory = try closedNode()
        let size = try directory.bytes(of: "node.db").count
        let sound = try reopen(directory.crashImage())
        var found = 0
        for page in stride(from: 0, to: size, by: 4096) {
            for offset in [0, 3, 5, 9, 200, 2048, 4000, 4090] {
                let image = try directory.crashImage()
                try image.flip("node.db", at: page + offset)
                do {
                    // In free space and counters a flipped bit changes nothing that is stored.
                    let node = try reopen(image)
                    #expect(node.entries == sound.entries && node.hardState == sound.hardState)
                    #expect(node.metadata.digest == sound.metadata.digest)
                } catch StorageError.damaged {
                    found += 1
                } catch StorageError.failed(let text) {
                    // The header fields that say "written by another version" or the like.
                    #expect(page == 0, "\(text)")
                    found += 1
                }
            }
        }
        #expect(found > 20)
    }

    @Test func findsAnOverwrittenHeader() throws {
        let directory = try closedNode()
        var bytes = try directory.bytes(of: "node.db")
        bytes.replaceSubrange(0..<100, with: [UInt8](repeating: 0, count: 100))
        try directory.write(bytes, to: "node.db")
        expectDamage("SQLITE_NOTADB") { _ = try reopen(directory) }
        let findings = try Verification.verify(directory: directory.path).findings
        #expect(findings.count == 1 && findings[0].contains("SQLITE_NOTADB"), "\(findings)")
    }

    @Test(arguments: [1, 2, 3, 5]) func findsATruncatedDatabase(pages: Int) throws {
        let directory = try closedNode()
        try directory.write(Array(directory.bytes(of: "node.db").prefix(pages * 4096)), to: "node.db")
        expectDamage("SQLITE_CORRUPT") { _ = try reopen(directory) }
        #expect(try !Verification.verify(directory: directory.path).isSound)
    }

    @Test func neverStartsEmptyInAUsedDirectory() throws {
        let directory = try closedNode()
        try directory.write([], to: "node.db")
        expectDamage("the file is empty, but node.lock says that node 1 kept its data here. To start anew on purpose") {
            _ = try reopen(directory)
        }
        try directory.remove("node.db")
        expectDamage("the file is missing, but node.lock says") { _ = try reopen(directory) }
        #expect(try Verification.verify(directory: directory.path).findings.count == 1)
        #expect(!directory.exists("node.db"))
        // On purpose.
        try directory.remove("node.lock")
        #expect(try reopen(directory).entries.isEmpty)
    }

    @Test func neverStartsEmptyBesideAWriteAheadLog() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...4))])
        let image = try directory.crashImage()
        try image.remove("node.db")
        try image.remove("node.lock")
        expectDamage("its write-ahead log") { _ = try reopen(image) }
        #expect(image.exists("node.db-wal"))
        withExtendedLifetime(store) {}
    }

    @Test func noticesARemovedWriteAheadLog() throws {
        let directory = try TestDirectory()
        do {
            let (store, _) = try NodeStore.open(directory)
            try store.commit([write(entries(1...4))])
        }
        #expect(directory.exists("node.db-shm"))
        try directory.remove("node.db-wal")
        expectDamage("node.db-wal was removed after an unclean stop") { _ = try reopen(directory) }
        #expect(try !Verification.verify(directory: directory.path).isSound)
    }

    @Test func anUnfinishedCreationIsNoDamage() throws {
        let directory = try TestDirectory()
        try directory.write([], to: "node.db")
        try directory.write(Array("node 1 new\npid 5\n".utf8), to: "node.lock")
        #expect(try reopen(directory).entries.isEmpty)
        #expect(try directory.bytes(of: "node.lock").starts(with: Array("node 1 initialized\n".utf8)))
    }

    @Test func refusesAnotherNodesData() throws {
        let directory = try closedNode()
        for hasLock in [true, false] {
            if !hasLock { try directory.remove("node.lock") }
            guard case .foreign(let text)? = storageError({ _ = try NodeStore.open(directory, node: 2) }) else {
                Issue.record("accepted")
                return
            }
            #expect(text.contains("node 1") && text.contains("node 2"))
        }
        #expect(try reopen(directory).entries.count == 396)
    }
}
