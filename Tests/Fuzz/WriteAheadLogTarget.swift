import CSQLite
import Glibc

@testable import Storage

/// The inspection of write-ahead logs: no file traps it, and what it says SQLite will read, SQLite reads.
enum WriteAheadLogTarget {
    static let pageSize = 512

    /// A database beside which every input's log is laid, in the folder of `run`.
    private static let database: String = {
        guard let folder = getenv("TMPDIR") else { fail("TMPDIR names no folder") }
        let path = "\(String(cString: folder))/\(getpid()).db"
        do {
            let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
            let connection = try Connection(path: path, flags: flags, vfs: nil)
            for sql in ["PRAGMA page_size=\(pageSize)", "PRAGMA journal_mode=WAL", "CREATE TABLE t (x)"] {
                try connection.execute(sql)
            }
            connection.close(checkpointing: true)
        } catch {
            fail("\(error)")
        }
        return path
    }()

    static func run(_ input: inout FuzzInput) {
        let isWhole = input.flag()
        let log = isWhole ? input.rest() : LogDrawing.log(&input, pageSize: pageSize)
        write(log, to: database + "-wal")
        unlink(database + "-shm")
        do {
            let inspection = try WriteAheadLogInspection.inspect(database + "-wal")
            expect(inspection.tornFrames >= 0 && inspection.committedBytes <= log.count, "\(inspection)")
            if inspection.committedBytes > 0, log[8..<12].elementsEqual([0, 0, 2, 0]) { try compare(inspection) }
            try inspection.dropTornFrames(of: database + "-wal")
            if inspection.damage == nil {
                let again = try WriteAheadLogInspection.inspect(database + "-wal")
                let isSame = again.committedFrames == inspection.committedFrames && again.tornFrames == 0
                expect(isSame && again.damage == nil, "\(inspection), then without its torn frames \(again)")
            }
        } catch {
            fail("\(error)")
        }
    }

    private static func compare(_ inspection: WriteAheadLogInspection) throws(StorageError) {
        let frames = inspection.committedFrames
        guard frames > 0 else { return }
        let connection = try Connection(path: database, flags: SQLITE_OPEN_READWRITE, vfs: nil)
        defer { connection.close(checkpointing: false) }
        // The pages of a drawn log may be no database; by then SQLite has read the log all the same.
        _ = try? connection.integer("SELECT count(*) FROM sqlite_schema")
        try connection.checkLogIsRead(frames: frames)
        if (try? connection.checkLogIsRead(frames: frames + 1)) != nil {
            fail("SQLite reads more than \(frames) frames")
        }
    }

    private static func write(_ bytes: [UInt8], to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
        defer { close(descriptor) }
        let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        expect(descriptor >= 0 && written == bytes.count, "writing \(path): errno \(errno)")
    }
}

/// A log with right checksums, but for what the input spoils: no mutation of bytes would find these.
enum LogDrawing {
    private static let mostFrames = 24

    static func log(_ input: inout FuzzInput, pageSize: Int) -> [UInt8] {
        let isBigEndian = input.flag()
        var log = big(0x377f_0682 | (isBigEndian ? 1 : 0)) + big(3_007_000) + big(UInt32(pageSize)) + big(1)
        let salts = big(7) + big(9)
        log += salts
        var chain = checksum(log, isBigEndian, (0, 0))
        log += big(chain.0) + big(chain.1)
        for _ in 0..<mostFrames where !input.isAtEnd {
            let kind = input.byte()
            // Bit 0: commit; 1: of an older generation; 2: fails its checksum; 3: the one before once more; 4: page 1;
            // 5: the rest of the file is missing; 6 and 7: bytes changed in the frame.
            var header = big(kind & 16 == 0 ? 2 + UInt32(kind & 1) : 1) + big(kind & 1 == 0 ? 0 : 5)
            let page = [UInt8](repeating: kind & 8 == 0 ? input.byte() : 0, count: pageSize)
            let next = checksum(page, isBigEndian, checksum(header, isBigEndian, chain))
            header += kind & 2 == 0 ? salts : big(6) + big(8)
            header += big(next.0 ^ (kind & 4 == 0 ? 0 : 1)) + big(next.1)
            if kind & 6 == 0 { chain = next }
            var frame = header + page
            if kind & 0xC0 == 0xC0 { frame[(Int(input.byte()) * 2 + 1) % frame.count] ^= input.byte() }
            if kind & 0x2C == 0x2C { frame.removeLast(Int(input.byte()) * 2) }
            log += frame
        }
        return log
    }

    private static func big(_ number: UInt32) -> [UInt8] { withUnsafeBytes(of: number.bigEndian) { Array($0) } }

    /// sqlite.org/fileformat2.html#walcksm
    private static func checksum(_ bytes: [UInt8], _ isBigEndian: Bool, _ start: (UInt32, UInt32)) -> (UInt32, UInt32) {
        var (a, b) = start
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            let words = [offset, offset + 4].map { place in
                let word = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(bytes[place + $1]) }
                return isBigEndian ? word : word.byteSwapped
            }
            a = a &+ words[0] &+ b
            b = b &+ words[1] &+ a
        }
        return (a, b)
    }
}
