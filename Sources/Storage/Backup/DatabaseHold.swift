import CSQLite
import Glibc
import Synchronization

/// The word of the store that node.db does not change while somebody copies it: commits go on, into the write-ahead log, and
/// nothing is moved from there. So the copy is of one moment, needs no second connection, and holds up nobody.
///
/// The store may take its word back when that costs too much (``giveUp(_:)``): then the copy is worth nothing.
public final class DatabaseHold: Sendable {
    /// How long the WAL may become meanwhile.
    public static let maxFrames = 256 * 1024 * 1024 / 4096

    public let database: String
    public let databaseBytes: Int64
    /// So much of the WAL belongs to the copy: none where all of it could be moved into the database before. A reader of
    /// another process can keep a part of it back; then it does not begin anew either, and its beginning is not written over.
    public let writeAheadLogBytes: Int64
    public var writeAheadLog: String { database + "-wal" }

    private struct State {
        /// SQLite's own: to open the file once more and close it would drop SQLite's locks on it, as POSIX wants it.
        var descriptor: Int32?
        var reason: String?
    }
    private let state: Mutex<State>

    init(database: String, databaseBytes: Int64, writeAheadLogBytes: Int64, descriptor: Int32) {
        self.database = database
        self.databaseBytes = databaseBytes
        self.writeAheadLogBytes = writeAheadLogBytes
        state = Mutex(State(descriptor: descriptor))
    }

    /// How long it may take: a copy is some seconds for each gigabyte, on a busy machine.
    public var patience: Duration { .seconds(30) * (1 + (databaseBytes + writeAheadLogBytes) >> 30) }

    public var isActive: Bool { state.withLock { $0.descriptor != nil } }

    /// Why it was given up, if it was.
    public var reasonOfEnd: String? { state.withLock { $0.reason } }

    /// The copy has been made.
    public func release() { state.withLock { $0.descriptor = nil } }

    /// Waits for a read that is in progress: afterwards the file may be closed.
    public func giveUp(_ reason: String) {
        state.withLock { state in
            guard state.descriptor != nil else { return }
            state.descriptor = nil
            state.reason = reason
        }
    }

    /// Reads the database; how many bytes, as read(2) says it, or `nil` once the hold has ended.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) -> Int? {
        state.withLock { state in
            state.descriptor.map { pread($0, buffer.baseAddress, buffer.count, off_t(offset)) }
        }
    }
}

extension NodeStore {
    /// Moves the WAL into the database, and lets that be until the hold ends.
    public func holdDatabase() throws(StorageError) -> DatabaseHold {
        try perform { () throws(StorageError) in
            precondition(!isHeld, "two holds of one database")
            try checkFileIsInPlace()
            try moveLogIntoDatabase(SQLITE_CHECKPOINT_PASSIVE)
            guard let bytes = try DataDirectory.size(of: directory.database),
                let descriptor = ForeignReader.descriptor(of: directory.database)
            else { throw .failed("\(directory.database): the node has no such file open") }
            let frames = frames.waiting == 0 ? 0 : frames.count
            let hold = DatabaseHold(
                database: directory.database, databaseBytes: bytes,
                writeAheadLogBytes: frames == 0 ? 0 : Int64(32 + frames * (24 + 4096)), descriptor: descriptor)
            self.hold = hold
            return hold
        }
    }

    /// Whether nothing may be moved into the database now.
    var isHeld: Bool {
        guard let hold, hold.isActive else {
            self.hold = nil
            return false
        }
        guard frames.waiting > DatabaseHold.maxFrames else { return true }
        hold.giveUp("the write-ahead log has grown by \(DatabaseHold.maxFrames / 256) MiB meanwhile")
        self.hold = nil
        return false
    }
}
