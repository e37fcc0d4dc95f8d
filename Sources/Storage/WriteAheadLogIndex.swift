import CSQLite
import Glibc

/// SQLite's index of the WAL, in the shared memory of `node.db-shm` (sqlite.org/walformat.html).
///
/// The first process to open the database empties it, and so SQLite reads the WAL itself after a crash, by checksum.
/// But another program's open connection, though it does nothing, keeps a killed node's index alive, which lacks the
/// frames that were synchronized and not yet entered when the process ended.
extension Connection {
    /// Makes SQLite build the index anew from the WAL, if somebody has kept one. Before anything is read.
    ///
    /// Its header is made invalid in place; whoever reads next finds that, and builds the index from the WAL under
    /// SQLite's own locks. So all go on with the same index, and with the same locks on it:
    /// - An idle reader copies the header whenever it begins to read: it takes the new one then.
    /// - A reader in a transaction has a copy of the header, and a lock on the mark up to which frames are its own. The
    ///   new index is the same up to there, for the WAL can not have begun anew under that lock; and building it
    ///   leaves a locked mark alone, so no later checkpoint moves what the reader does not know.
    /// - To remove the file instead would leave old readers with locks that nobody sees: they would read frames that
    ///   are written over.
    func distrustLogIndex(_ directory: DataDirectory) throws(StorageError) {
        // To ask for an index would create one, and an index without a log is the mark of a lost log.
        guard try DataDirectory.size(of: directory.sharedMemory) != nil, let file = IndexedFile(self) else { return }
        defer { file.unmap() }
        guard let index = try waiting({ file.map() }) else { return }
        // Whoever writes, moves frames or builds the index holds one of these: nobody is in the midst of it.
        _ = try waiting { (file.lock(SQLITE_SHM_LOCK), nil) }
        defer { _ = file.lock(SQLITE_SHM_UNLOCK) }
        memset(index, 0, IndexedFile.headersSize)
        file.barrier()
    }

    /// What `call` gives once it is no longer refused for another's lock, which lasts for moments only.
    private func waiting(
        _ call: () -> (code: Int32, address: UnsafeMutableRawPointer?)
    ) throws(StorageError) -> UnsafeMutableRawPointer? {
        for _ in 0..<200 {
            let (code, address) = call()
            if code == SQLITE_OK { return address }
            guard code & 0xff == SQLITE_BUSY else { throw failure(code, while: "opening the write-ahead log's index") }
            sqlite3_sleep(10)
        }
        throw .inUse(
            "\(path): another process keeps the index of the write-ahead log locked. Close the process that holds the "
                + "file (a sqlite3 shell may only read), then start the node again.")
    }

    /// Refuses to go on if SQLite read less of the WAL than is in it: it takes a frame that it reads wrongly for the
    /// end, and forgets in silence what was acknowledged. `frames` is what our own reading found. Before any write.
    func checkLogIsRead(frames: Int) throws(StorageError) {
        // Without frames there may be no index, and to ask for it would create one.
        guard frames > 0, let address = IndexedFile(self)?.map().address else { return }
        let indexed = Int(address.load(fromByteOffset: IndexedFile.framesOffset, as: UInt32.self))
        guard indexed != frames else { return }
        throw .failed(
            "\(path): SQLite found \(indexed) frames in the write-ahead log, which has \(frames). The disk gave two "
                + "different answers, or another process changed the file. Nothing was changed. "
                + "Close other programs that use the file, check the disk, then start the node again.")
    }
}

/// The index through the VFS: to open and close the file would drop the locks that SQLite holds on it.
private struct IndexedFile {
    /// The header stands there twice; what follows are the marks of readers.
    static let headersSize = 96
    /// The count of valid frames.
    static let framesOffset = 16
    /// The locks to write, to move frames and to build the index: the first three.
    private static let exclusiveLocks: Int32 = 3

    private let file: UnsafeMutablePointer<sqlite3_file>
    private let methods: sqlite3_io_methods

    /// `nil` for a VFS without shared memory.
    init?(_ connection: Connection) {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(connection.handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK,
            let file, let methods = file.pointee.pMethods?.pointee, methods.iVersion >= 2
        else { return nil }
        (self.file, self.methods) = (file, methods)
    }

    /// Its first page, without an address while there is none.
    func map() -> (code: Int32, address: UnsafeMutableRawPointer?) {
        var address: UnsafeMutableRawPointer?
        let code = methods.xShmMap(file, 0, 32768, 0, &address)
        return (code, address)
    }

    func unmap() { _ = methods.xShmUnmap(file, 0) }
    func barrier() { methods.xShmBarrier(file) }

    func lock(_ action: Int32) -> Int32 {
        methods.xShmLock(file, 0, Self.exclusiveLocks, action | SQLITE_SHM_EXCLUSIVE)
    }
}
