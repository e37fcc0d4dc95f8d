import CSQLite
import FoundationEssentials
import Metadata
import Raft
import Storage
import Testing

/// A fresh directory that goes with its owner.
final class TestDirectory {
    let path: String

    init(in parent: String = FileManager.default.temporaryDirectory.path) throws {
        path = parent + "/storage-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var database: String { path + "/node.db" }
    var writeAheadLog: String { path + "/node.db-wal" }

    /// The files as a crash of the process would leave them now.
    func crashImage() throws -> TestDirectory {
        let image = try TestDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name != "node.db-shm" {
            try FileManager.default.copyItem(atPath: path + "/" + name, toPath: image.path + "/" + name)
        }
        try image.adoptFiles()
        return image
    }

    /// Makes the mark name the files that are here, which a crash does not exchange.
    func adoptFiles() throws {
        guard exists("node.lock") else { return }
        let lines = try text(of: "node.lock").split(separator: "\n").map { line in
            line.hasPrefix("inodes ")
                ? "inodes \(try number(of: "node.lock")) \(try number(of: "node.db"))" : String(line)
        }
        try write(Array((lines.joined(separator: "\n") + "\n").utf8), to: "node.lock")
    }

    /// The inode number.
    func number(of name: String) throws -> UInt64 {
        let attributes = try FileManager.default.attributesOfItem(atPath: path + "/" + name)
        return try #require(attributes[.systemFileNumber] as? UInt64)
    }

    func text(of name: String) throws -> String { String(decoding: try bytes(of: name), as: UTF8.self) }

    func bytes(of name: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: URL(filePath: path + "/" + name)))
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        // In place: another file would have another number.
        try Data(bytes).write(to: URL(filePath: path + "/" + name), options: [])
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: path + "/" + name) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: path + "/" + name) }

    /// Every file with its content.
    func contents() throws -> [String: [UInt8]] {
        let names = try FileManager.default.contentsOfDirectory(atPath: path)
        return Dictionary(uniqueKeysWithValues: try names.map { ($0, try bytes(of: $0)) })
    }

    /// Inverts one bit of a file.
    func flip(_ name: String, at offset: Int) throws {
        var content = try bytes(of: name)
        content[offset] ^= 0x10
        try write(content, to: name)
    }

    /// Runs SQL as a person with the sqlite3 shell would; the first columns of the rows.
    @discardableResult
    func sql(_ sql: String, readOnly: Bool = false) throws -> [String] {
        var database: OpaquePointer?
        let flags = readOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE
        try #require(sqlite3_open_v2(self.database, &database, flags, nil) == SQLITE_OK)
        defer { sqlite3_close(database) }
        var statement: OpaquePointer?
        try #require(sqlite3_prepare_v2(database, sql, -1, &statement, nil) == SQLITE_OK, "\(sql)")
        defer { sqlite3_finalize(statement) }
        var rows: [String] = []
        while true {
            let code = sqlite3_step(statement)
            if code == SQLITE_DONE { return rows }
            try #require(code == SQLITE_ROW, "\(sql)")
            rows.append(sqlite3_column_text(statement, 0).map { String(cString: $0) } ?? "NULL")
        }
    }
}

/// What tests name new directories.
let newDirectory = DirectoryID(high: 1, low: 2)

extension NodeStore {
    convenience init(directory: String, node: NodeID, vfs: String? = nil) throws(StorageError) {
        try self.init(directory: directory, node: node, newDirectory: newDirectory, vfs: vfs)
    }

    /// Opened and recovered.
    static func open(_ directory: TestDirectory, node: UInt64 = 1) throws -> (NodeStore, RecoveredNode) {
        let store = try NodeStore(directory: directory.path, node: NodeID(node))
        return (store, try store.recover { _ in })
    }
}

/// The state that a restart would give.
func reopen(_ directory: TestDirectory) throws -> RecoveredNode { try NodeStore.open(directory).1 }

func entry(_ index: UInt64, term: UInt64 = 1, _ text: String? = nil) -> LogEntry {
    LogEntry(
        index: LogIndex(index), term: Term(term), type: "PUT", data: Array((text ?? "PUT\n/k\(index)\nv").utf8),
        timestamp: 1_700_000_000_000 + Int64(index))
}

