import CSQLite
import Metadata
import Raft

/// What an offline check of a data directory found.
public struct Verification: Sendable {
    /// Exactly what is wrong, one line each; empty when the data is sound.
    public var findings: [String] = []
    public var node: NodeID?
    public var clusterID: String?
    /// `nil` while the files are a release's that had no names for directories.
    public var directoryID: DirectoryID?
    /// When that was born, in Unix milliseconds, if it is known.
    public var bornAt: Int64?
    public var members: [KnownMember] = []
    /// Why a start would take the files for a copy or a restored backup; a copy is as sound as what it is of.
    public var copy: String?
    public var hardState = HardState()
    public var logBase = LogPosition.zero
    /// The last position in the log; `logBase` when the log is empty.
    public var lastLog = LogPosition.zero
    public var entries = 0
    /// The position of the state tables.
    public var applied = LogPosition.zero
    /// Rows of the state tables.
    public var rows = 0
    public var digest = Digest()
    public var databaseBytes: Int64 = 0
    public var walBytes: Int64 = 0
    /// Frames of a last transaction that a power failure tore. Harmless: it was never acknowledged.
    public var tornFrames = 0

    public init() {}

    public var isSound: Bool { findings.isEmpty }

    /// Checks the data directory of a stopped node and changes nothing in it: SQLite's own check, the write-ahead
    /// log's and every entry's checksum, the log's continuity, the digest of the state tables. `progress` is called
    /// now and then with the rows read so far. Throws when the check itself is not possible: the directory is in use
    /// or can not be read.
    public static func verify(
        directory path: String, progress: (_ rows: Int) -> Void = { _ in }
    ) throws(StorageError) -> Verification {
        let directory = DataDirectory(path: path)
        var verification = Verification()
        let lock = try DirectoryLock(directory: path, create: false)
        defer { withExtendedLifetime(lock) {} }
        let surroundings = try Surroundings(directory, lock)
        guard try verification.checkFiles(directory, lock?.found) else { return verification }
        do {
            let connection = try Connection.offline(directory, walBytes: verification.walBytes)
            defer { connection.close(checkpointing: false) }
            try verification.check(connection, surroundings, progress)
        } catch .damaged(let finding) {
            verification.note(finding)
        }
        return verification
    }

    /// The checks that need no SQLite; false if there is nothing that SQLite could open.
    private mutating func checkFiles(
        _ directory: DataDirectory, _ mark: DirectoryLock.Mark?
    ) throws(StorageError) -> Bool {
        databaseBytes = try DataDirectory.size(of: directory.database) ?? 0
        walBytes = try DataDirectory.size(of: directory.writeAheadLog) ?? 0
        if let finding = try directory.lossOfDatabase(mark: mark) {
            findings.append("\(directory.database): \(finding)")
        } else if databaseBytes == 0 {
            throw .failed("\(directory.database): there is no database. Name the data directory of a node.")
        }
        if let finding = try directory.lossOfWriteAheadLog() { findings.append("\(directory.database): \(finding)") }
        let inspection = try WriteAheadLogInspection.inspect(directory.writeAheadLog)
        if let finding = inspection.damage { findings.append("\(directory.writeAheadLog): \(finding)") }
        tornFrames = inspection.damage == nil ? inspection.tornFrames : 0
        return databaseBytes > 0
    }

    private mutating func check(
        _ connection: Connection, _ surroundings: Surroundings, _ progress: (Int) -> Void
    ) throws(StorageError) {
        let integrity = try connection.execute("PRAGMA integrity_check")
        if integrity != ["ok"] {
            findings += integrity.map { "\(connection.path): SQLite's integrity check: \($0)" }
        }
        let stored = try StoredNode(checking: connection)
        let record = try stored.nodeRecord()
        let identity = record.identity
        (node, clusterID, bornAt, members) = (identity.node, identity.clusterID, identity.bornAt, identity.members)
        if stored.version > FirstSchema.version { directoryID = identity.directory }
        copy = try surroundings.copyFinding(record, last: connection.logEnd)
        if let mark = surroundings.mark, mark.node != identity.node {
            findings.append(
                "\(connection.path): holds node \(identity.node), but \(DirectoryLock.fileName) names node "
                    + "\(mark.node)")
        }
        let state = try stored.raftState()
        hardState = state.hardState
        let checkpoint = try stored.checkpointRecord()
        (logBase, applied) = (checkpoint.logBase, checkpoint.applied)

        var count = StoredNode.RowCount()
        // Each part for itself: damage in the log says nothing about the state tables.
        do { try checkLog(stored, checkpoint, state, &count, progress) } catch .damaged(let text) { note(text) }
        do { try checkState(stored, checkpoint, &count, progress) } catch .damaged(let text) { note(text) }
    }

    private mutating func checkLog(
        _ stored: StoredNode, _ checkpoint: CheckpointRecord, _ state: RaftStateRecord,
        _ count: inout StoredNode.RowCount, _ progress: (Int) -> Void
    ) throws(StorageError) {
        lastLog = checkpoint.logBase
        _ = try stored.readLog(behind: checkpoint, state) { entry in
            entries += 1
            lastLog = entry.position
            count.add(progress)
        }
    }

    private mutating func checkState(
        _ stored: StoredNode, _ checkpoint: CheckpointRecord, _ count: inout StoredNode.RowCount,
        _ progress: (Int) -> Void
    ) throws(StorageError) {
        let before = count.rows
        defer { rows = count.rows - before }
        digest = try stored.readState(checkpoint, &count, progress).digest
        if digest.description != checkpoint.digest {
            findings.append(
                "\(stored.connection.path): the state tables have the digest \(digest), but the checkpoint at "
                    + "\(checkpoint.applied) says \(checkpoint.digest)")
        }
    }

    /// The finding without the advice for a node that wants to start.
    private mutating func note(_ text: String) {
        findings.append(StorageError.withoutAdvice(text))
    }
}

extension Connection {
    /// Opens a stopped node's database so that not a byte of its directory changes.
    ///
    /// Without a WAL: read-only and `immutable`, which keeps SQLite from creating one. With a WAL, which a crash leaves:
    /// `EXCLUSIVE` locking keeps its index in memory, and without the checkpoint on closing nothing is written; but
    /// SQLite takes that lock only on a file it may write.
    static func offline(_ directory: DataDirectory, walBytes: Int64) throws(StorageError) -> Connection {
        if walBytes == 0 { return try immutable(directory.database) }
        let connection = try Connection(path: directory.database, flags: SQLITE_OPEN_READWRITE, vfs: nil)
        // Before anything that reads the file, or there is an index on disk.
        try connection.set("locking_mode", to: "EXCLUSIVE", expecting: "exclusive")
        try connection.configureReader()
        try connection.set("query_only", to: "ON", expecting: "1")
        return connection
    }

    /// Opens a file that nobody writes to.
    static func immutable(_ path: String) throws(StorageError) -> Connection {
        let connection = try Connection(
            path: path, target: "file:\(percentEncoded(path))?immutable=1",
            flags: SQLITE_OPEN_READONLY | SQLITE_OPEN_URI,
            vfs: nil)
        try connection.configureReader()
        return connection
    }

    private static func percentEncoded(_ path: String) -> String {
        var encoded = ""
        for byte in path.utf8 {
            switch UInt8(byte) {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."), UInt8(ascii: "-"),
                UInt8(ascii: "_"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                encoded += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return encoded
    }
}
