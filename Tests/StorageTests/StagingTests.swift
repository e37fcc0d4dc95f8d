import Metadata
import Raft
import Storage
import Testing

@Suite struct StagingTests {
    private let counters = Counters(clusterID: "c1", version: 7, revision: 8, partitionsCreated: 9)

    /// A directory with `sampleRows` at 1/6.
    private func filled() throws -> (TestDirectory, NodeStore) {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...10), term: 1)])
        try store.checkpoint(
            checkpoint(sampleRows, at: position(6), counters: counters, compactThrough: position(4)))
        return (directory, store)
    }

    @Test func installsWhatIsStaged() throws {
        let digest = try machine(sampleRows, counters).digest
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...2), term: 3, vote: 2)])
        try store.checkpoint(
            checkpoint([pair("/old")], at: position(1), counters: Counters(clusterID: "c1", revision: 1)))

        try store.beginStaging()
        try store.stage([pair("/from an earlier attempt")])
        try store.beginStaging()
        for row in sampleRows { try store.stage([row]) }
        guard
            case .installed(let metadata) = try store.installStaged(
                position: position(6), counters: counters, digest: digest)
        else {
            Issue.record("the snapshot was rejected")
            return
        }
        #expect(metadata.digest == digest)

        // Life goes on behind the snapshot, and the renamed tables are written.
        try store.commit([write(entries(7...8))])
        let rows = sampleRows + [pair("/more")]
        try store.checkpoint(
            Checkpoint(
                position: position(8), changes: [RowChange(key: rows.last!.key, row: rows.last!)], counters: counters,
                digest: try machine(rows, counters).digest, compactThrough: nil))
        for image in [try directory.crashImage(), directory] {
            if image === directory { try store.close() }
            let node = try reopen(image)
            #expect(node.applied == position(8) && node.logBase == position(6))
            #expect(node.entries == entries(7...8))
            #expect(node.hardState == HardState(currentTerm: Term(3), votedFor: NodeID(2)))
            #expect(node.metadata.counters == counters)
            #expect(try image.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE '%staged%'") == ["0"])
        }
    }

    @Test func aCrashBeforeTheInstallationLeavesTheOldState() throws {
        let (directory, store) = try filled()
        try store.beginStaging()
        try store.stage([pair("/new")])
        let image = try directory.crashImage()
        let node = try reopen(image)
        #expect(node.applied == position(6) && node.entries == entries(5...10))
        #expect(node.metadata.digest == (try machine(sampleRows, counters).digest))
        #expect(try image.sql("SELECT count(*) FROM sqlite_schema WHERE name LIKE 'staged%'") == ["0"])
    }

    /// What another node sends says nothing about this one's data: it goes on, and takes the next snapshot.
    @Test(arguments: [[("/new", "a")], [("/new", "a"), ("/new", "b")], [("no key", "a")]])
    func rejectsRowsThatAreNotWhatWasAnnounced(rows: [(key: String, value: String)]) throws {
        let (directory, store) = try filled()
        try store.beginStaging()
        try store.stage(rows.map { pair($0.key, Array($0.value.utf8)) })
        let sound = [pair("/new"), pair("/newer")]
        let digest = try machine(sound, counters).digest
        guard
            case .rejected = try store.installStaged(position: position(20), counters: counters, digest: digest)
        else {
            Issue.record("the snapshot was installed")
            return
        }
        #expect(try reopen(directory.crashImage()).applied == position(6))

        try store.commit([write(entries(11...12))])
        try store.beginStaging()
        try store.stage(sound)
        guard case .installed = try store.installStaged(position: position(20), counters: counters, digest: digest)
        else {
            Issue.record("the next snapshot was rejected")
            return
        }
        #expect(try reopen(directory.crashImage()).applied == position(20))
    }

    @Test func aLargeStagingKeepsTheWALSmall() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.beginStaging()
        let value = [UInt8](repeating: 0x61, count: 1000)
        for chunk in 0..<40 { try store.stage((0..<500).map { pair("/\(chunk)/\($0)", value) }) }
        #expect(store.measure().databaseBytes > 19 << 20)
        #expect(store.measure().walBytes < 16 << 20)
    }
}
