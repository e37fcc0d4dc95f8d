import Metadata
import Raft
import Storage
import Testing

@Suite struct VerificationTests {
    private let counters = Counters(clusterID: "c1", version: 7, revision: 8, partitionsCreated: 9)

    private func node() throws -> (TestDirectory, NodeStore) {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...40), term: 2, vote: 3)])
        try store.checkpoint(
            checkpoint(sampleRows, at: position(6), counters: counters, compactThrough: position(4)))
        try store.commit([write(entries(41...42, term: 2))])
        return (directory, store)
    }

    private func expectFigures(_ directory: TestDirectory) throws {
        let report = try Verification.verify(directory: directory.path)
        #expect(report.findings == [])
        #expect(report.isSound)
        #expect(report.node == NodeID(1) && report.clusterID == "c1")
        #expect(report.directoryID == newDirectory && report.members == sampleIdentity.members && report.copy == nil)
        #expect(report.hardState == HardState(currentTerm: Term(2), votedFor: NodeID(3)))
        #expect(report.logBase == position(4) && report.lastLog == position(42, term: 2) && report.entries == 38)
        #expect(report.applied == position(6) && report.rows == sampleRows.count)
        #expect(report.digest == (try machine(sampleRows, counters).digest))
    }

    @Test func reportsTheFiguresOfACleanlyStoppedNode() throws {
        let (directory, store) = try node()
        try store.close()
        try expectFigures(directory)
    }

    @Test func reportsTheFiguresOfACrashedNode() throws {
        let (directory, store) = try node()
        let image = try directory.crashImage()
        try expectFigures(image)
        withExtendedLifetime(store) {}
    }

    @Test func changesNothing() throws {
        let (directory, store) = try node()
        let crashed = try directory.crashImage()
        try store.close()
        for image in [crashed, directory] {
            let before = try image.contents()
            _ = try Verification.verify(directory: image.path)
            let after = try image.contents()
            #expect(after.keys.sorted() == before.keys.sorted())
            #expect(before.filter { after[$0.key] != $0.value }.keys.sorted() == [])
        }
    }

    @Test func namesAWrongDirectory() throws {
        let directory = try TestDirectory()
        guard case .failed(let text)? = storageError({ _ = try Verification.verify(directory: directory.path) }) else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("there is no database"))
        #expect(try directory.contents().isEmpty)
    }

    @Test func reportsDamageInLogAndStateTogether() throws {
        let (directory, store) = try node()
        try store.close()
        try directory.sql("UPDATE raft_log SET timestamp = 0 WHERE log_index = 20")
        try directory.sql("UPDATE kv SET version = 9")
        let findings = try Verification.verify(directory: directory.path).findings
        #expect(findings.count == 2)
        #expect(findings.first == "\(directory.database): log entry 20 of term 1 fails its checksum")
    }

    @Test func pathsMayHoldAnyCharacter() throws {
        let parent = try TestDirectory()
        let path = parent.path + "/a ?#%41ü&b"
        let store = try NodeStore(directory: path, node: NodeID(1))
        _ = try store.recover { _ in }
        try store.close()
        #expect(try Verification.verify(directory: path).isSound)
    }
}
