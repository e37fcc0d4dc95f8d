import Foundation
import Metadata
import Raft
import Storage
import Testing

/// Other people's shells on a node's file, which keep SQLite's shared index of the WAL alive when the node is killed.
@Suite struct ForeignReaderTests {
    enum Reader: CaseIterable { case idle, inTransaction }

    /// What a killed process leaves in shared memory.
    enum Index: CaseIterable {
        /// It lacks the frames that were synchronized last.
        case old
        /// It is of the WAL before that began anew.
        case ofAnEarlierLog
        /// It says that the WAL begins anew, which did not reach the file.
        case ofALaterLog
        /// Somebody was writing its header.
        case torn
    }

    private static let count = "SELECT count(*) FROM raft_log"

    /// A directory whose store was killed when it held 60 entries.
    private final class Killed {
        let directory = try! TestDirectory()
        let shell: Shell
        let reader: Reader

        init(_ reader: Reader, _ index: Index) throws {
            self.reader = reader
            var store: NodeStore? = try NodeStore.open(directory).0
            try store?.commit([write(entries(1...20), term: 1)])
            shell = try Shell(directory.database)
            if reader == .inTransaction { try shell.ask("BEGIN") }
            #expect(try shell.ask(ForeignReaderTests.count) == "20")
            for first: UInt64 in stride(from: 21, through: 41, by: 10) {
                try store?.commit([write(entries(first...(first + 9)), term: 1)])
            }
            switch index {
            case .old: try keep("node.db-shm") { try store?.commit([write(entries(51...60))]) }
            case .ofAnEarlierLog:
                try keep("node.db-shm") {
                    try store?.checkpointWAL(minimumFrames: 1)
                    try store?.commit([write(entries(51...60))])
                }
            case .ofALaterLog:
                try store?.commit([write(entries(51...60))])
                try store?.checkpointWAL(minimumFrames: 1)
                try keep("node.db-wal") { try store?.commit([write(entries(61...70))]) }
            case .torn:
                try store?.commit([write(entries(51...60))])
                try overwrite("node.db-shm", with: "/dev/zero", count: 60)
            }
            store = nil
        }

        /// Leaves the file as it was before `body`. In a process of its own: to close the file in this one would drop
        /// the locks on it.
        private func keep(_ name: String, while body: () throws -> Void) throws {
            let copy = try TestDirectory()
            try run("/bin/cp", "\(directory.path)/\(name)", "\(copy.path)/\(name)")
            try body()
            try overwrite(name, with: "\(copy.path)/\(name)", count: nil)
        }

        private func overwrite(_ name: String, with source: String, count: Int?) throws {
            var options = count.map { ["bs=\($0)", "count=1"] } ?? ["bs=1M"]
            // Readers have it mapped.
            if name == "node.db-shm" { options.append("conv=notrunc") }
            try run(["/bin/dd", "if=\(source)", "of=\(directory.path)/\(name)", "status=none"] + options)
        }

        private func run(_ command: String...) throws { try run(command) }

        private func run(_ command: [String]) throws {
            let process = try Process.run(URL(filePath: command[0]), arguments: Array(command.dropFirst()))
            process.waitUntilExit()
            try #require(process.terminationStatus == 0)
        }
    }

    @Test(arguments: Reader.allCases, Index.allCases)
    func aKilledStoreRecoversEverything(reader: Reader, index: Index) throws {
        let killed = try Killed(reader, index)
        let (directory, shell) = (killed.directory, killed.shell)
        let (store, node) = try NodeStore.open(directory)
        #expect(node.entries == entries(1...60))
        // In its transaction it sees what it saw, out of it what is there now.
        try expect(shell, reader, sees: 20, then: 60)
        try store.commit([write(entries(61...80))])
        try store.checkpointWAL(minimumFrames: 1)
        try store.commit([write(entries(81...90))])
        #expect(try shell.ask(Self.count) == "90")
        #expect(try shell.ask("PRAGMA integrity_check") == "ok")
        try store.close()
        #expect(try shell.ask(Self.count) == "90")
        #expect(try reopen(directory).entries == entries(1...90))
    }

    private func expect(_ shell: Shell, _ reader: Reader, sees before: Int, then after: Int) throws {
        if reader == .inTransaction {
            #expect(try shell.ask(Self.count) == "\(before)")
            #expect(try shell.ask("SELECT max(log_index) FROM raft_log; COMMIT") == "\(before)")
        }
        #expect(try shell.ask(Self.count) == "\(after)")
    }

