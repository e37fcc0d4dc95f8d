import CSQLite

/// How many frames the WAL holds and how many of them still have to be moved into the database. The file's size says
/// neither: it never shrinks while it is in use.
final class WriteAheadLogFrames {
    private let counter = UnsafeMutablePointer<Int32>.allocate(capacity: 1)
    private let connection: Connection
    private var moved: Int32 = 0
    /// What the WAL held when frames were last moved.
    private var tried: Int32 = 0

    /// Installs the hook. Setting `wal_autocheckpoint` afterwards would remove it.
    init(_ connection: Connection) {
        self.connection = connection
        counter.initialize(to: 0)
        sqlite3_wal_hook(
            connection.handle,
            { context, _, _, frames in
                context!.assumingMemoryBound(to: Int32.self).pointee = frames
                return SQLITE_OK
            }, counter)
    }

    deinit {
        if !connection.isClosed { sqlite3_wal_hook(connection.handle, nil, nil) }
        counter.deallocate()
    }

    /// Frames that the WAL holds, moved or not.
    var count: Int { Int(counter.pointee) }

    /// Frames not yet moved.
    var waiting: Int {
        // Fewer frames than were moved: a commit has restarted the WAL from its beginning.
        if counter.pointee < moved { moved = 0 }
        return Int(counter.pointee - moved)
    }

    /// Whether `minimum` frames wait, and a good part of them since the last try: while a reader keeps frames back, a try
    /// moves none, and what precedes it makes the WAL longer.
    func areDue(_ minimum: Int) -> Bool {
        guard waiting >= minimum else { return false }
        return counter.pointee < tried || Int(counter.pointee - tried) >= minimum / 4
    }

    /// Moves what no reader still needs. `mode` is one of SQLITE_CHECKPOINT_….
    func move(_ mode: Int32) throws(StorageError) {
        var total: Int32 = 0
        var done: Int32 = 0
        let code = sqlite3_wal_checkpoint_v2(connection.handle, nil, mode, &total, &done)
        // BUSY: a reader, or a foreign process, is in the way; what could be moved was.
        guard code == SQLITE_OK || code & 0xff == SQLITE_BUSY else {
            throw connection.failure(code, while: "moving the write-ahead log into the database")
        }
        if total >= 0 && done >= 0 {
            counter.pointee = total
            moved = done
            tried = total
        }
    }
}
