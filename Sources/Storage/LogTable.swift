import CSQLite
import Raft

/// The statements on `raft_log` that commits use.
final class LogTable {
    private let connection: Connection
    private let insertion: Statement
    private let truncation: Statement
    private let compaction: Statement
    private let termQuery: Statement
    /// The type that `insertion` has bound now, with its part of the checksum's input. Runs of one type are the rule.
    private var boundType: String?

    init(_ connection: Connection) throws(StorageError) {
        self.connection = connection
        insertion = try connection.prepare(
            """
            INSERT INTO raft_log (log_index, term, command_type, command_data, timestamp, checksum)
            VALUES (?1, ?2, ?3, ?4, ?5, ?6)
            """)
        truncation = try connection.prepare("DELETE FROM raft_log WHERE log_index >= ?1")
        compaction = try connection.prepare("DELETE FROM raft_log WHERE log_index <= ?1")
        termQuery = try connection.prepare("SELECT term FROM raft_log WHERE log_index = ?1")
    }

    /// Plain INSERT: an entry that is already there is a defect that must not pass.
    func insert(_ entry: LogEntry) throws(StorageError) {
        let isReadable = ReadableText.isReadable(entry.data)
        if boundType != entry.type {
            insertion.bind(3, entry.type)
            boundType = entry.type
        }
        insertion.bind(1, entry.index.number)
        insertion.bind(2, entry.term.number)
        insertion.bind(5, entry.timestamp)
        insertion.bind(6, Int64(LogChecksum.of(entry)))
        let code = entry.data.withUnsafeBytes { data in
            insertion.check(insertion.bind(4, data, asText: isReadable, Statement.inPlace))
            let code = sqlite3_step(insertion.handle)
            // Still within the closure: the statement refers to the bytes until it is reset or bound anew.
            if code == SQLITE_DONE { sqlite3_reset(insertion.handle) }
            return code
        }
        guard code == SQLITE_DONE else {
            throw connection.failure(code, while: "storing log entry \(entry.index)")
        }
    }

    func truncate(from index: LogIndex) throws(StorageError) {
        truncation.bind(1, index.number)
        try connection.run(truncation, while: "truncating the log from entry \(index)")
    }

    func compact(through index: LogIndex) throws(StorageError) {
        compaction.bind(1, index.number)
        try connection.run(compaction, while: "deleting the log up to entry \(index)")
    }

    /// The term of a stored entry.
    func term(at index: LogIndex) throws(StorageError) -> Term? {
        termQuery.bind(1, index.number)
        defer { sqlite3_reset(termQuery.handle) }
        return try connection.step(termQuery, while: "reading log entry \(index)")
            ? Term(termQuery.unsigned(0)) : nil
    }
}

/// What protects an entry from damage that SQLite does not see: it checks a page's structure, not its content.
package enum LogChecksum {
    package static func of(_ entry: LogEntry) -> UInt32 {
        var crc = CRC32C()
        update(&crc, entry.index, entry.term, entry.timestamp)
        crc.update(entry.type)
        crc.update(entry.data)
        return crc.value
    }

    /// The same, over the columns as they are stored.
    static func of(
        index: LogIndex, term: Term, timestamp: Int64, type: UnsafeRawBufferPointer, data: UnsafeRawBufferPointer
    ) -> UInt32 {
        var crc = CRC32C()
        update(&crc, index, term, timestamp)
        crc.update(UInt64(type.count))
        crc.update(type)
        crc.update(data)
        return crc.value
    }

    private static func update(_ crc: inout CRC32C, _ index: LogIndex, _ term: Term, _ timestamp: Int64) {
        crc.update(index.number)
        crc.update(term.number)
        crc.update(timestamp)
    }
}
