import CSQLite
import Metadata
import Raft

/// One node's SQLite file. Blocking, and confined to one queue.
///
/// After an error every further call throws the same error: SQLite's view of the file and the file may differ then, and
/// an fsync that failed must never be repeated, since the kernel may have dropped what it could not write.
///
/// This is the only connection that writes or moves the WAL: SQLite before 3.51.3 can lose pages when two do so at the
/// same instant. All others open read-only.
public final class NodeStore {
    public struct Measurements: Sendable {
        public var databaseBytes: Int64 = 0
        public var walBytes: Int64 = 0
        /// Frames that were committed and not yet moved into the database. Grows while a foreign reader lingers.
        public var uncheckpointedFrames = 0
        public init() {}
    }

    let directory: DataDirectory
    let connection: Connection
    let lock: DirectoryLock
    let frames: WriteAheadLogFrames
    var statements: StoreStatements
    var staging: Staging?
    /// The checkpoint that ``continueCheckpoint()`` goes on with.
    var unfinished: UnfinishedCheckpoint?
    package var limits = SliceLimits()
    /// While somebody copies the database, nothing is moved into it.
    var hold: DatabaseHold?
    private var failure: StorageError?

    /// Why these files are taken for a copy or a restored backup; `nil` if they are not, or once the node has gone on
    /// with them (``store(_:)``). Nothing else is written to them before: the next start must find the same.
    var copy: String?

    /// What the file holds, known from ``recover(progress:)`` on.
    var contents: Contents?

    struct Contents {
        var node: NodeRecord
        var state: RaftStateRecord
        var checkpoint: CheckpointRecord
        var lastIndex: LogIndex
        /// Which tables there are.
        var schema = Schema.version

        var hasHistory: Bool { schema >= LevelTable.version }
    }

    /// No version that a revision up to this one ended is left in the tables.
    var forgottenThrough: UInt64 = 0

    /// The version of the SQLite library that this process runs with.
    public static var sqliteVersion: String { String(cString: sqlite3_libversion()) }

    /// Opens (or creates) `directory`/node.db, takes the lock against a second process, checks identity and schema.
    /// `newDirectory` names a directory that is new to names: created now, or written by a release without them. `vfs`
    /// names a registered SQLite VFS to use instead of the default one.
    public init(
        directory path: String, node: NodeID, newDirectory: DirectoryID, vfs: String? = nil
    ) throws(StorageError) {
        directory = DataDirectory(path: path)
        try directory.create()
        // With `create` there is always a lock or an error.
        lock = try DirectoryLock(directory: path, create: true)!
        if let mark = lock.found, mark.node != node { throw Self.foreign(directory, mark.node, node) }
        if BackupRecord.isNamed(by: directory.database) { throw BackupRecord.refusal(to: directory.database) }
        let frames = try Self.checkFiles(directory, lock.found)
        var surroundings: Surroundings? = try Surroundings(directory, lock)

        // Another VFS may keep its files elsewhere.
        if vfs == nil { try directory.createDatabase() }
        connection = try Connection(
            path: directory.database, flags: SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs: vfs)
        try connection.distrustLogIndex(directory)
        if try connection.integer("SELECT count(*) FROM sqlite_schema") == 0 {
            if lock.found?.isInitialized == true {
                throw .damage(
                    directory.database,
                    "it has no tables, but \(DirectoryLock.fileName) says that node \(node) kept its data here")
            }
            try lock.write(DirectoryLock.Mark(node: node, isInitialized: false))
            try connection.configureWriter()
            let identity = NodeIdentity(node: node, directory: newDirectory)
            try connection.createTables(identity)
            try lock.mark(identity, database: directory.database)
            surroundings = nil
        } else {
            try connection.checkLogIsRead(frames: frames)
            try connection.configureWriter()
        }
        let stored = try StoredNode(checking: connection)
        let owner = try stored.nodeRecord().identity.node
        guard owner == node else { throw Self.foreign(directory, owner, node) }
        if stored.version < Schema.version { try stored.migrate(naming: newDirectory) }
        try connection.addMissing()
        copy = try surroundings?.copyFinding(StoredNode(connection: connection).nodeRecord(), last: connection.logEnd)
        try lock.claim()
        try DataDirectory.synchronize(path)
        statements = try StoreStatements(connection, schema: StoredNode(connection: connection).version)
        self.frames = WriteAheadLogFrames(connection)
    }

    deinit {
        hold?.giveUp("the node has ended")
        connection.close(checkpointing: false)
    }

    private static func foreign(_ directory: DataDirectory, _ owner: NodeID, _ node: NodeID) -> StorageError {
        .foreign(
            "\(directory.path): holds the data of node \(owner), but this is node \(node). "
                + "Correct the node's id or its data directory.")
    }

    /// What must hold before SQLite opens the files, because it would not complain. The frames of the WAL.
    private static func checkFiles(
        _ directory: DataDirectory, _ mark: DirectoryLock.Mark?
    ) throws(StorageError) -> Int {
        if let finding = try directory.lossOfDatabase(mark: mark) {
            throw .damage(directory.database, "\(finding). To start anew on purpose, empty the directory")
        }
        if let finding = try directory.lossOfWriteAheadLog() { throw .damage(directory.database, finding) }
        let inspection = try WriteAheadLogInspection.inspect(directory.writeAheadLog)
        if let finding = inspection.damage { throw .damage(directory.writeAheadLog, finding) }
        try inspection.dropTornFrames(of: directory.writeAheadLog)
        return inspection.committedFrames
    }

