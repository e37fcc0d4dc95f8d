import CSQLite
import Metadata
import Raft

/// The state tables at one checkpoint, read in chunks through a read-only connection beside the writer.
///
/// While it is open the WAL can not begin anew, so it grows with every commit: keep its life short.
public final class SnapshotReader {
    public let position: LogPosition
    public let counters: Counters
    public let digest: Digest

    private let connection: Connection
    private var tables = StateTable.allCases[...]
    private var current: (table: StateTable, statement: Statement)?
    /// Read, but too large for the last chunk.
    private var held: Row?

    /// Takes the state as of the last checkpoint of the store in `directory`.
    public init(directory: String, vfs: String? = nil) throws(StorageError) {
        connection = try Connection(
            path: DataDirectory(path: directory).database, flags: SQLITE_OPEN_READONLY, vfs: vfs)
        try connection.configureReader()
        try connection.execute("BEGIN")
        let stored = StoredNode(connection: connection)
        let checkpoint = try stored.checkpointRecord()
        position = checkpoint.applied
        counters = checkpoint.counters
        guard let digest = Digest(hexadecimal: checkpoint.digest) else {
            throw stored.damage("the checkpoint's digest is \"\(checkpoint.digest)\"")
        }
        self.digest = digest
    }

    deinit { close() }

    /// Rows of about `maxBytes` altogether (at least one); empty at the end. Topics come before their partitions.
    public func next(maxBytes: Int) throws(StorageError) -> [Row] {
        var rows: [Row] = []
        var bytes = 0
        while let row = try nextRow() {
            if !rows.isEmpty && bytes + row.storedSize > maxBytes {
                held = row
                break
            }
            rows.append(row)
            bytes += row.storedSize
        }
        return rows
    }

    private func nextRow() throws(StorageError) -> Row? {
        if let held {
            self.held = nil
            return held
        }
        while true {
            if let (table, statement) = current {
                if try connection.step(statement, while: "reading table \(table.name)") {
                    switch RowColumns.row(of: table, in: statement) {
                    case .success(let row): return row
                    case .failure(let fault): throw .damage(connection.path, "table \(table.name): \(fault.finding)")
                    }
                }
                current = nil
            }
            guard let table = tables.popFirst() else { return nil }
            current = (table, try connection.prepare(table.selection(from: table.name, inKeyOrder: true)))
        }
    }

    public func close() {
        tables = []
        current = nil
        held = nil
        connection.close(checkpointing: false)
    }
}

extension Row {
    /// About the bytes that the row takes on the wire.
    fileprivate var storedSize: Int {
        switch self {
        case .broker(let broker): 64 + broker.host.utf8.count + (broker.rack?.utf8.count ?? 0)
        case .topic(let topic): 128 + topic.name.utf8.count
        case .partition(let topic, let partition):
            64 + topic.utf8.count + 8 * (partition.replicas.count + partition.inSyncReplicas.count)
        case .keyValue(let pair): 64 + pair.key.bytes.count + pair.value.count
        }
    }
}
