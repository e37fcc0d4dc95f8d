import Foundation
import Metadata
import Raft
import Storage
import Testing

/// Backups that are taken of a held database.
@Suite struct HeldBackupTests {
    private let counters = Counters(clusterID: "c1", version: 4, revision: 9, partitionsCreated: 2)

    /// A node with the sample rows as of entry 30, and ten more entries in its log.
    private func node() throws -> (TestDirectory, NodeStore) {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...40), term: 5, vote: 1)])
        try store.checkpoint(checkpoint(sampleRows, at: position(30), counters: counters))
        return (directory, store)
    }

    private func take(_ hold: DatabaseHold, meanwhile: () -> Void = {}) throws -> BackupContent {
        var isFirst = true
        return try BackupCopy(of: hold).make(
            createdAt: 7,
            isInTime: {
                if isFirst { meanwhile() }
                isFirst = false
                return true
            }, released: {})
    }

    /// The content as a file.
    private func save(_ content: BackupContent, in directory: TestDirectory, _ name: String = "backup") throws -> String
    {
        var bytes: [UInt8] = []
        while bytes.count < content.size { content.append(3000, at: Int64(bytes.count), to: &bytes) }
        #expect(bytes.count == Int(content.size))
        var hash = SHA256()
        hash.update(bytes)
        #expect(hash.finish() == content.sha256)
        try directory.write(bytes, to: name)
        return directory.path + "/" + name
    }

    private func rows(_ file: String) throws -> [Row] {
        var rows: [Row] = []
        try RestoredState(BackupFile(path: file)).forEachRow { row throws(RestoreError) in rows.append(row) }
        return rows
    }

    @Test func holdsTheStateOfItsMomentAndNothingElse() throws {
        let (directory, store) = try node()
        let content = try take(try store.holdDatabase())
        #expect(content.record.applied == position(30))
        #expect(content.record.term == Term(5))
        #expect(content.record.counters == counters)
        #expect(!directory.exists("backup.tmp"))
        let file = try save(content, in: directory)
        #expect(try BackupFile(path: file).verify { _ in } == sampleRows.count)
        let sorted = try machine(sampleRows, counters)
        var expected: [Row] = []
        sorted.forEachRow { expected.append($0) }
        #expect(Set(try rows(file).map { "\($0)" }) == Set(expected.map { "\($0)" }))
        // The entries' commands are nowhere in it.
        let text = try directory.bytes(of: "backup")
        #expect(!text.contains(Array("PUT\n/k".utf8)))
        try store.close()
    }

    /// Nothing moves into the file while it is held, however much is written; afterwards everything does.
    @Test func commitsAndCheckpointsGoOnMeanwhile() throws {
        let (directory, store) = try node()
        let hold = try store.holdDatabase()
        let before = try directory.bytes(of: "node.db")
        var index: UInt64 = 40
        let content = try take(hold) {
            for _ in 0..<60 {
                try? store.commit([write(entries(index + 1...index + 40, term: 5))])
                index += 40
                try? store.checkpointWAL(minimumFrames: 1)
            }
            _ = try? store.checkpoint(
                checkpoint(sampleRows, at: position(35), counters: counters))
            try? store.checkpointWAL(minimumFrames: 1)
            #expect((try? directory.bytes(of: "node.db")) == before)
        }
        let file = try save(content, in: directory)
        #expect(try BackupFile(path: file).verify { _ in } == sampleRows.count)
        #expect(content.record.applied == position(30))
        try store.checkpointWAL(minimumFrames: 1)
        #expect(store.measure().uncheckpointedFrames == 0)
        #expect(try directory.bytes(of: "node.db") != before)
        try store.close()
        #expect(try reopen(directory).entries.last?.index == LogIndex(index))
    }

    /// A reader of another process keeps the WAL from being moved: then it comes along.
    @Test func aForeignReaderDoesNotMatter() throws {
        let (directory, store) = try node()
        let shell = try Shell(directory.database)
        #expect(try shell.ask("BEGIN; SELECT count(*) FROM broker") == "2")
        let more = sampleRows + [pair("/later", revision: 9)]
        try store.commit([write(entries(41...60, term: 5))])
        try store.checkpoint(checkpoint([more.last!], at: position(50, term: 5), counters: counters).adding(sampleRows))
        let hold = try store.holdDatabase()
        #expect(hold.writeAheadLogBytes > 0)
        let content = try take(hold) { try? store.commit([write(entries(61...100, term: 5))]) }
        shell.close()
        let file = try save(content, in: directory)
        #expect(try BackupFile(path: file).verify { _ in } == more.count)
        #expect(content.record.applied == position(50, term: 5))
        try store.close()
    }

    /// Of a checkpoint in slices, whose rows are beside the tables.
    @Test func aCheckpointOnItsWayIsBroughtToItsEnd() throws {
        let (directory, store) = try node()
        store.limits.whole = 1
        store.limits.slice = 700
        let changed = (0..<5).map { pair("/more\($0)", revision: 9) }
        try store.checkpoint(checkpoint(changed, at: position(35), counters: counters).adding(sampleRows))
        for _ in 0..<7 { _ = try store.continueCheckpoint() }
        #expect(store.isCheckpointing)
        let file = try save(try take(try store.holdDatabase()), in: directory)
        #expect(try BackupFile(path: file).verify { _ in } == sampleRows.count + 5)
        while try !store.continueCheckpoint() {}
        try store.close()
        #expect(try reopen(directory).applied == position(35))
    }

    @Test func aNodeThatStopsGivesItUp() throws {
        let (directory, store) = try node()
        let hold = try store.holdDatabase()
        #expect {
            _ = try take(hold) { try? store.close() }
        } throws: { error in
            error as? BackupFailure == .abandoned("the node is stopped")
        }
        #expect(!directory.exists("backup.tmp"))
        #expect(try reopen(directory).entries.count == 40)
    }

    @Test func oneThatTakesTooLongIsGivenUp() throws {
        let (directory, store) = try node()
        let hold = try store.holdDatabase()
        #expect(throws: BackupFailure.self) {
            _ = try BackupCopy(of: hold).make(createdAt: 7, isInTime: { false }, released: {})
        }
        #expect(!hold.isActive)
        #expect(!directory.exists("backup.tmp"))
        // And the next one can be made.
        _ = try save(try take(try store.holdDatabase()), in: directory)
        try store.close()
    }

    /// What SQLite's locks are for: a shell that may write, and quits, takes itself for the last one otherwise, and removes
    /// the log of a node that runs.
    @Test func locksAreKept() throws {
        let (directory, store) = try node()
        _ = try take(try store.holdDatabase())
        try store.commit([write(entries(41...45, term: 5))])
        #expect(try quittingShell(directory.database, "SELECT count(*) FROM raft_log") == "45\n")
        #expect(directory.exists("node.db-wal"))
        try store.commit([write(entries(46...50, term: 5))])
        try store.close()
        #expect(try reopen(directory).entries.count == 50)
    }

    @Test func noNodeStartsFromOne() throws {
        let (directory, store) = try node()
        _ = try save(try take(try store.holdDatabase()), in: directory)
        try store.close()
        let other = try TestDirectory()
        try other.write(try directory.bytes(of: "backup"), to: "node.db")
        expectDamage("this is a backup") { _ = try NodeStore(directory: other.path, node: NodeID(1)) }
        expectDamage("not a backup") { _ = try BackupFile(path: directory.database) }
        #expect(try other.bytes(of: "node.db") == directory.bytes(of: "backup"))
        #expect(try Verification.verify(directory: other.path).findings.first?.contains("this is a backup") == true)
    }

    @Test(arguments: [0, 100, 5000, 17_000]) func damageIsFound(offset: Int) throws {
        let (directory, store) = try node()
        _ = try save(try take(try store.holdDatabase()), in: directory)
        try store.close()
        let bytes = try directory.bytes(of: "backup")
        var damaged = bytes
        // Some places are padding, where nothing is to be found: so many bytes are not.
        for position in offset..<min(offset + 4000, bytes.count) { damaged[position] ^= 0x10 }
        try directory.write(damaged, to: "backup")
        #expect(throws: StorageError.self) {
            _ = try BackupFile(path: directory.path + "/backup").verify { _ in }
        }
    }
}

extension Checkpoint {
    /// With the digest of all rows that are there then.
    fileprivate func adding(_ rows: [Row]) throws -> Checkpoint {
        var whole = self
        var all = rows
        for change in changes { if let row = change.row { all.append(row) } }
        whole.digest = try machine(all, counters).digest
        return whole
    }
}

/// A `sqlite3` that may write, and quits at once.
private func quittingShell(_ database: String, _ sql: String) throws -> String {
    let process = Process()
    let output = Pipe()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = ["sqlite3", database, sql]
    process.standardOutput = output
    try process.run()
    defer { process.waitUntilExit() }
    return String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
}
