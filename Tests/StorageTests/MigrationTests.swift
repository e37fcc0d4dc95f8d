import CSQLite
import FoundationEssentials
import Metadata
import Raft
import Storage
import Testing

/// Data directories of earlier releases, as their programs left them (`Fixtures`, the tables as SQL).
@Suite struct MigrationTests {
    struct Release: CustomTestStringConvertible, Sendable {
        var name: String
        var node: UInt64
        var clusterID: String
        var bornAt: Int64
        /// As that release's own `verify` printed it.
        var digest: String
        /// Whether everything is in the write-ahead log, as a killed process leaves it.
        var isKilled: Bool

        var testDescription: String { name }
    }

    static let releases = [
        Release(
            name: "release-1-stopped", node: 1, clusterID: "de462e0fe7a81e0c8f8e40a5331d379d",
            bornAt: 1_795_736_924_363,
            digest: "d30dd01ccb35fa5dffa65fdec4020fbe", isKilled: false),
        Release(
            name: "release-1-killed", node: 2, clusterID: "85514afbb5fa4ca210f70e53b3af41ca", bornAt: 1_795_736_929_676,
            digest: "0ff80a916d44b875f4426fabe15d851c", isKilled: true),
    ]

    private func open(
        _ directory: TestDirectory, _ release: Release, newDirectory: DirectoryID = newDirectory
    ) throws -> (NodeStore, RecoveredNode) {
        let store = try NodeStore(
            directory: directory.path, node: NodeID(release.node), newDirectory: newDirectory)
        return (store, try store.recover { _ in })
    }

    private func expectSame(_ node: RecoveredNode, as release: Release) {
        #expect(node.entries.map(\.index.number) == Array(1...9) && node.logBase == .zero)
        #expect(node.entries[6].data == Array("PUT\n/config/bytes\n".utf8) + [0xff, 0x00, 0x10])
        #expect(node.hardState == HardState(currentTerm: Term(1), votedFor: NodeID(release.node)))
        #expect(node.applied == position(7))
        #expect(node.metadata.digest.description == release.digest)
        #expect(node.metadata.counters.clusterID == release.clusterID)
        #expect(node.copy == nil)
    }

    @Test(arguments: releases) func keepsEverythingAndNamesTheDirectory(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        var expected = NodeIdentity(node: NodeID(release.node), directory: newDirectory)
        expected.clusterID = release.clusterID
        expected.bornAt = release.bornAt
        // Whether the first start after the change ends in order, before its first identity, or goes on.
        for end in 0..<3 {
            let (store, node) = try open(directory, release, newDirectory: DirectoryID(high: 1, low: end == 0 ? 2 : 9))
            expectSame(node, as: release)
            #expect(node.identity == expected)
            if end == 0 { continue }
            try store.store(node.identity)
            if end == 2 { try store.close() }
        }
        #expect(try directory.sql("PRAGMA user_version") == ["3"])
        #expect(try directory.text(of: "node.lock").contains("\ndirectory \(newDirectory)\n"))
        #expect(try Verification.verify(directory: directory.path).isSound)
    }

    /// Whoever checks first learns the same, and finds the files unchanged.
    @Test(arguments: releases) func isVerifiedWithoutMigration(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        let before = try directory.contents()
        let report = try Verification.verify(directory: directory.path)
        #expect(report.findings == [] && report.digest.description == release.digest && report.entries == 9)
        #expect(report.node == NodeID(release.node) && report.clusterID == release.clusterID)
        #expect(report.directoryID == nil && report.members == [] && report.copy == nil)
        #expect(try directory.contents() == before)
    }

