import Metadata
import Raft

/// The one row of `raft_state`: what Raft must not forget, and a lower bound of the log's end.
package struct RaftStateRecord: Equatable {
    package var hardState = HardState()
    /// The log ends here or later. SQLite would not notice if a damaged page had lost the last entries; the checksums
    /// of the WAL cover those behind this index.
    var logReaches = LogIndex.zero

    static let selection = "SELECT current_term, voted_for, log_reaches, checksum FROM raft_state"
    static let insertion =
        "INSERT INTO raft_state (current_term, voted_for, log_reaches, checksum) VALUES (?1, ?2, ?3, ?4)"
    static let update = "UPDATE raft_state SET current_term = ?1, voted_for = ?2, log_reaches = ?3, checksum = ?4"

    package var checksum: Int64 {
        var crc = CRC32C()
        crc.update(hardState.currentTerm.number)
        crc.update(UInt64(hardState.votedFor == nil ? 0 : 1))
        crc.update(hardState.votedFor?.number ?? 0)
        crc.update(logReaches.number)
        return Int64(crc.value)
    }

    func bind(to statement: Statement) {
        statement.bind(1, hardState.currentTerm.number)
        statement.bind(2, hardState.votedFor.map { Int64(bitPattern: $0.number) })
        statement.bind(3, logReaches.number)
        statement.bind(4, checksum)
    }

    package init() {}

    init(_ row: Statement) {
        hardState.currentTerm = Term(row.unsigned(0))
        hardState.votedFor = row.optionalInteger(1).map { NodeID(UInt64(bitPattern: $0)) }
        logReaches = LogIndex(row.unsigned(2))
    }
}

/// The one row of `checkpoint`: where the state tables stand and where the log begins.
package struct CheckpointRecord: Equatable {
    var applied = LogPosition.zero
    var logBase = LogPosition.zero
    /// With the name of the cluster that the state is of, which a node knows earlier: it is in table `node` before the
    /// first entry.
    var counters = Counters()
    /// Of the rows and counters; 32 hexadecimal digits.
    var digest: String
    /// The places of changed rows that are not in the state tables yet; empty when these stand at `applied`.
    var changed: Range<UInt64> = 0..<0

    private static let columns =
        ["applied_index", "applied_term", "log_base_index", "log_base_term", "version", "revision"]
        + ["partitions_created", "changed_from", "changed_to", "cluster_id", "digest", "checksum"]

    static let selection = "SELECT \(columns.joined(separator: ", ")) FROM checkpoint"
    static let insertion =
        "INSERT INTO checkpoint (\(columns.joined(separator: ", "))) VALUES ("
        + columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ") + ")"
    static let update =
        "UPDATE checkpoint SET " + columns.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: ", ")
    static let checksumColumn = Int32(columns.count - 1)

    var numbers: [UInt64] {
        [
            applied.index.number, applied.term.number, logBase.index.number, logBase.term.number, counters.version,
            counters.revision, counters.partitionsCreated, changed.lowerBound, changed.upperBound,
        ]
    }

    package var checksum: Int64 {
        var crc = CRC32C()
        for number in numbers { crc.update(number) }
        crc.update(counters.clusterID)
        crc.update(digest)
        return Int64(crc.value)
    }

    func bind(to statement: Statement) {
        for (column, number) in numbers.enumerated() { statement.bind(Int32(column + 1), number) }
        statement.bind(10, counters.clusterID)
        statement.bind(11, digest)
        statement.bind(12, checksum)
    }

    package init(applied: LogPosition, logBase: LogPosition, counters: Counters, digest: Digest) {
        self.applied = applied
        self.logBase = logBase
        self.counters = counters
        self.digest = digest.description
    }

    init(_ row: Statement) {
        applied = LogPosition(term: Term(row.unsigned(1)), index: LogIndex(row.unsigned(0)))
        logBase = LogPosition(term: Term(row.unsigned(3)), index: LogIndex(row.unsigned(2)))
        counters.version = row.unsigned(4)
        counters.revision = row.unsigned(5)
        counters.partitionsCreated = row.unsigned(6)
        let (from, to) = (row.unsigned(7), row.unsigned(8))
        // Another order is damage, and fails the checksum as zeros.
        changed = from <= to ? from..<to : 0..<0
        counters.clusterID = row.optionalText(9)
        digest = row.text(10)
    }
}

extension Digest {
    /// From what ``description`` gives; `nil` for anything else.
    init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 32, let high = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
            let low = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
        else { return nil }
        self.init(high: high, low: low)
    }
}
