import Foundation
import Metadata
import Raft
import Storage
import Testing

@Suite struct NewClusterTests {
    private var counters = Counters(clusterID: "c1", version: 4, revision: 9, partitionsCreated: 2)
    private let names = [DirectoryID(high: 0xA, low: 1), DirectoryID(high: 0xB, low: 2)]

    private func state(_ rows: [Row] = sampleRows) -> RestoredState {
        RestoredState(counters: counters, applied: position(30, term: 3), term: Term(5)) {
            (body: (Row) throws(RestoreError) -> Void) throws(StorageError) in
            for row in rows {
                do throws(RestoreError) { try body(row) } catch { throw .failed(error.description) }
            }
        }
    }

    private func write(_ state: RestoredState, to path: String) throws -> Restoration.Result {
        var next = 0
        return try Restoration(state, for: NodeID(2), of: [1, 2, 3].map { NodeID($0) }).write(
            to: try EmptyDirectory(path), bornAt: 77,
            name: {
                next += 1
                return names[next - 1]
            }, progress: { _ in })
    }

    @Test func partitionEpochsGoOnWhereTheyAreCounted() throws {
        let directory = try TestDirectory()
        var counted = self
        counted.counters.level = 4
        _ = try counted.write(counted.state(), to: directory.path)
        let (store, node) = try NodeStore.open(directory, node: 2)
        #expect(node.metadata.topic("orders")?.1.map(\.partitionEpoch) == [1000, 1000])
        try store.close()
    }

    @Test func idsForProducersAreNotGivenAgain() throws {
        for (level, given, next) in [
            (4, 0, 0), (5, 0, 1_000_000_000), (5, 2000, 1_000_002_000),
            (5, AllocateProducerIDs.end - 5, AllocateProducerIDs.end),
        ] as [(Int, UInt64, UInt64)] {
            let directory = try TestDirectory()
            var old = self
            (old.counters.level, old.counters.nextProducerID) = (level, given)
            _ = try old.write(old.state(), to: directory.path)
            let (store, node) = try NodeStore.open(directory, node: 2)
            #expect(node.metadata.counters.nextProducerID == next)
            try store.close()
        }
    }

    @Test func nothingThatClientsCompareGoesBack() throws {
        let directory = try TestDirectory()
        let result = try write(state(), to: directory.path)
        #expect(try directory.contents().keys.sorted() == ["node.db", "node.lock"])
        let (store, node) = try NodeStore.open(directory, node: 2)
        #expect(node.metadata.counters.revision == 1_000_009)
        #expect(node.metadata.counters.version == 1_000_004)
        #expect(node.metadata.counters.clusterID == names[0].description)
        #expect(node.metadata.topic("orders")?.1.map(\.leaderEpoch) == [1001, 1000])
        #expect(node.metadata.digest == result.digest)
        #expect(node.hardState == HardState(currentTerm: Term(1005)))
        #expect((node.logBase, node.applied) == (position(30, term: 3), position(30, term: 3)))
        #expect(node.entries.isEmpty)
        // All else is as it was.
        var rows: [Row] = []
        node.metadata.forEachRow { rows.append($0) }
        #expect(rows.count == sampleRows.count)
        #expect(rows.contains(sampleRows[5]) && rows.contains(sampleRows[0]))
        try store.close()
    }

    @Test func itBeginsAClusterOfItsOwn() throws {
        let directory = try TestDirectory()
        _ = try write(state(), to: directory.path)
        let (store, node) = try NodeStore.open(directory, node: 2)
        #expect(node.copy == nil)
        let identity = node.identity
        #expect(identity.clusterID == names[0].description)
        #expect(identity.directory == names[1])
        #expect(identity.bornAt == 77)
        #expect(identity.ids == [1, 2, 3].map { NodeID($0) })
        #expect(identity.members.map(\.isAdmitted) == [false, true, false])
        #expect(identity.electors == [NodeID(2)])
        #expect(identity.floor == position(30, term: 3))
        try store.close()
    }

    @Test func anEmptyStateCanBeRestored() throws {
        let directory = try TestDirectory()
        let empty = RestoredState(counters: Counters(), applied: .zero, term: .zero) {
            (_: (Row) throws(RestoreError) -> Void) throws(StorageError) in
        }
        _ = try write(empty, to: directory.path)
        let (store, node) = try NodeStore.open(directory, node: 2)
        #expect(node.metadata.counters.revision == 1_000_000)
        try store.close()
    }

    @Test func liveDataAreNotWrittenOver() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        guard case .inUse? = storageError({ _ = try EmptyDirectory(directory.path) }) else {
            return #expect(Bool(false), "in use")
        }
        try store.close()
        let before = try directory.contents()
        guard case .foreign(let text)? = storageError({ _ = try EmptyDirectory(directory.path) }) else {
            return #expect(Bool(false), "has data")
        }
        #expect(text.contains("holds the data of node 1"))
        #expect(try directory.contents() == before)
        // A database that went missing may be somewhere.
        try directory.remove("node.db")
        #expect(storageError { _ = try EmptyDirectory(directory.path) } != nil)
    }

    @Test func nothingIsLeftOfAnAttempt() throws {
        let directory = try TestDirectory()
        do {
            let empty = try EmptyDirectory(directory.path)
            guard case .inUse? = storageError({ _ = try NodeStore(directory: directory.path, node: NodeID(2)) }) else {
                return #expect(Bool(false), "a node starts meanwhile")
            }
            withExtendedLifetime(empty) {}
        }
        #expect(try directory.contents().isEmpty)
        let wrong = state(Array(sampleRows.dropFirst(2)))
        #expect(storageError { _ = try write(wrong, to: directory.path) } != nil)
        #expect(!directory.exists("node.db") && !directory.exists("node.lock"))
        // The next one is not in its way.
        _ = try write(state(), to: directory.path)
    }

    @Test func linksAreFollowed() throws {
        let directory = try TestDirectory()
        let link = directory.path + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "private/1")
        let result = try write(state(), to: link + "/")
        #expect(result.directory == directory.path + "/private/1")
        #expect(directory.exists("private/1/node.db"))
    }

    @Test(.enabled(if: geteuid() == 0)) func filesBelongToTheDirectorysOwner() throws {
        let directory = try TestDirectory()
        chown(directory.path, 4711, 4712)
        _ = try write(state(), to: directory.path)
        for name in ["node.db", "node.lock"] {
            var status = stat()
            #expect(stat(directory.path + "/" + name, &status) == 0)
            #expect((status.st_uid, status.st_gid, status.st_mode & 0o777) == (4711, 4712, 0o600))
        }
        let place = try #require(try DataSetAside.move(directory.path, to: "damaged-1"))
        var status = stat()
        #expect(stat(place, &status) == 0 && status.st_uid == 4711)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place).sorted() == ["node.db", "node.lock"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path) == ["damaged-1"])
        // What is aside is in nobody's way, and an empty directory has nothing more to move.
        #expect(try DataSetAside.move(directory.path, to: "damaged-2") == nil)
        _ = try write(state(), to: directory.path)
    }
}