    /// Nobody could decide about a list that has none before it.
    @Test(arguments: releases) func itsMembersAreNotChangedBeforeItKnowsThem(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        let error = storageError {
            _ = try NodeStore.changeMembers(
                directory: directory.path, to: (1...5).map { NodeID($0) }, newDirectory: newDirectory)
        }
        guard case .foreign(let text)? = error else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("Start all nodes once with the present list"))
        let (store, node) = try open(directory, release)
        expectSame(node, as: release)
        #expect(node.identity.members.isEmpty)
        try store.close()
    }

    /// A log that was compacted no longer knows when the cluster was born.
    @Test func doesNotInventTheBirth() throws {
        let directory = try TestDirectory()
        let release = Self.releases[0]
        try directory.build(release.name, isKilled: false)
        var checksum = CRC32C()
        for number in [7, 1, 1, 1, 3, 3, 2] as [UInt64] { checksum.update(number) }
        checksum.update(release.digest)
        try directory.sql(
            "UPDATE checkpoint SET log_base_index = 1, log_base_term = 1, checksum = \(checksum.value)")
        try directory.sql("DELETE FROM raft_log WHERE log_index = 1")
        let (_, node) = try open(directory, release)
        #expect(node.logBase == position(1) && node.entries.count == 8)
        #expect(node.identity.bornAt == nil && node.identity.clusterID == release.clusterID)
    }

    /// Damaged data stay those of the release that wrote them.
    @Test func findsDamageBeforeItChangesAnything() throws {
        for (sql, finding) in [
            ("DELETE FROM raft_log WHERE log_index = 1", "the log has no entry 1"),
            ("UPDATE broker SET port = 1", "the state tables have the digest"),
            ("UPDATE node SET cluster_id = 'c2'", "node fails its checksum"),
            ("UPDATE node SET schema_version = 2", "node fails its checksum"),
            ("UPDATE checkpoint SET revision = 9", "checkpoint fails its checksum"),
            ("DELETE FROM node", "node is empty"),
        ] {
            let directory = try TestDirectory()
            try directory.build("release-1-stopped", isKilled: false)
            try directory.sql(sql)
            expectDamage(finding) { _ = try open(directory, Self.releases[0]) }
            #expect(try !Verification.verify(directory: directory.path).isSound)
            #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["1"])
        }
    }

    @Test func leavesAnotherNodesDataAsTheyAre() throws {
        let directory = try TestDirectory()
        try directory.build("release-1-stopped", isKilled: false)
        try directory.remove("node.lock")
        guard case .foreign? = storageError({ _ = try open(directory, Self.releases[1]) }) else {
            Issue.record("accepted")
            return
        }
        #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["1"])
    }

    @Test func aFormerBackupInANewDirectoryIsACopy() throws {
        let directory = try TestDirectory()
        try directory.build("release-1-stopped", isKilled: false)
        let backup = try directory.bytes(of: "node.db")
        do {
            let (store, node) = try open(directory, Self.releases[0])
            try store.store(node.identity)
            try store.close()
        }
        try directory.write(backup, to: "node.db")
        for _ in 1...2 {
            let (_, node) = try open(directory, Self.releases[0], newDirectory: DirectoryID(high: 3, low: 3))
            #expect(node.copy?.contains("node.lock names directory \(newDirectory)") == true)
        }
    }
}

extension MigrationTests {
    static let secondReleases = [
        Release(
            name: "release-2-stopped", node: 1, clusterID: "ee40879c41e80e461a227be61282f142",
            bornAt: 1_795_747_920_629, digest: "750b32b81d92cadf3b28ab5fc0de01e5", isKilled: false),
        Release(
            name: "release-2-killed", node: 1, clusterID: "1e67ca44775ad79bd4263fc86a9bdda1",
            bornAt: 1_795_747_924_810, digest: "7614d9b17f3358ec8034c9f4cc8f85b8", isKilled: true),
    ]

