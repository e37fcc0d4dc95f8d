import CSQLite
import Metadata
import Raft
import Storage
import Testing

@Suite struct CheckpointTests {
    private let counters = Counters(clusterID: "c1", version: 7, revision: 8, partitionsCreated: 9)

    @Test func restoresStateAndLog() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...10), term: 1)])
        try store.checkpoint(
            checkpoint(sampleRows, at: position(6), counters: counters, compactThrough: position(4)))
        let node = try reopen(directory.crashImage())
        #expect(node.applied == position(6))
        #expect(node.logBase == position(4))
        #expect(node.entries == entries(5...10))
        #expect(node.metadata.counters == counters)
        #expect(node.metadata.digest == (try machine(sampleRows, counters).digest))
        #expect(try directory.sql("SELECT cluster_id FROM node", readOnly: true) == ["c1"])
    }

    @Test func updatesAndDeletesRows() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...10), term: 1)])
        try store.checkpoint(checkpoint(sampleRows, at: position(3), counters: counters))
        let changed = pair("/a", Array("other".utf8), revision: 2)
        let kept = sampleRows.prefix(5) + [changed]
        let digest = try machine(Array(kept), counters).digest
        let changes =
            [RowChange(key: changed.key, row: changed)]
            + sampleRows.suffix(6).map { RowChange(key: $0.key, row: nil) }
        try store.checkpoint(
            Checkpoint(
                position: position(9), changes: changes, counters: counters, digest: digest,
                compactThrough: position(9)))
        let node = try reopen(directory.crashImage())
        #expect(node.metadata.digest == digest)
        #expect(node.logBase == position(9) && node.entries == entries(10...10))
        #expect(try directory.sql("SELECT key || '=' || value FROM kv", readOnly: true) == ["/a=other"])
    }

    @Test func theTablesAreReadable() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...10), term: 1)])
        try store.checkpoint(checkpoint(sampleRows, at: position(3), counters: counters))
        let show = { try directory.sql($0, readOnly: true) }
        #expect(try show("SELECT replicas || isr FROM partition") == ["[101,102][101]", "[102,101][102]"])
        #expect(try show("SELECT typeof(value) FROM kv WHERE key IN ('/a', '/b/c') ORDER BY key") == ["text", "blob"])
        // Canonically equivalent keys are two keys.
        #expect(try show("SELECT value FROM kv WHERE value LIKE 'NF%' ORDER BY key") == ["NFD", "NFC"])
        #expect(try show("SELECT name || min_insync_replicas FROM topic") == ["orders1"])
    }

    @Test func theWholeLogMayGo() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...3), term: 1)])
        try store.checkpoint(checkpoint([], at: position(3), counters: counters, compactThrough: position(3)))
        try store.close()
        let (again, node) = try NodeStore.open(directory)
        #expect(node.entries.isEmpty && node.logBase == position(3))
        try again.commit([write(entries(4...4))])
        #expect(try reopen(directory.crashImage()).entries == entries(4...4))
    }

    @Test func tellsItsProgress() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write((1...60_000).map { entry($0, "x") }, term: 1)])
        try store.close()
        var told: [Int] = []
        _ = try NodeStore(directory: directory.path, node: NodeID(1)).recover { told.append($0) }
        #expect(told == [50_000, 60_000])
    }

    @Test func refusesTheStateOfAnotherCluster() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...3), term: 1)])
        try store.checkpoint(checkpoint([], at: position(2), counters: Counters(clusterID: "c1")))
        let error = storageError {
            try store.checkpoint(checkpoint([], at: position(3), counters: Counters(clusterID: "c2")))
        }
        guard case .foreign(let text)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(text.contains("c1") && text.contains("c2"))
        #expect(try reopen(directory.crashImage()).metadata.counters.clusterID == "c1")
    }

    @Test func movesTheWALWhenThereIsEnough() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        for index in 1...50 { try store.commit([write([entry(UInt64(index))])]) }
        #expect(store.measure().uncheckpointedFrames >= 50)
        try store.checkpointWAL(minimumFrames: 1000)
        #expect(store.measure().uncheckpointedFrames >= 50)
        let grown = store.measure()
        try store.checkpointWAL(minimumFrames: 50)
        #expect(store.measure().uncheckpointedFrames == 0)
        // The next commits begin the WAL anew instead of lengthening it.
        for index in 51...90 { try store.commit([write([entry(UInt64(index))])]) }
        #expect(store.measure().walBytes <= grown.walBytes + 3 * 4120)
        #expect(store.measure().databaseBytes > 0)
    }

    @Test func aLingeringReaderShowsInTheMeasurements() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...3), term: 1)])
        try store.checkpoint(checkpoint([pair("/a")], at: position(1)))
        let reader = try LingeringReader(directory)
        for index in 4...50 { try store.commit([write([entry(UInt64(index))])]) }
        try store.checkpointWAL(minimumFrames: 1)
        #expect(store.measure().uncheckpointedFrames > 40)
        reader.close()
        try store.checkpointWAL(minimumFrames: 1)
        #expect(store.measure().uncheckpointedFrames == 0)
    }
}

/// Somebody's open read transaction.
private final class LingeringReader {
    private var database: OpaquePointer?

    init(_ directory: TestDirectory) throws {
        try #require(sqlite3_open_v2(directory.database, &database, SQLITE_OPEN_READONLY, nil) == SQLITE_OK)
        try #require(sqlite3_exec(database, "BEGIN; SELECT count(*) FROM kv", nil, nil, nil) == SQLITE_OK)
    }

    func close() {
        sqlite3_close(database)
        database = nil
    }
}
