import Metadata
import Raft
import Server
import Wire

// Messages as proto3 has them in JSON: what is zero is left out, 64-bit integers are strings, octets are base64.
extension JSONWriter {
    /// Left out if it is 0.
    mutating func proto(_ name: StaticString, _ number: some FixedWidthInteger) {
        if number != 0 { quotedField(name, number) }
    }

    mutating func proto(_ name: StaticString, _ flag: Bool) { if flag { field(name, true) } }

    mutating func proto(_ name: StaticString, _ octets: [UInt8]) { if !octets.isEmpty { base64Field(name, octets) } }

    mutating func proto(_ pair: KeyValue, keysOnly: Bool = false) {
        object { json in
            json.base64Field("key", pair.key.bytes)
            json.proto("create_revision", pair.createRevision)
            json.proto("mod_revision", pair.modRevision)
            json.proto("version", pair.version)
            if !keysOnly { json.proto("value", pair.value) }
            json.proto("lease", pair.lease ?? 0)
        }
    }

    /// - Parameter revision: `nil` where etcd leaves it out.
    mutating func header(_ service: any NodeService, revision: UInt64?) {
        let standing = service.standing
        objectField("header") { json in
            json.proto("cluster_id", standing.clusterNumber)
            json.proto("member_id", service.id.number)
            json.proto("revision", revision ?? 0)
            json.proto("raft_term", standing.term.number)
        }
    }

    /// That of an operation within a transaction.
    mutating func innerHeader(revision: UInt64?) {
        objectField("header") { $0.proto("revision", revision ?? 0) }
    }
}