    /// The second release had names for directories: they stay.
    @Test(arguments: secondReleases) func theSecondReleaseKeepsItsNames(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        let applied = position(release.isKilled ? 9 : 7)
        let before = try directory.contents()
        let report = try Verification.verify(directory: directory.path)
        #expect(report.findings == [] && report.digest.description == release.digest && report.copy == nil)
        #expect(try directory.contents() == before)
        let name = try #require(report.directoryID)
        for end in 0..<3 {
            let (store, node) = try open(directory, release, newDirectory: DirectoryID(high: 1, low: 9))
            #expect(node.entries.map(\.index.number) == Array(1...9) && node.applied == applied && node.copy == nil)
            #expect(node.metadata.digest.description == release.digest)
            #expect(node.identity.directory == name && node.identity.clusterID == release.clusterID)
            #expect(node.identity.bornAt == release.bornAt)
            #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["3"])
            if end == 0 { continue }
            try store.store(node.identity)
            if end == 2 { try store.close() }
        }
        #expect(try directory.sql("SELECT schema_version FROM node") == ["3"])
        #expect(try Verification.verify(directory: directory.path).isSound)
    }

    @Test func theSecondReleasesDamageIsFound() throws {
        for (sql, finding) in [
            ("UPDATE broker SET port = 1", "the state tables have the digest"),
            ("UPDATE node SET schema_version = 3", "node fails its checksum"),
            ("UPDATE checkpoint SET revision = 9", "checkpoint fails its checksum"),
        ] {
            let directory = try TestDirectory()
            try directory.build("release-2-stopped", isKilled: false)
            try directory.sql(sql)
            expectDamage(finding) { _ = try open(directory, Self.secondReleases[0]) }
            #expect(try directory.sql("PRAGMA user_version", readOnly: true) == ["2"])
        }
    }
}

extension MigrationTests {
    static let fifthReleases = [
        Release(
            name: "release-5-stopped", node: 1, clusterID: "47dcaa0f5f5e58bc13f7c49c6e3fd027",
            bornAt: 1_795_819_616_879,
            digest: "20dd622ddde477e88b9f98a18805595c", isKilled: false),
        Release(
            name: "release-5-killed", node: 1, clusterID: "d45cc5775503af0d5e257d45d6c563a7", bornAt: 1_795_819_620_286,
            digest: "0c32eaa358dbcb4316f02dbe736b0b43", isKilled: true),
    ]

    /// The fifth schema has what keys were, transactions, leases and keys that are no text.
    @Test(arguments: fifthReleases) func theFifthReleaseKeepsItsPast(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        let before = try directory.contents()
        let report = try Verification.verify(directory: directory.path)
        #expect(report.findings == [] && report.digest.description == release.digest && report.copy == nil)
        #expect(try directory.contents() == before)
        for end in 0..<2 {
            let (store, node) = try open(directory, release)
            #expect(node.entries.map(\.index.number) == Array(1...(release.isKilled ? 13 : 12)) && node.copy == nil)
            #expect(node.applied == position(12) && node.metadata.digest.description == release.digest)
            #expect(node.identity.clusterID == release.clusterID && node.identity.bornAt == release.bornAt)
            expectPast(node.metadata)
            try store.store(node.identity)
            if end == 1 { try store.close() }
        }
        #expect(try directory.sql("PRAGMA user_version") == ["5"])
        #expect(try Verification.verify(directory: directory.path).isSound)
    }

    private func expectPast(_ state: MetadataStateMachine) {
        func key(_ text: String) -> Key { Key(validated: Array(text.utf8)) }
        #expect(state.counters.level == 2 && state.counters.revision == 8 && state.oldestRevision == 1)
        let past = state.versions(of: key("/config/a"), before: .max, limit: 9)
        #expect(past.count == 3, "\(past)")
        #expect((try? state.value(key("/config/b"), at: 4))??.value == Array("gone".utf8))
        #expect(state.value(key("/session/x"))?.lease == 7 && state.lease(7)?.ttlSeconds == 3600)
        #expect(state.value(key("/t/1"))?.modRevision == 7 && state.value(key("/t/2"))?.modRevision == 7)
        #expect(state.value(Key(validated: [0xff, 0x00, 0x78]))?.value == [0x00, 0x01, 0xff])
    }
}