    /// Runs `body` unless the store has failed; an error in it fails the store for good.
    func perform<Result>(_ body: () throws(StorageError) -> Result) throws(StorageError) -> Result {
        if let failure { throw failure }
        do {
            return try body()
        } catch {
            failure = error
            throw error
        }
    }

    /// Runs `body` in one transaction, durable on return. An error leaves it open: closing the connection, or the
    /// next start, rolls it back.
    func transaction(_ body: () throws(StorageError) -> Void) throws(StorageError) {
        try connection.run(statements.begin, while: "beginning a transaction")
        try body()
        try connection.run(statements.commit, while: "committing")
    }

    /// Sizes now; zero for a file that can not be examined.
    public func measure() -> Measurements {
        var measurements = Measurements()
        measurements.databaseBytes = ((try? DataDirectory.size(of: directory.database)) ?? nil) ?? 0
        measurements.walBytes = ((try? DataDirectory.size(of: directory.writeAheadLog)) ?? nil) ?? 0
        measurements.uncheckpointedFrames = frames.waiting
        return measurements
    }

    /// Moves the WAL into the database, removes it and lets another process in. After a failure, without this call, or if
    /// the node has not gone on with what looks like a copy, the files stay as they are, for the next start to recover.
    public func close() throws(StorageError) {
        defer { lock.release() }
        hold?.giveUp("the node is stopped")
        guard failure == nil else { return connection.close(checkpointing: false) }
        defer { failure = .failed("\(directory.database): closed") }
        let isOrderly = contents != nil && copy == nil
        do {
            if isOrderly {
                try recordLogEnd()
                try store(isCleanStop: true)
                try frames.move(SQLITE_CHECKPOINT_TRUNCATE)
            }
        } catch {
            connection.close(checkpointing: false)
            throw error
        }
        connection.close(checkpointing: isOrderly)
    }
}

/// The statements that writing needs, prepared once.
struct StoreStatements {
    let begin: Statement
    let commit: Statement
    let updateNode: Statement
    let updateState: Statement
    let updateCheckpoint: Statement
    let log: LogTable
    /// When there is a past.
    private(set) var forgetting: Statement?
    private var upserts: [StateTable: Statement] = [:]
    private var deletions: [StateTable: Statement] = [:]
    private var records: [StateTable: Statement] = [:]
    private var merges: [StateTable: [Statement]] = [:]

    init(_ connection: Connection, schema: Int64) throws(StorageError) {
        // IMMEDIATE: takes the write lock at once, so that it is not refused after half of the work.
        begin = try connection.prepare("BEGIN IMMEDIATE")
        commit = try connection.prepare("COMMIT")
        updateNode = try connection.prepare(NodeRecord.update)
        updateState = try connection.prepare(RaftStateRecord.update)
        updateCheckpoint = try connection.prepare(CheckpointRecord.update)
        log = try LogTable(connection)
        for table in StateTable.present(at: schema) { try prepare(table, connection) }
    }

    /// For a table that is there now.
    mutating func prepare(_ table: StateTable, _ connection: Connection) throws(StorageError) {
        upserts[table] = try connection.prepare(table.upsert)
        deletions[table] = try connection.prepare(table.deletion)
        records[table] = try connection.prepare(table.changedInsertion)
        merges[table] = try table.mergers.map { sql throws(StorageError) in try connection.prepare(sql) }
        if table == .pastVersion { forgetting = try connection.prepare(LevelTable.forgetting) }
    }

    func upsert(_ table: StateTable) -> Statement { upserts[table]! }
    func deletion(_ table: StateTable) -> Statement { deletions[table]! }
    func record(_ table: StateTable) -> Statement { records[table]! }
    func mergers(_ table: StateTable) -> [Statement] { merges[table]! }
}

extension Connection {
    /// Creates all tables with the rows of a new node, in one transaction.
    fileprivate func createTables(_ identity: NodeIdentity) throws(StorageError) {
        try execute("BEGIN IMMEDIATE")
        try execute("PRAGMA application_id=\(Schema.applicationID)")
        try execute("PRAGMA user_version=\(Schema.version)")
        for sql in Schema.creation { try execute(sql) }
        for table in StateTable.present(at: Schema.version) {
            for sql in table.creations { try execute(sql) }
        }
        try insert(NodeRecord.insertion, NodeRecord(identity, isCleanStop: true).bind)
        try insert(RaftStateRecord.insertion, RaftStateRecord().bind)
        let empty = CheckpointRecord(
            applied: .zero, logBase: .zero, counters: Counters(), digest: MetadataStateMachine().digest)
        try insert(CheckpointRecord.insertion, empty.bind)
        try execute("COMMIT")
    }

    func insert(_ sql: String, _ bind: (Statement) -> Void) throws(StorageError) {
        let statement = try prepare(sql, isPersistent: false)
        defer { sqlite3_finalize(statement.handle) }
        bind(statement)
        try run(statement, while: "creating the tables")
    }
}
