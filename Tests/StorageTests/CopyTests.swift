import FoundationEssentials
import Glibc
import Raft
import Storage
import Testing

/// Files that are not the node's own, or not the latest of them, are recognised; its own never are.
@Suite struct CopyTests {
    private enum Stop: CaseIterable { case inOrder, crash }

    /// A node that has run: run 7, four entries.
    private func used(_ stop: Stop) throws -> TestDirectory {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...4), term: 1)])
        if stop == .inOrder { try store.close() }
        return directory
    }

    /// The next start, which goes on and is stopped in order.
    private func run(_ directory: TestDirectory, number: UInt64) throws {
        let (store, node) = try NodeStore.open(directory)
        #expect(node.copy == nil)
        var identity = node.identity
        identity.run = Run(number: number, nonce: number)
        try store.store(identity)
        try store.close()
    }

    /// Every start finds it, until one goes on.
    private func expectCopy(
        _ text: String, _ directory: TestDirectory, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        for _ in 1...3 {
            let (store, node) = try NodeStore.open(directory)
            #expect(node.copy?.contains(text) == true, "\(node.copy ?? "no copy")", sourceLocation: sourceLocation)
            #expect(node.entries == entries(1...4), sourceLocation: sourceLocation)
            try store.close()
        }
        #expect(try Verification.verify(directory: directory.path).copy?.contains(text) == true)
        let (store, node) = try NodeStore.open(directory)
        #expect(node.copy != nil, sourceLocation: sourceLocation)
        var identity = node.identity
        identity.directory = DirectoryID(high: 5, low: 6)
        try store.store(identity)
        try store.commit([write(entries(5...6))])
        try store.close()
        let (again, own) = try NodeStore.open(directory)
        #expect(own.copy == nil && own.identity == identity, sourceLocation: sourceLocation)
        #expect(own.entries == entries(1...6), sourceLocation: sourceLocation)
        try again.close()
    }

    private func shell(_ command: String) throws {
        var child: pid_t = 0
        let words: [String] = ["sh", "-c", command]
        var arguments = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        try #require(posix_spawn(&child, "/bin/sh", nil, nil, &arguments, environ) == 0)
        var status: Int32 = 0
        try #require(waitpid(child, &status, 0) == child)
        try #require(status == 0, "\(command)")
    }

    @Test(arguments: Stop.allCases) private func aRestartIsNone(stop: Stop) throws {
        let directory = try used(stop)
        for number in 8...10 as ClosedRange<UInt64> { try run(directory, number: number) }
        #expect(try Verification.verify(directory: directory.path).copy == nil)
    }

    /// A process may end at any moment between the opening and the first identity that it stores.
    @Test(arguments: Stop.allCases) private func startsThatEndEarlyAreNone(stop: Stop) throws {
        let directory = try used(stop)
        for _ in 1...3 { _ = try NodeStore(directory: directory.path, node: NodeID(1)) }
        for _ in 1...3 { #expect(try reopen(directory).copy == nil) }
        do {
            let (store, node) = try NodeStore.open(directory)
            try store.store(node.identity)
        }
        for _ in 1...3 { #expect(try reopen(directory).copy == nil) }
        try NodeStore.open(directory).0.close()
        try run(directory, number: 8)
    }

    @Test func aReaderAfterACrashIsNoSign() throws {
        let directory = try used(.crash)
        try shell("sqlite3 -readonly \(directory.database) 'SELECT count(*) FROM raft_log' > /dev/null")
        try run(directory, number: 8)
    }

    /// A shell that may write moves the log into the database and removes it when it quits; what it leaves looks like a
    /// backup.
    @Test func aWriterAfterACrashLeavesWhatABackupWould() throws {
        let directory = try used(.crash)
        try shell("sqlite3 \(directory.database) 'SELECT count(*) FROM raft_log' > /dev/null")
        try expectCopy("or another program removed the log", directory)
    }

    @Test func aNewDirectoryIsNone() throws {
        let directory = try TestDirectory()
        for _ in 1...3 { _ = try NodeStore(directory: directory.path, node: NodeID(1)) }
        #expect(try reopen(directory).copy == nil)
        try run(directory, number: 1)
    }

    @Test(arguments: Stop.allCases) private func aMovedDirectoryIsNone(stop: Stop) throws {
        let directory = try used(stop)
        let other = try TestDirectory()
        try shell("rmdir \(other.path) && mv \(directory.path) \(other.path)")
        try run(other, number: 8)
    }

    @Test(arguments: Stop.allCases) private func aCopiedDirectoryIsOne(stop: Stop) throws {
        let directory = try used(stop)
        for command in ["cp -a \(directory.path)/. .", "tar -C \(directory.path) -c . | tar -x"] {
            let copy = try TestDirectory()
            try shell("cd \(copy.path) && \(command)")
            try expectCopy("the files are others than the node has written", copy)
        }
    }

    @Test(arguments: Stop.allCases) private func aDatabaseAloneIsOne(stop: Stop) throws {
        let directory = try used(stop)
        let copy = try TestDirectory()
        try shell("cp -a \(directory.path)/node.db* \(copy.path)/")
        try expectCopy("there is a database, but no node.lock beside it", copy)
    }

    /// Put back into the very file that was there, so that its number and the run are the same.
    @Test(arguments: ["VACUUM INTO 'backup'", ".backup backup"]) func aBackupOfARunningNodeIsOne(sql: String) throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.store(sampleIdentity)
        try store.commit([write(entries(1...4), term: 1)])
        try shell("cd \(directory.path) && sqlite3 -readonly node.db \"\(sql)\"")
        try store.commit([write(entries(5...9), term: 2)])
        try store.close()
        try shell("cd \(directory.path) && cat backup > node.db")
        try expectCopy("was not stopped in order, but there is no write-ahead log", directory)
    }

    @Test func anOlderStateOfTheSameFilesIsOne() throws {
        let directory = try used(.inOrder)
        try shell("cd \(directory.path) && cp node.db backup")
        try run(directory, number: 8)
        try shell("cd \(directory.path) && cat backup > node.db")
        try expectCopy("node.lock names start 8/8, but the latest that the database knows is 7/3fa", directory)
    }

    @Test func anotherDirectorysDatabaseIsOne() throws {
        let directory = try used(.inOrder)
        let other = try TestDirectory()
        let store = try NodeStore(
            directory: other.path, node: NodeID(1), newDirectory: DirectoryID(high: 3, low: 4))
        _ = try store.recover { _ in }
        try store.close()
        try shell("cat \(directory.database) > \(other.database)")
        try expectCopy("names directory 00000000000000030000000000000004, but the database is of directory", other)
    }

    /// A mark of the first release says nothing that could be compared.
    @Test func aMarkWithoutNamesIsNoSign() throws {
        let directory = try used(.inOrder)
        try directory.write(Array("node 1 initialized\npid 5\n".utf8), to: "node.lock")
        try run(directory, number: 8)
        #expect(try directory.text(of: "node.lock").contains("\ndirectory \(newDirectory)\nrun 8/8\n"))
    }

    /// What a power failure may leave of a mark: whole lines count, the rest does not.
    @Test func aCutMarkIsNoSign() throws {
        let directory = try used(.inOrder)
        let mark = try directory.bytes(of: "node.lock")
        for length in 19...mark.count {
            try directory.write(Array(mark.prefix(length)), to: "node.lock")
            #expect(try reopen(directory).copy == nil, "\(length) bytes")
        }
    }
}