    /// Killed again and again, with the same reader and its one snapshot.
    @Test(arguments: Reader.allCases) func killedOftenBesideTheSameReader(reader: Reader) throws {
        let killed = try Killed(reader, .old)
        for round: UInt64 in 0..<4 {
            let (store, node) = try NodeStore.open(killed.directory)
            #expect(node.entries.count == 60 + 10 * Int(round))
            try store.commit([write(entries((61 + 10 * round)...(70 + 10 * round)))])
        }
        try expect(killed.shell, reader, sees: 20, then: 100)
        #expect(try reopen(killed.directory).entries == entries(1...100))
    }

    /// The transaction that a power failure, or the kill, left unfinished is cut off under the reader's eyes.
    @Test(arguments: Reader.allCases) func aTornTransactionIsCutOff(reader: Reader) throws {
        let killed = try Killed(reader, .old)
        let log = try killed.directory.bytes(of: "node.db-wal")
        let inspection = try WriteAheadLogInspection.inspect(killed.directory.writeAheadLog)
        let last = 32 + (inspection.committedFrames - 1) * (24 + 4096)
        #expect(last > 32 && last < log.count)
        try killed.directory.flip("node.db-wal", at: last + 100)
        let (store, node) = try NodeStore.open(killed.directory)
        #expect(node.entries == entries(1...50))
        try expect(killed.shell, reader, sees: 20, then: 50)
        try store.commit([write(entries(51...55))])
        #expect(try killed.shell.ask(Self.count) == "55")
    }

    /// Bounded by what a store waits for others, twice at most.
    @Test(arguments: Reader.allCases) func startsAndClosesInBoundedTime(reader: Reader) throws {
        let killed = try Killed(reader, .old)
        let start = ContinuousClock.now
        let (store, _) = try NodeStore.open(killed.directory)
        try store.close()
        #expect(ContinuousClock.now - start < .seconds(10))
        try expect(killed.shell, reader, sees: 20, then: 60)
        #expect(try reopen(killed.directory).entries == entries(1...60))
    }

    /// What can not be moved is not tried after each commit, for that costs a commit of its own.
    @Test func aReaderInATransactionCostsFewFurtherFrames() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        let shell = try Shell(directory.database)
        try shell.ask("BEGIN; \(Self.count)")
        let commits: UInt64 = 300
        for index in 1...commits {
            try store.commit([write([entry(index)], term: 1)])
            try store.checkpointWAL(minimumFrames: 40)
        }
        let frames = store.measure().uncheckpointedFrames

        let (other, _) = try NodeStore.open(TestDirectory())
        for index in 1...commits { try other.commit([write([entry(index)], term: 1)]) }
        #expect(frames < other.measure().uncheckpointedFrames * 3 / 2)

        try shell.ask("COMMIT")
        for index in (commits + 1)...(commits + 10) {
            try store.commit([write([entry(index)])])
            try store.checkpointWAL(minimumFrames: 40)
        }
        #expect(store.measure().uncheckpointedFrames < 40)
    }

    @Test func theReaderInATransactionIsNamed() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...20), term: 1)])
        let shell = try Shell(directory.database)
        try shell.ask(Self.count)
        #expect(store.foreignReader == nil)
        try shell.ask("BEGIN; \(Self.count)")
        #expect(store.foreignReader?.description == "\(shell.processID) (sqlite3)")
        try shell.ask("COMMIT")
        #expect(store.foreignReader == nil)
        // To ask has not dropped our own locks.
        try shell.ask("BEGIN; \(Self.count)")
        try store.commit([write(entries(21...40))])
        try store.checkpointWAL(minimumFrames: 1)
        #expect(try shell.ask(Self.count) == "20")
    }

    /// An index without a log would look like a lost log.
    @Test func aCleanDirectoryGetsNoIndexBeforeItsLog() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        try store.commit([write(entries(1...20), term: 1)])
        try store.close()
        #expect(!directory.exists("node.db-shm") && !directory.exists("node.db-wal"))
        // Its shell leaves both files, and nobody who would need them.
        let shell = try Shell(directory.database)
        #expect(try shell.ask(Self.count) == "20")
        shell.close()
        #expect(try reopen(directory).entries == entries(1...20))
    }
}
