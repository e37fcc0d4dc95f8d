import Glibc

/// What the bytes of a write-ahead log say before SQLite sees them.
///
/// SQLite reads a log up to the first frame that fails its checksum and forgets the rest in silence. That is right for
/// the transaction that a power failure tore, and wrong for damage further back: acknowledged commits would vanish.
/// With `synchronous=FULL` every commit is synchronized before the next one is written, so only the last transaction
/// can be torn. The format: sqlite.org/fileformat2.html#walformat.
package struct WriteAheadLogInspection: Equatable {
    /// Frames that SQLite will read.
    package var committedFrames = 0
    /// Frames of the last, unfinished transaction, which SQLite will drop.
    package var tornFrames = 0
    /// Proof that synchronized frames can not be read.
    package var damage: String?
    /// Where the frames that SQLite will read end; 0 without a readable header.
    package var committedBytes = 0

    package init(committedFrames: Int = 0, tornFrames: Int = 0, damage: String? = nil) {
        self.committedFrames = committedFrames
        self.tornFrames = tornFrames
        self.damage = damage
    }

    /// Cuts a last, unfinished transaction off `path`, durable on return.
    ///
    /// SQLite would write over it frame by frame. If the power then failed again, what the first failure tore would look
    /// like frames that were written behind an unreadable commit, and a sound node would refuse to start.
    func dropTornFrames(of path: String) throws(StorageError) {
        guard damage == nil, tornFrames > 0 else { return }
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw systemFailure("opening", path) }
        defer { close(descriptor) }
        guard ftruncate(descriptor, off_t(committedBytes)) == 0, fsync(descriptor) == 0 else {
            throw systemFailure("truncating", path)
        }
    }

    /// Reads `path`; an absent or empty file is sound.
    package static func inspect(_ path: String) throws(StorageError) -> WriteAheadLogInspection {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return WriteAheadLogInspection() }
            throw systemFailure("opening", path)
        }
        defer { close(descriptor) }
        var file = WriteAheadLogFile(descriptor: descriptor, path: path)
        return try file.inspect()
    }
}

/// The header of a log: 32 bytes, big-endian fields.
private struct WriteAheadLogHeader {
    static let size = 32
    var pageSize: Int
    var salts: UInt64
    var checksum: WriteAheadLogChecksum

    /// `nil` if the bytes are no header or fail their own checksum.
    init?(_ bytes: UnsafeRawBufferPointer) {
        let magic = bytes.bigEndian(at: 0)
        let size = Int(bytes.bigEndian(at: 8))
        guard magic & ~1 == 0x377f_0682, bytes.bigEndian(at: 4) == 3_007_000, size.nonzeroBitCount == 1,
            (512...65536).contains(size)
        else { return nil }
        checksum = WriteAheadLogChecksum(isBigEndian: magic & 1 == 1)
        checksum.update(UnsafeRawBufferPointer(rebasing: bytes[..<24]))
        guard checksum.matches(bytes, at: 24) else { return nil }
        pageSize = size
        salts = UInt64(bytes.bigEndian(at: 16)) << 32 | UInt64(bytes.bigEndian(at: 20))
    }
}

/// The running checksum that chains the frames of a log together.
private struct WriteAheadLogChecksum: Equatable {
    var isBigEndian: Bool
    var first: UInt32 = 0
    var second: UInt32 = 0

    /// `bytes.count` must be a multiple of 8.
    mutating func update(_ bytes: UnsafeRawBufferPointer) {
        var (a, b) = (first, second)
        for offset in stride(from: 0, to: bytes.count, by: 8) {
            let x = bytes.loadUnaligned(fromByteOffset: offset, as: UInt32.self)
            let y = bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)
            a = a &+ (isBigEndian ? UInt32(bigEndian: x) : UInt32(littleEndian: x)) &+ b
            b = b &+ (isBigEndian ? UInt32(bigEndian: y) : UInt32(littleEndian: y)) &+ a
        }
        (first, second) = (a, b)
    }

    func matches(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        bytes.bigEndian(at: offset) == first && bytes.bigEndian(at: offset + 4) == second
    }
}

/// One frame: 24 bytes of header, then the page.
private struct WriteAheadLogFrame {
    static let headerSize = 24
    var page: UInt32
    /// The database's size in pages after the commit that this frame ends; 0 for frames within a transaction.
    var databaseSize: UInt32
    var salts: UInt64
    var storedChecksum: (UInt32, UInt32)
    var content: [UInt8]

    init(_ bytes: UnsafeRawBufferPointer) {
        page = bytes.bigEndian(at: 0)
        databaseSize = bytes.bigEndian(at: 4)
        salts = UInt64(bytes.bigEndian(at: 8)) << 32 | UInt64(bytes.bigEndian(at: 12))
        storedChecksum = (bytes.bigEndian(at: 16), bytes.bigEndian(at: 20))
        content = [UInt8](bytes)
    }

    var isCommit: Bool { databaseSize != 0 }

    /// Whether the frame is what SQLite would accept behind `chain`, which is moved on past it.
    func continues(_ chain: inout WriteAheadLogChecksum) -> Bool {
        content.withUnsafeBytes { bytes in
            chain.update(UnsafeRawBufferPointer(rebasing: bytes[..<8]))
            chain.update(UnsafeRawBufferPointer(rebasing: bytes[Self.headerSize...]))
        }
        return page != 0 && storedChecksum == (chain.first, chain.second)
    }

