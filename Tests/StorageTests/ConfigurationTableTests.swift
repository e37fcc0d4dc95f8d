import Metadata
import Raft
import Storage
import Testing

/// Who is a member, in the log and as of the checkpoint; and that programs which can not read it are kept away.
@Suite struct ConfigurationTableTests {
    private static let members = Counters.Members(
        index: 2,
        text: Configuration([
            .init(id: NodeID(1), directory: DirectoryID(high: 1, low: 2), host: "node1", port: 9091),
            .init(id: NodeID(2), directory: DirectoryID(high: 3, low: 4), role: .learner, host: "node2", port: 9092),
        ]).text)

    private static let counters = Counters(clusterID: "c1", version: 1, revision: 1, members: members)

    private static func entries() -> [LogEntry] {
        [
            entry(1),
            LogEntry(
                index: LogIndex(2), term: Term(1), type: LogEntry.configuration, data: Array(members.text.utf8),
                timestamp: 1),
            entry(3),
        ]
    }

    @Test("the first entry about the members changes the schema in its own transaction, none before does")
    func schemaFollowsTheLog() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write([entry(1)], term: 1)])
        #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["3"], "the release before can read it")
        try store.commit([write(Array(Self.entries().dropFirst()))])
        #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["4"])
        let node = try reopen(directory.crashImage())
        #expect(node.entries.map(\.type) == ["PUT", LogEntry.configuration, "PUT"])
        #expect(node.metadata.counters.members == nil, "the checkpoint stands before it")
    }

    @Test func checkpointHoldsTheMembers() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(Self.entries(), term: 1)])
        try store.checkpoint(
            checkpoint(sampleRows, at: position(3), counters: Self.counters, compactThrough: position(3)))
        let node = try reopen(directory.crashImage())
        #expect(node.entries.isEmpty && node.metadata.counters.members == Self.members)
        #expect(try directory.sql("SELECT data FROM configuration", readOnly: true) == [Self.members.text])
        try store.close()
        #expect(try Verification.verify(directory: directory.path).isSound)
    }

    @Test func snapshotBringsTheMembers() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write([], term: 1)])
        try store.beginStaging()
        try store.stage(sampleRows)
        let digest = try machine(sampleRows, Self.counters).digest
        guard
            case .installed = try store.installStaged(
                position: position(20), counters: Self.counters, digest: digest)
        else { return #expect(Bool(false), "it was not installed") }
        #expect(try reopen(directory.crashImage()).metadata.counters.members == Self.members)
    }

    @Test func damageIsNoticed() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(Self.entries(), term: 1)])
        try store.checkpoint(checkpoint(sampleRows, at: position(3), counters: Self.counters))
        try store.close()
        try directory.sql("UPDATE configuration SET data = replace(data, 'node1', 'node9')")
        #expect(throws: StorageError.self) { try reopen(directory) }
        #expect(try !Verification.verify(directory: directory.path).isSound)
    }
}
