import Raft
import Storage
import Testing

/// The list of members is changed while the node is stopped, and nothing else is.
@Suite struct MembersChangeTests {
    private func node(_ members: [UInt64]) throws -> TestDirectory {
        let directory = try TestDirectory()
        let (store, node) = try NodeStore.open(directory)
        var identity = node.identity
        try identity.start(nonce: 5, members: members.map { NodeID($0) })
        identity.clusterID = "c1"
        try store.store(identity)
        try store.commit([write(entries(1...4), term: 1)])
        try store.checkpoint(checkpoint(sampleRows, at: position(3)))
        try store.close()
        return directory
    }

    private func change(_ directory: TestDirectory, to ids: [UInt64]) throws -> (before: [NodeID], after: [NodeID]) {
        let change = try NodeStore.changeMembers(
            directory: directory.path, to: ids.map { NodeID($0) }, newDirectory: DirectoryID(high: 7, low: 7))
        #expect(change.map(\.node) ?? NodeID(1) == NodeID(1))
        return (change?.before ?? [], change?.after ?? [])
    }

    @Test func changesTheListAndNothingElse() throws {
        let directory = try node([1])
        let before = try Verification.verify(directory: directory.path)
        let (old, new) = try change(directory, to: [3, 1, 2])
        #expect(old == [NodeID(1)] && new == [NodeID(1), NodeID(2), NodeID(3)])
        let report = try Verification.verify(directory: directory.path)
        #expect(report.isSound && report.copy == nil && report.directoryID == newDirectory)
        #expect(report.digest == before.digest && report.entries == before.entries)
        #expect(!directory.exists("node.db-wal"))
        let node = try reopen(directory)
        #expect(node.identity.ids == new && node.identity.electors == [NodeID(1)] && node.identity.isSettled)
        #expect(node.identity.run == Run(number: 1, nonce: 5))
        #expect(node.identity.members[0].directory == newDirectory && node.identity.members[1].directory == nil)
    }

    @Test func aSecondTimeChangesNothing() throws {
        let directory = try node([1, 2, 3])
        let (old, new) = try change(directory, to: [1, 2, 3])
        #expect(old == new)
        #expect(try reopen(directory).identity.isSettled)
    }

    @Test func theFormerMembersDecide() throws {
        let directory = try node([1, 2, 3])
        _ = try change(directory, to: [1, 2, 3, 4, 5])
        _ = try change(directory, to: [1, 4, 5])
        let identity = try reopen(directory).identity
        #expect(identity.electors == [NodeID(1), NodeID(2), NodeID(3)] && !identity.isSettled)
    }

    @Test func thereMayBeNothingToChange() throws {
        let directory = try TestDirectory()
        #expect(try change(directory, to: [1, 2]).before == [])
        #expect(try directory.contents().isEmpty)
        #expect(
            try NodeStore.changeMembers(
                directory: directory.path + "/none", to: [NodeID(1)], newDirectory: newDirectory
            ) == nil)
        #expect(!directory.exists("none"))
    }

    @Test func aListWithoutTheNodeIsRefused() throws {
        let directory = try node([1])
        let before = try directory.contents()
        guard case .foreign(let text)? = storageError({ _ = try change(directory, to: [2, 3]) }) else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("holds the data of node 1, which is none of the members 2, 3"))
        #expect(try directory.contents() == before)
    }

    @Test func aCopyIsRefusedAndStaysOne() throws {
        let directory = try node([1])
        try directory.remove("node.lock")
        guard case .foreign(let text)? = storageError({ _ = try change(directory, to: [1, 2]) }) else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("no node.lock beside it"))
        let node = try reopen(directory)
        #expect(node.copy != nil && node.identity.ids == [NodeID(1)])
    }

    @Test func damageIsFoundBefore() throws {
        let directory = try node([1])
        try directory.sql("UPDATE broker SET port = 1")
        let before = try directory.contents()
        expectDamage("the state tables have the digest") { _ = try change(directory, to: [1, 2]) }
        #expect(try directory.contents() == before)
        try directory.remove("node.db")
        expectDamage("the file is missing, but node.lock says") { _ = try change(directory, to: [1, 2]) }
    }

    @Test func aRunningNodeIsRefused() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        guard case .inUse? = storageError({ _ = try change(directory, to: [1, 2]) }) else {
            Issue.record("accepted")
            return
        }
        try store.close()
    }
}
