import Raft

/// The one row of `node`: whose data this is, and whom the node takes for its cluster.
package struct NodeRecord: Equatable {
    var identity: NodeIdentity
    /// Whether the database is whole without its write-ahead log: it was closed in order, or no start has gone on with
    /// it since it was created or recovered.
    var isCleanStop: Bool
    var schemaVersion: Int64 = Schema.version

    private static let columns =
        ["node_id", "directory_id", "cluster_id", "born_at", "run_number", "run_nonce", "members", "electors"]
        + ["settled", "floor_term", "floor_index", "clean_stop", "schema_version", "checksum"]

    static let selection = "SELECT \(columns.joined(separator: ", ")) FROM node"
    static let insertion =
        "INSERT INTO node (\(columns.joined(separator: ", "))) VALUES ("
        + columns.indices.map { "?\($0 + 1)" }.joined(separator: ", ") + ")"
    static let update =
        "UPDATE node SET " + columns.enumerated().map { "\($1) = ?\($0 + 1)" }.joined(separator: ", ")
    static let checksumColumn = Int32(columns.count - 1)

    package init(_ identity: NodeIdentity, isCleanStop: Bool = false) {
        self.identity = identity
        self.isCleanStop = isCleanStop
    }

    private var runNonce: String { String(identity.run.nonce, radix: 16) }
    private var members: String { MembersText.encode(identity.members) }
    private var electors: String {
        IntegerArrayText.encode(identity.electors.map { Int64(bitPattern: $0.number) })
    }

    package var checksum: Int64 {
        var crc = CRC32C()
        crc.update(identity.node.number)
        crc.update(identity.directory.description)
        crc.update(identity.clusterID)
        crc.update(UInt64(identity.bornAt == nil ? 0 : 1))
        crc.update(identity.bornAt ?? 0)
        crc.update(identity.run.number)
        crc.update(runNonce)
        crc.update(members)
        crc.update(electors)
        crc.update(UInt64(identity.isSettled ? 1 : 0))
        crc.update(identity.floor.term.number)
        crc.update(identity.floor.index.number)
        crc.update(UInt64(isCleanStop ? 1 : 0))
        crc.update(schemaVersion)
        return Int64(crc.value)
    }

    func bind(to statement: Statement) {
        statement.bind(1, identity.node.number)
        statement.bind(2, identity.directory.description)
        statement.bind(3, identity.clusterID)
        statement.bind(4, identity.bornAt)
        statement.bind(5, identity.run.number)
        statement.bind(6, runNonce)
        statement.bind(7, members)
        statement.bind(8, electors)
        statement.bind(9, identity.isSettled)
        statement.bind(10, identity.floor.term.number)
        statement.bind(11, identity.floor.index.number)
        statement.bind(12, isCleanStop)
        statement.bind(13, schemaVersion)
        statement.bind(14, checksum)
    }

    init(_ row: Statement) throws(RowFault) {
        guard let directory = DirectoryID(row.text(1)), directory.description == row.text(1) else {
            throw RowFault(finding: "an unreadable directory_id, \"\(row.text(1))\"")
        }
        guard let nonce = UInt64(row.text(5), radix: 16) else {
            throw RowFault(finding: "an unreadable run_nonce, \"\(row.text(5))\"")
        }
        guard let members = MembersText.decode(row.text(6)) else {
            throw RowFault(finding: "unreadable members, \(row.text(6))")
        }
        guard let electors = IntegerArrayText.decode(row.rawBytes(7)) else {
            throw RowFault(finding: "unreadable electors, \(row.text(7))")
        }
        guard let isSettled = row.bool(8), let isCleanStop = row.bool(11) else {
            throw RowFault(finding: "neither 0 nor 1 in settled or clean_stop")
        }
        identity = NodeIdentity(node: NodeID(row.unsigned(0)), directory: directory)
        identity.clusterID = row.optionalText(2)
        identity.bornAt = row.optionalInteger(3)
        identity.run = Run(number: row.unsigned(4), nonce: nonce)
        identity.members = members
        identity.electors = electors.map { NodeID(UInt64(bitPattern: $0)) }
        identity.isSettled = isSettled
        identity.floor = LogPosition(term: Term(row.unsigned(9)), index: LogIndex(row.unsigned(10)))
        self.isCleanStop = isCleanStop
        schemaVersion = row.integer(12)
    }
}
