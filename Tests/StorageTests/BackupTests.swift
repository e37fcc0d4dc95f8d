import Dispatch
import FoundationEssentials
import Metadata
import Raft
import Storage
import Synchronization
import Testing

@Suite struct BackupTests {
    /// A node's store that somebody goes on writing to.
    private final class Writer: Sendable {
        private let isStopped = Mutex(false)
        private let last = Mutex<UInt64>(0)
        private let group = DispatchGroup()

        /// The store is used by the writer alone until it has stopped.
        init(_ store: sending NodeStore, from first: UInt64) {
            nonisolated(unsafe) let store = store
            DispatchQueue(label: "test.writer").async(group: group) { [self] in
                var index = first
                while !isStopped.withLock({ $0 }) {
                    do { try store.commit([write(entries(index...index, term: 2))]) } catch { return }
                    last.withLock { $0 = index }
                    index += 1
                }
            }
        }

        var lastWritten: UInt64 { last.withLock { $0 } }

        func stop() {
            isStopped.withLock { $0 = true }
            group.wait()
        }
    }

    private func node() throws -> (TestDirectory, NodeStore) {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...40), term: 2, vote: 3)])
        return (directory, store)
    }

    private func mode(_ path: String) throws -> Int {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    private func isSound(_ file: String) throws -> Verification {
        let restored = try TestDirectory()
        try FileManager.default.copyItem(atPath: file, toPath: restored.database)
        let found = try Verification.verify(directory: restored.path)
        #expect(found.findings == [])
        // A node starts from it.
        let (store, recovered) = try NodeStore.open(restored)
        #expect(recovered.entries.count == found.entries)
        try store.close()
        return found
    }

    @Test func isMadeWhileTheNodeWrites() throws {
        let (directory, store) = try node()
        let target = try TestDirectory()
        let writer = Writer(store, from: 41)
        defer { writer.stop() }
        for round in 0..<5 {
            let before = writer.lastWritten
            let bytes = try Backup.write(directory: directory.path, to: target.path + "/copy\(round)")
            let found = try isSound(target.path + "/copy\(round)")
            #expect(found.databaseBytes == bytes)
            #expect(found.lastLog.index.number >= before)
            #expect(try mode(target.path + "/copy\(round)") == 0o600)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path).count == 5)
    }

    @Test func isMadeOfAStoppedAndOfACrashedNode() throws {
        let (directory, store) = try node()
        let crashed = try directory.crashImage()
        try store.close()
        let target = try TestDirectory()
        for (name, source) in [("a", directory), ("b", crashed)] {
            let before = try source.contents()
            _ = try Backup.write(directory: source.path, to: target.path + "/" + name)
            #expect(try isSound(target.path + "/" + name).lastLog == position(40))
            #expect(try source.contents() == before)
        }
    }

    @Test func overwritesNothing() throws {
        let (directory, store) = try node()
        try directory.write([1, 2, 3], to: "copy")
        let error = storageError { _ = try Backup.write(directory: directory.path, to: directory.path + "/copy") }
        guard case .failed(let text)? = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(text.contains("it exists"))
        #expect(try directory.bytes(of: "copy") == [1, 2, 3])
        #expect(!directory.exists("copy.unfinished"))
        withExtendedLifetime(store) {}
    }

    @Test func leavesNothingWhenItFails() throws {
        let directory = try TestDirectory()
        try directory.write(Array("not a database, by far".utf8), to: "node.db")
        #expect(storageError { _ = try Backup.write(directory: directory.path, to: directory.path + "/it's") } != nil)
        #expect(try directory.contents().keys.sorted() == ["node.db"])
        #expect(
            storageError { _ = try Backup.write(directory: directory.path + "/none", to: directory.path + "/x") } != nil
        )
    }

    @Test func namesMayHoldQuotes() throws {
        let (directory, store) = try node()
        _ = try Backup.write(directory: directory.path, to: directory.path + "/it's; x")
        #expect(try isSound(directory.path + "/it's; x").entries == 40)
        withExtendedLifetime(store) {}
    }

    @Test func databaseIsItsOwnersAlone() throws {
        let (directory, store) = try node()
        for name in ["node.db", "node.db-wal", "node.db-shm", "node.lock"] {
            #expect(try mode(directory.path + "/" + name) == 0o600, "\(name)")
        }
        withExtendedLifetime(store) {}
    }
}