    /// On disks that may tear neighbouring sectors SQLite repeats a commit's last frame up to a sector boundary. Such
    /// a repetition belongs to the same transaction, so it does not prove that the transaction was synchronized.
    func mayRepeat(_ commit: WriteAheadLogFrame, isBigEndian: Bool) -> Bool {
        guard page == commit.page, databaseSize == commit.databaseSize else { return false }
        let pageContent = content[Self.headerSize...]
        if pageContent.elementsEqual(commit.content[Self.headerSize...]) { return true }
        var chain = WriteAheadLogChecksum(
            isBigEndian: isBigEndian, first: commit.storedChecksum.0, second: commit.storedChecksum.1)
        return !continues(&chain)
    }
}

private struct WriteAheadLogFile {
    var descriptor: Int32
    var path: String
    private var buffer: [UInt8] = []
    private var bufferOffset = 0

    init(descriptor: Int32, path: String) {
        self.descriptor = descriptor
        self.path = path
    }

    mutating func inspect() throws(StorageError) -> WriteAheadLogInspection {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw systemFailure("examining", path) }
        let size = Int(status.st_size)
        // The header is synchronized before any frame is written, and its 32 bytes share a sector: without anything
        // behind it, no commit can be lost.
        guard size > WriteAheadLogHeader.size else { return WriteAheadLogInspection() }
        guard let header = try bytes(at: 0, count: WriteAheadLogHeader.size, { WriteAheadLogHeader($0) }) else {
            if try isAllZero(size) { return WriteAheadLogInspection() }
            return WriteAheadLogInspection(
                damage: "its header can not be read, so the commits in its \(size) bytes can not either")
        }
        var result = try inspectFrames(header, count: (size - WriteAheadLogHeader.size) / frameSize(header))
        result.committedBytes = WriteAheadLogHeader.size + result.committedFrames * frameSize(header)
        return result
    }

    private func frameSize(_ header: WriteAheadLogHeader) -> Int { WriteAheadLogFrame.headerSize + header.pageSize }

    private mutating func inspectFrames(
        _ header: WriteAheadLogHeader, count: Int
    ) throws(StorageError) -> WriteAheadLogInspection {
        var result = WriteAheadLogInspection()
        var chain = header.checksum
        for index in 0..<count {
            let frame = try frame(index, header)
            guard frame.salts == header.salts, frame.continues(&chain) else {
                try inspectRest(from: index, header, count: count, into: &result)
                return result
            }
            if frame.isCommit { result.committedFrames = index + 1 }
        }
        result.tornFrames = count - result.committedFrames
        return result
    }

    /// Frames from `bad` on are unreadable. A commit among them with another frame of the same generation behind it was
    /// synchronized before that frame was written: then this is damage. Frames of earlier generations lie behind the
    /// end as a matter of course.
    private mutating func inspectRest(
        from bad: Int, _ header: WriteAheadLogHeader, count: Int, into result: inout WriteAheadLogInspection
    ) throws(StorageError) {
        var commit: (index: Int, frame: WriteAheadLogFrame)?
        for index in bad..<count {
            let frame = try frame(index, header)
            guard frame.salts == header.salts else { continue }
            result.tornFrames = index + 1 - result.committedFrames
            if let commit, !frame.mayRepeat(commit.frame, isBigEndian: header.checksum.isBigEndian) {
                let offset = WriteAheadLogHeader.size + bad * frameSize(header)
                result.damage =
                    "frame \(bad + 1) at byte \(offset) fails its checksum, although the commit in frame "
                    + "\(commit.index + 1) and frame \(index + 1) were written after it: acknowledged commits can not "
                    + "be read"
                return
            }
            if commit == nil && frame.isCommit && hasWholeField(index, header) { commit = (index, frame) }
        }
        result.tornFrames = max(result.tornFrames, bad - result.committedFrames)
    }

    /// Whether the field that says "commit" was written together with the salts that follow it. In a torn transaction
    /// it may be an older generation's where the two lie in different sectors of 512 bytes.
    private func hasWholeField(_ index: Int, _ header: WriteAheadLogHeader) -> Bool {
        let field = WriteAheadLogHeader.size + index * frameSize(header) + 4
        return field / 512 == (field + 11) / 512
    }

    private mutating func frame(
        _ index: Int, _ header: WriteAheadLogHeader
    ) throws(StorageError) -> WriteAheadLogFrame {
        let size = frameSize(header)
        return try bytes(at: WriteAheadLogHeader.size + index * size, count: size) { WriteAheadLogFrame($0) }
    }

    private mutating func isAllZero(_ size: Int) throws(StorageError) -> Bool {
        for offset in stride(from: 0, to: size, by: 65536) {
            let isZero = try bytes(at: offset, count: min(65536, size - offset)) { $0.allSatisfy { $0 == 0 } }
            if !isZero { return false }
        }
        return true
    }

    /// The bytes through a buffer of a mebibyte; a log is read from front to back.
    private mutating func bytes<Result>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) -> Result
    ) throws(StorageError) -> Result {
        if offset < bufferOffset || offset + count > bufferOffset + buffer.count {
            var fresh = [UInt8](repeating: 0, count: max(count, 1 << 20))
            var filled = 0
            while filled < fresh.count {
                let got = fresh.withUnsafeMutableBytes { destination in
                    pread(
                        descriptor, destination.baseAddress! + filled, destination.count - filled,
                        off_t(offset + filled))
                }
                if got < 0 && errno == EINTR { continue }
                if got < 0 { throw systemFailure("reading", path) }
                if got == 0 { break }
                filled += got
            }
            guard filled >= count else { throw .failed("\(path): became shorter while it was read.") }
            fresh.removeLast(fresh.count - filled)
            buffer = fresh
            bufferOffset = offset
        }
        let start = offset - bufferOffset
        return buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[start..<(start + count)])) }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func bigEndian(at offset: Int) -> UInt32 {
        UInt32(bigEndian: loadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }
}
