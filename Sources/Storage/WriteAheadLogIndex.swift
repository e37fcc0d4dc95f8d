import CSQLite

extension Connection {
    /// The frames of the WAL that SQLite found valid, by its index of them (sqlite.org/walformat.html); `nil` without
    /// an index.
    ///
    /// The index is asked for through its VFS: to open and close the file would drop the locks that SQLite holds on it.
    private var indexedFrames: Int? {
        var file: UnsafeMutablePointer<sqlite3_file>?
        guard sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) == SQLITE_OK, let file,
            let methods = file.pointee.pMethods?.pointee, methods.iVersion >= 2, let map = methods.xShmMap
        else { return nil }
        var index: UnsafeMutableRawPointer?
        guard map(file, 0, 32768, 0, &index) == SQLITE_OK, let index else { return nil }
        return Int(index.load(fromByteOffset: 16, as: UInt32.self))
    }

    /// Refuses to go on if SQLite read less of the WAL than is in it: it takes a frame that it reads wrongly for the
    /// end, and forgets in silence what was acknowledged. `frames` is what our own reading found. Before any write.
    func checkLogIsRead(frames: Int) throws(StorageError) {
        // Without frames there may be no index, and to ask for it would create one.
        guard frames > 0, let indexed = indexedFrames, indexed < frames else { return }
        throw .failed(
            "\(path): SQLite found \(indexed) frames in the write-ahead log, which has \(frames). The disk gave two "
                + "different answers, or another process holds on to an old index of the log. Nothing was changed. "
                + "Close other programs that use the file, check the disk, then start the node again.")
    }
}
