import Metadata
import Raft
import Storage
import Testing

@Suite struct WriteAheadLogTests {
    private static let header = 32
    private static let frame = 24 + 4096

    /// A crash image whose WAL holds `commits` commits; each has several frames.
    private func image(commits: Int = 6) throws -> TestDirectory {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        for index in 0..<UInt64(commits) {
            try store.commit([
                write(entries((index * 20 + 1)...(index * 20 + 20)).map { wide($0) }, term: 1 + index)
            ])
        }
        return try directory.crashImage()
    }

    private func wide(_ entry: LogEntry) -> LogEntry {
        var entry = entry
        entry.data += [UInt8](repeating: 0x61, count: 500)
        return entry
    }

    /// The frames that end a commit, from 0.
    private func commitFrames(_ directory: TestDirectory) throws -> [Int] {
        let bytes = try directory.bytes(of: "node.db-wal")
        return (0..<(bytes.count - Self.header) / Self.frame).filter { index in
            let offset = Self.header + index * Self.frame + 4
            return bytes[offset..<(offset + 4)].contains { $0 != 0 }
        }
    }

    @Test func aSoundLogIsRead() throws {
        let directory = try image()
        let inspection = try WriteAheadLogInspection.inspect(directory.writeAheadLog)
        #expect(inspection.damage == nil && inspection.tornFrames == 0)
        #expect(try commitFrames(directory).last == inspection.committedFrames - 1)
        #expect(try reopen(directory).entries.count == 120)
    }

    @Test func anAbsentOrEmptyLogIsSound() throws {
        let directory = try TestDirectory()
        #expect(try WriteAheadLogInspection.inspect(directory.writeAheadLog) == WriteAheadLogInspection())
        for content in [[], [UInt8](repeating: 0, count: 10_000), [UInt8](repeating: 1, count: 32)] {
            try directory.write(content, to: "node.db-wal")
            #expect(try WriteAheadLogInspection.inspect(directory.writeAheadLog) == WriteAheadLogInspection())
        }
    }

    /// In each field of the header.
    @Test(arguments: [0, 3, 5, 10, 13, 17, 22, 25, 30]) func findsADamagedHeader(offset: Int) throws {
        let directory = try image()
        try directory.flip("node.db-wal", at: offset)
        expectDamage("its header can not be read") { _ = try reopen(directory) }
        let findings = try Verification.verify(directory: directory.path).findings
        #expect(findings.contains { $0.contains("its header can not be read") }, "\(findings)")
    }

    /// In each field of a frame's header and in its page.
    @Test(arguments: [0, 5, 9, 14, 17, 21, 24, 2000, 4119]) func findsADamagedFrame(offset: Int) throws {
        let whole = try image()
        let commits = try commitFrames(whole)
        for index in 0..<commits[commits.count - 2] {
            let directory = try whole.crashImage()
            try directory.flip("node.db-wal", at: Self.header + index * Self.frame + offset)
            expectDamage("frame \(index + 1) at byte") { _ = try reopen(directory) }
        }
    }

    /// Else a second power failure, while they are written over, would make damage of them.
    @Test func aTornTransactionIsCutOffBeforeAnythingIsWritten() throws {
        let directory = try image()
        let commits = try commitFrames(directory)
        let torn = commits[commits.count - 2] + 1
        try directory.flip("node.db-wal", at: Self.header + torn * Self.frame + 2000)
        let store = try NodeStore(directory: directory.path, node: NodeID(1))
        #expect(try directory.bytes(of: "node.db-wal").count == Self.header + torn * Self.frame)
        #expect(try store.recover { _ in }.entries.count == 100)
    }

    /// A frame of the last transaction that was not wholly written, as a power failure may leave it: the rest is there.
    @Test func aTornLastTransactionIsNoDamage() throws {
        let whole = try image()
        let commits = try commitFrames(whole)
        let last = (commits[commits.count - 2] + 1)...commits[commits.count - 1]
        #expect(last.count > 2)
        for index in last {
            for offset in [0, 9, 17, 2000] {
                let directory = try whole.crashImage()
                try directory.flip("node.db-wal", at: Self.header + index * Self.frame + offset)
                let inspection = try WriteAheadLogInspection.inspect(directory.writeAheadLog)
                #expect(inspection.damage == nil && inspection.tornFrames > 0)
                #expect(inspection.committedFrames == last.lowerBound)
                #expect(try reopen(directory).entries.count == 100)
            }
        }
    }

    @Test func aLogCutShortWithinTheLastTransactionIsNoDamage() throws {
        let whole = try image()
        let bytes = try whole.bytes(of: "node.db-wal")
        let commits = try commitFrames(whole)
        for cut in [1, 4000, Self.frame, Self.frame + 5] {
            let directory = try whole.crashImage()
            try directory.write(Array(bytes.dropLast(cut)), to: "node.db-wal")
            let inspection = try WriteAheadLogInspection.inspect(directory.writeAheadLog)
            #expect(inspection.damage == nil)
            #expect(inspection.committedFrames == commits[commits.count - 2] + 1)
            #expect(try reopen(directory).entries.count == 100)
        }
    }

    /// After a restart of the WAL, frames of earlier generations lie behind its end.
    @Test func olderGenerationsBehindTheEndAreNoDamage() throws {
        let directory = try TestDirectory()
        let (store, _) = try NodeStore.open(directory)
        for index in 1...30 { try store.commit([write([entry(UInt64(index))], term: 1)]) }
        try store.checkpointWAL(minimumFrames: 1)
        for index in 31...35 { try store.commit([write([entry(UInt64(index))], term: 1)]) }
        let whole = try directory.crashImage()
        let sound = try WriteAheadLogInspection.inspect(whole.writeAheadLog)
        #expect(sound.committedFrames == 5 && sound.tornFrames == 0 && sound.damage == nil)
        #expect(try commitFrames(whole).count > 25)

        let torn = try whole.crashImage()
        try torn.flip("node.db-wal", at: Self.header + 4 * Self.frame + 100)
        #expect(try reopen(torn).entries.count == 34)

        let damaged = try whole.crashImage()
        try damaged.flip("node.db-wal", at: Self.header + 3 * Self.frame + 100)
        expectDamage("frame 4 at byte") { _ = try reopen(damaged) }
    }

    /// What tore must not stay behind the end, where a later crash would make it look like damage.
    @Test func recoveryBeginsTheLogAnew() throws {
        let whole = try image()
        let commits = try commitFrames(whole)
        try whole.flip("node.db-wal", at: Self.header + (commits[commits.count - 2] + 1) * Self.frame + 100)
        let (store, node) = try NodeStore.open(whole)
        #expect(node.entries.count == 100)
        #expect(store.measure().walBytes == 0)
    }

    /// SQLite repeats the last frame of a commit up to a sector's boundary where sectors may tear each other.
    @Test func aRepeatedCommitFrameIsNotALaterTransaction() throws {
        let whole = try image(commits: 2)
        var bytes = try whole.bytes(of: "node.db-wal")
        bytes += bytes.suffix(Self.frame)
        let commits = try commitFrames(whole)
        bytes[Self.header + (commits[commits.count - 2] + 1) * Self.frame + 100] ^= 1
        try whole.write(bytes, to: "node.db-wal")
        #expect(try reopen(whole).entries.count == 20)
    }
}
