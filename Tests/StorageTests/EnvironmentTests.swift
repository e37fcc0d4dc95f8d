import CSQLite
import Glibc
import Metadata
import Raft
import Storage
import Testing

@Suite struct EnvironmentTests {
    @Test func aSecondStoreIsRefusedWithTheHoldersNumber() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        for body in [
            { _ = try NodeStore(directory: directory.path, node: NodeID(1)) },
            { _ = try Verification.verify(directory: directory.path) },
        ] {
            guard case .inUse(let text)? = storageError(body) else {
                Issue.record("not refused")
                return
            }
            #expect(text.contains("process \(getpid())"))
        }
        try store.close()
        _ = try reopen(directory)
    }

    @Test func theLockIsSeenByOtherProcesses() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        #expect(try run("/usr/bin/flock", "--nonblock", directory.path + "/node.lock", "/bin/true") == 1)
        try store.close()
        #expect(try run("/usr/bin/flock", "--nonblock", directory.path + "/node.lock", "/bin/true") == 0)
    }

    /// A child process has all of its parent's open files between fork and exec.
    @Test func aClosedStoreIsFreeThoughAChildStillHasItsFiles() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        let inherited = try #require(descriptor(of: directory.path + "/node.lock"))
        let copy = dup(inherited)
        defer { close(copy) }
        try store.close()
        _ = try reopen(directory)
    }

    private func descriptor(of path: String) -> Int32? {
        (0..<4096).first { descriptor in
            var target = [UInt8](repeating: 0, count: 4096)
            let count = readlink("/proc/self/fd/\(descriptor)", &target, target.count)
            return count > 0 && String(decoding: target[..<count], as: UTF8.self) == path
        }
    }

    @Test func errorsNameWhatIsWrongWithTheDirectory() throws {
        let directory = try TestDirectory()
        try directory.write([1], to: "file")
        guard
            case .failed(let text)? = storageError({
                _ = try NodeStore(directory: directory.path + "/file", node: NodeID(1))
            })
        else {
            Issue.record("accepted")
            return
        }
        #expect(text.contains("/file: not a directory"))
    }

    @Test func aFullDiskStopsTheStoreAndLosesNothing() throws {
        let parent = try TestDirectory()
        let mountPoint = parent.path
        guard mount("tmpfs", mountPoint, "tmpfs", 0, "size=1m") == 0 else {
            // Without the right to mount there is no small disk; the mapping of the code is the same on any.
            return
        }
        defer { umount2(mountPoint, Int32(MNT_DETACH)) }
        let directory = try TestDirectory(in: mountPoint)
        let (store, _) = try NodeStore.open(directory)
        var acknowledged: UInt64 = 0
        let payload = String(repeating: "x", count: 10_000)
        let error = storageError {
            while acknowledged < 1000 {
                try store.commit([write([entry(acknowledged + 1, payload)], term: 1)])
                acknowledged += 1
            }
        }
        guard case .full(let text)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(text.contains("SQLITE_FULL") && text.contains("Free space"))
        #expect(acknowledged > 10)
        #expect(storageError { try store.commit([write(term: 2)]) } == error)
        try store.close()
        // On a larger disk everything is there.
        #expect(try reopen(directory.crashImage()).entries.count >= Int(acknowledged))
    }

    @Test func otherConnectionsSeeOurSettings() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        #expect(try directory.sql("PRAGMA journal_mode", readOnly: true) == ["wal"])
        #expect(try directory.sql("PRAGMA page_size", readOnly: true) == ["4096"])
        #expect(try directory.sql("PRAGMA encoding", readOnly: true) == ["UTF-8"])
        #expect(
            try store.settings() == [
                "page_size": "4096", "journal_mode": "wal", "synchronous": "2", "wal_autocheckpoint": "0",
                "journal_size_limit": "16777216", "secure_delete": "0", "mmap_size": "0", "cache_size": "-2048",
                "locking_mode": "normal",
            ])
    }

    @Test func opensThroughAVFSByName() throws {
        let directory = try TestDirectory()
        #expect(storageError { _ = try NodeStore(directory: directory.path, node: NodeID(1), vfs: "none") } != nil)
        let vfs = try #require(sqlite3_vfs_find("unix-excl") != nil ? "unix-excl" : nil)
        let store = try NodeStore(directory: directory.path, node: NodeID(1), vfs: vfs)
        _ = try store.recover { _ in }
        try store.commit([write(entries(1...3), term: 1)])
        try store.close()
        #expect(try reopen(directory).entries.count == 3)
    }

    /// The exit status of a program.
    private func run(_ program: String, _ arguments: String...) throws -> Int32 {
        var child: pid_t = 0
        var strings = ([program] + arguments).map { strdup($0) } + [nil]
        defer { for string in strings { free(string) } }
        try #require(posix_spawn(&child, program, nil, nil, &strings, nil) == 0)
        var status: Int32 = 0
        try #require(waitpid(child, &status, 0) == child)
        return (status >> 8) & 0xff
    }
}