func entries(_ range: ClosedRange<UInt64>, term: UInt64 = 1) -> [LogEntry] { range.map { entry($0, term: term) } }

func write(
    _ entries: [LogEntry] = [], term: UInt64? = nil, vote: UInt64? = nil, truncateFrom: UInt64? = nil
) -> Write {
    Write(
        id: WriteID(1), hardState: term.map { HardState(currentTerm: Term($0), votedFor: vote.map { NodeID($0) }) },
        truncateFrom: truncateFrom.map { LogIndex($0) }, entries: entries)
}

func position(_ index: UInt64, term: UInt64 = 1) -> LogPosition {
    LogPosition(term: Term(term), index: LogIndex(index))
}

func pair(_ key: String, _ value: [UInt8] = Array("v".utf8), revision: UInt64 = 1) -> Row {
    .keyValue(
        KeyValue(
            key: Key(validated: Array(key.utf8)), value: value, createRevision: 1, modRevision: revision,
            version: revision))
}

/// The checkpoint that brings empty tables to `rows`.
func checkpoint(
    _ rows: [Row], at position: LogPosition, counters: Counters = Counters(clusterID: "c1", version: 1, revision: 1),
    compactThrough: LogPosition? = nil
) throws -> Checkpoint {
    Checkpoint(
        position: position, changes: rows.map { RowChange(key: $0.key, row: $0) }, counters: counters,
        digest: try machine(rows, counters).digest, compactThrough: compactThrough)
}

func machine(_ rows: [Row], _ counters: Counters) throws -> MetadataStateMachine {
    var machine = MetadataStateMachine(counters: counters)
    for row in rows { try machine.restore(row) }
    try machine.finishRestoration()
    return machine
}

/// One of everything, topics before their partitions.
let sampleRows: [Row] = [
    .broker(Broker(id: 101, host: "localhost", port: 8081, rack: nil, status: .online, registeredAt: 1)),
    .broker(Broker(id: 102, host: "höst", port: 8082, rack: "r1", status: .offline, registeredAt: 2)),
    .topic(
        Topic(
            name: "orders", partitionCount: 2, replicationFactor: 2, createdAt: 3, configuration: TopicConfiguration())),
    .partition(
        topic: "orders",
        Partition(id: 0, leader: 101, replicas: [101, 102], inSyncReplicas: [101], leaderEpoch: 1)),
    .partition(
        topic: "orders",
        Partition(id: 1, leader: nil, replicas: [102, 101], inSyncReplicas: [102], leaderEpoch: 0)),
    pair("/a"), pair("/b/c", [0xff, 0x00, 0x10]), pair("/empty", []),
    pair("/nul\u{0}key", Array("nul\u{0}value".utf8)), pair("/line\nbreak"),
    pair("/e\u{301}", Array("NFD".utf8)), pair("/\u{e9}", Array("NFC".utf8)),
]

/// Two members: this node, and one that was never heard of.
let sampleIdentity: NodeIdentity = {
    var identity = NodeIdentity(node: NodeID(1), directory: newDirectory)
    identity.run = Run(number: 7, nonce: 0x3fa)
    identity.clusterID = "c1"
    identity.bornAt = 1_700_000_000_000
    identity.members = [
        KnownMember(id: NodeID(1), directory: newDirectory, isAdmitted: true, run: Run(number: 7, nonce: 0x3fa)),
        KnownMember(id: NodeID(2)),
    ]
    identity.electors = [NodeID(1), NodeID(2)]
    identity.floor = position(3)
    return identity
}()

/// What the body throws as a ``StorageError``.
func storageError(_ body: () throws -> Void) -> StorageError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StorageError
    }
}

/// Expects damage whose text contains `finding`.
func expectDamage(
    _ finding: String, sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void
) {
    guard case .damaged(let text)? = storageError(body) else {
        Issue.record("no damage was found", sourceLocation: sourceLocation)
        return
    }
    #expect(text.contains(finding), sourceLocation: sourceLocation)
}
