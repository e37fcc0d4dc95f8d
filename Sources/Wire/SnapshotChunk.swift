import Metadata
import Raft

extension Counters.Members {
    /// What an entry of type ``LogEntry/configuration`` says.
    public init(_ entry: LogEntry) {
        self.init(index: entry.index.number, text: String(decoding: entry.data, as: UTF8.self))
    }
}

/// One chunk of a snapshot: rows, and in chunk 0 what is not in rows.
public struct SnapshotChunk: Equatable, Sendable {
    /// What the rows of all chunks must add up to.
    public struct Header: Equatable, Sendable {
        public var counters: Counters
        public var digest: Digest

        public init(counters: Counters, digest: Digest) {
            self.counters = counters
            self.digest = digest
        }
    }

    /// In chunk 0, and only there.
    public var header: Header?
    public var rows: [Row]

    public init(header: Header? = nil, rows: [Row]) {
        self.header = header
        self.rows = rows
    }

    private static let version: UInt8 = 5
    /// Of releases which knew no ids for producers, one level of placement.version, no levels, or no members in the state either. They are sent no
    /// state that has any.
    private static let versionWithoutProducers: UInt8 = 4
    private static let versionWithoutPlacement: UInt8 = 3
    private static let versionWithoutLevel: UInt8 = 2
    private static let versionWithoutMembers: UInt8 = 1

    public func encode() -> [UInt8] {
        let members = header?.counters.members
        let version = header.map { Self.version(of: $0.counters) } ?? Self.versionWithoutMembers
        var bytes: [UInt8] = [version]
        bytes.appendBool(header != nil)
        if let header {
            bytes.appendOptional(header.counters.clusterID)
            bytes.appendVarint(header.counters.version)
            bytes.appendVarint(header.counters.revision)
            bytes.appendVarint(header.counters.partitionsCreated)
            bytes.appendFixed64(header.digest.high)
            bytes.appendFixed64(header.digest.low)
            if version >= Self.versionWithoutPlacement {
                bytes.appendVarint(UInt64(header.counters.level))
                if version > Self.versionWithoutPlacement {
                    bytes.appendVarint(UInt64(header.counters.placementLevel))
                }
                if version == Self.version { bytes.appendVarint(header.counters.nextProducerID) }
                bytes.appendVarint(header.counters.horizon)
                bytes.appendBool(members != nil)
            }
            if let members {
                bytes.appendVarint(members.index)
                bytes.appendCounted(members.text)
            }
        }
        for row in rows { RowCodec.encode(row, into: &bytes) }
        return bytes
    }

    private static func version(of counters: Counters) -> UInt8 {
        if counters.nextProducerID > 0 { return version }
        if counters.placementLevel > 1 { return versionWithoutProducers }
        if counters.level > 1 { return versionWithoutPlacement }
        return counters.members == nil ? versionWithoutMembers : versionWithoutLevel
    }

    /// Never traps; see ``RowCodec/decode(chunk:)``.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = ByteReader(bytes, subject: "snapshot chunk")
        let version = try reader.byte()
        guard (Self.versionWithoutMembers...Self.version).contains(version) else {
            throw reader.error("version \(version), not \(Self.version)")
        }
        header = try reader.bool() ? try Self.decodeHeader(&reader, version) : nil
        // Only a header has members or a level in it.
        guard header != nil || version == Self.versionWithoutMembers else { throw reader.error("no header") }
        rows = try RowCodec.decodeRows(&reader)
    }

    private static func decodeHeader(_ reader: inout ByteReader, _ version: UInt8) throws(WireError) -> Header {
        let clusterID = try reader.clusterID()
        var counters = Counters(
            clusterID: clusterID, version: try reader.varint(in: Limits.counter),
            revision: try reader.varint(in: Limits.counter), partitionsCreated: try reader.varint(in: Limits.counter))
        let digest = Digest(high: try reader.fixed64(), low: try reader.fixed64())
        var hasMembers = version == Self.versionWithoutLevel
        if version >= Self.versionWithoutPlacement {
            counters.level = Int(try reader.varint(in: 2...Limits.maxFeatureLevel))
            if version > Self.versionWithoutPlacement {
                let lowest: Int64 = version == Self.version ? 1 : 2
                counters.placementLevel = Int(try reader.varint(in: lowest...Limits.maxFeatureLevel))
            }
            if version == Self.version {
                counters.nextProducerID = try reader.varint(in: 1...Limits.counter.upperBound)
            }
            counters.horizon = try reader.varint(in: Limits.counter)
            guard counters.horizon <= counters.revision else { throw reader.error("a horizon beyond the revision") }
            hasMembers = try reader.bool()
        }
        if hasMembers {
            let index = try reader.varint(in: Limits.counter)
            let text = try reader.countedString(maxBytes: Limits.maxMembersBytes)
            guard Configuration(text: text) != nil else { throw reader.error("malformed list of members") }
            counters.members = Counters.Members(index: index, text: text)
        }
        return Header(counters: counters, digest: digest)
    }
}