extension MigrationTests {
    static let fourthLevels = [
        Release(
            name: "level-4-stopped", node: 1, clusterID: "7d00d3d7b67e54219da6dc58fa10c12f", bornAt: 1_795_859_190_488,
            digest: "850ed2f97cd5eb1aee5f79a2e600687e", isKilled: false),
        Release(
            name: "level-4-killed", node: 1, clusterID: "bcbee01f7bd47b88cf95af04376e924a", bornAt: 1_795_859_192_781,
            digest: "159e878975a766333d27b26dd2ea82bc", isKilled: true),
    ]

    /// Level 4 has topic ids, partition epochs, brokers with incarnations and a second placement; it knows no moves.
    @Test(arguments: fourthLevels) func theFourthLevelGoesOn(release: Release) throws {
        let directory = try TestDirectory()
        try directory.build(release.name, isKilled: release.isKilled)
        let before = try directory.contents()
        let report = try Verification.verify(directory: directory.path)
        #expect(report.findings == [] && report.digest.description == release.digest && report.copy == nil)
        #expect(try directory.contents() == before)
        for end in 0..<2 {
            let (store, node) = try open(directory, release)
            #expect(node.applied == position(10) && node.metadata.digest.description == release.digest)
            #expect(node.identity.clusterID == release.clusterID && node.identity.bornAt == release.bornAt)
            expectFourthLevel(node.metadata)
            try store.store(node.identity)
            if end == 1 { try store.close() }
        }
        #expect(try Verification.verify(directory: directory.path).isSound)
        #expect(try directory.sql("SELECT count(adding) FROM partition") == ["0"])
    }

    private func expectFourthLevel(_ state: MetadataStateMachine) {
        #expect(state.counters.level == 4 && state.counters.placementLevel == 2 && state.counters.version == 6)
        #expect(state.broker(103)?.incarnation?.fetches == true && state.broker(103)?.restrictions == [])
        let partition = state.partition("orders", 1)
        #expect(partition?.partitionEpoch == 1 && partition?.inSyncReplicas == [103] && partition?.reassignment == nil)
        // And goes on to the next one.
        var next = state
        _ = next.apply(.raiseLevel(to: 5), timestamp: 0)
        let move = AlterReassignments.Move(topic: .name("orders"), partition: 1, replicas: [103, 102])
        guard
            case .partitions(let results, _) = next.apply(
                .alterReassignments(AlterReassignments([move])), timestamp: 0
            ).result
        else {
            Issue.record("no move")
            return
        }
        #expect((try? results[0].partition.get())?.replicas == [103, 102, 101])
    }
}

extension TestDirectory {
    /// The files of a fixture; `isKilled` leaves all of it in the write-ahead log.
    fileprivate func build(_ name: String, isKilled: Bool) throws {
        let fixtures = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
        let sql = try String(contentsOf: fixtures.appending(path: name + ".sql"), encoding: .utf8)
        let mark = try Data(contentsOf: fixtures.appending(path: name + ".lock"))
        let source = try TestDirectory()
        var database: OpaquePointer?
        try #require(sqlite3_open(source.database, &database) == SQLITE_OK)
        defer { sqlite3_close(database) }
        let script = "PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0; \(sql)"
        try #require(sqlite3_exec(database, script, nil, nil, nil) == SQLITE_OK)
        if !isKilled { sqlite3_exec(database, "PRAGMA wal_checkpoint(TRUNCATE)", nil, nil, nil) }
        for file in ["node.db", "node.db-wal"] where isKilled || file == "node.db" {
            try write(source.bytes(of: file), to: file)
        }
        try write([UInt8](mark), to: "node.lock")
        if String(decoding: mark, as: UTF8.self).contains("inodes") { try adoptFiles() }
    }
}
