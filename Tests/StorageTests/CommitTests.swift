import Metadata
import Raft
import Storage
import Testing

@Suite struct CommitTests {
    @Test func aNewDirectoryIsEmpty() throws {
        let directory = try TestDirectory()
        let (_, node) = try NodeStore.open(directory)
        #expect(node.hardState == HardState())
        #expect(node.entries.isEmpty)
        #expect(node.logBase == .zero && node.applied == .zero)
    }

    @Test func createsMissingDirectories() throws {
        let parent = try TestDirectory()
        let store = try NodeStore(directory: parent.path + "/a/b/node1", node: NodeID(1))
        _ = try store.recover { _ in }
        #expect(parent.exists("a/b/node1/node.db"))
    }

    @Test func remembersWhatWasCommitted() throws {
        let directory = try TestDirectory()
        do {
            let (store, _) = try NodeStore.open(directory)
            try store.commit([write(term: 3, vote: 2)])
            try store.commit([write([entry(1, term: 2)])])
            try store.commit([write([entry(2, term: 3), entry(3, term: 3, "")], term: 4)])
            // Not closed: as after a crash.
        }
        let node = try reopen(directory)
        #expect(node.hardState == HardState(currentTerm: Term(4), votedFor: nil))
        #expect(node.entries == [entry(1, term: 2), entry(2, term: 3), entry(3, term: 3, "")])
    }

    @Test func closingLeavesOneFileThatSaysTheSame() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...10), term: 1)])
        try store.close()
        #expect(!directory.exists("node.db-wal"))
        #expect(try reopen(directory).entries == entries(1...10))
    }

    @Test func truncatesBeforeItAppends() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...5), term: 1)])
        try store.commit([write(entries(4...6, term: 2), term: 2, truncateFrom: 4)])
        try store.close()
        #expect(try reopen(directory).entries == entries(1...3) + entries(4...6, term: 2))
    }

    @Test func truncationBelowTheRecordedEndIsNoDamage() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...5), term: 1)])
        try store.checkpointWAL(minimumFrames: 1)
        #expect(try directory.sql("SELECT log_reaches FROM raft_state") == ["5"])
        try store.commit([write(term: 2, truncateFrom: 3)])
        #expect(try reopen(directory.crashImage()).entries == entries(1...2))
    }

    @Test func aGroupOfWritesIsAppliedInOrder() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([
            write(entries(1...3), term: 1), write(truncateFrom: 2), write(entries(2...2, term: 2), term: 2, vote: 1),
            write(entries(3...4, term: 2)), write(),
        ])
        try store.commit([])
        let node = try reopen(directory.crashImage())
        #expect(node.entries == entries(1...1) + entries(2...4, term: 2))
        #expect(node.hardState == HardState(currentTerm: Term(2), votedFor: NodeID(1)))
    }

    @Test func keepsAnyBytes() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        let payloads: [[UInt8]] = [
            [], [0], Array("{\"a\":1}".utf8), [0xff, 0xfe], Array("e\u{301} \u{e9} 🚀".utf8), [0x61, 0x00, 0x62],
            [0xc0, 0x80], [0xed, 0xa0, 0x80], Array(0...255), [UInt8](repeating: 0x41, count: 100_000),
        ]
        let written = payloads.enumerated().map { offset, bytes in
            LogEntry(
                index: LogIndex(UInt64(offset + 1)), term: Term(1), type: offset % 2 == 0 ? "PUT" : "Any\u{0}Type",
                data: bytes, timestamp: -Int64(offset))
        }
        try store.commit([write(written, term: 1)])
        #expect(try reopen(directory.crashImage()).entries == written)
        #expect(
            try directory.sql("SELECT typeof(command_data) FROM raft_log")
                == ["text", "blob", "text", "blob", "text", "blob", "blob", "blob", "blob", "text"])
    }

    @Test func keepsNumbersOfAllBits() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(term: .max, vote: .max)])
        #expect(
            try reopen(directory.crashImage()).hardState
                == HardState(currentTerm: Term(.max), votedFor: NodeID(.max)))
    }

    @Test func anEntryThatIsThereIsNotReplaced() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        // Behind the store's back.
        try directory.sql("INSERT INTO raft_log VALUES (1, 1, 'PUT', 'x', 0, 0)")
        expectDamage("SQLITE_CONSTRAINT_PRIMARYKEY") { try store.commit([write([entry(1)])]) }
        // The store refuses everything after.
        expectDamage("SQLITE_CONSTRAINT_PRIMARYKEY") { try store.commit([write(term: 9)]) }
        expectDamage("SQLITE_CONSTRAINT_PRIMARYKEY") { try store.checkpointWAL(minimumFrames: 0) }
    }

    @Test func foreignReaderSeesCommitsAndDoesNotDisturb() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        for index in 1...20 {
            try store.commit([write([entry(UInt64(index))], term: 1)])
            #expect(try directory.sql("SELECT max(log_index) FROM raft_log", readOnly: true) == ["\(index)"])
            if index % 5 == 0 { try store.checkpointWAL(minimumFrames: 1) }
        }
        #expect(store.measure().uncheckpointedFrames == 0)
    }

    @Test func theLogIsReadable() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write([entry(1, "PUT\n/config/ä\nv1")], term: 1)])
        #expect(try directory.sql("SELECT command_data FROM raft_log", readOnly: true) == ["PUT\n/config/ä\nv1"])
    }
}
