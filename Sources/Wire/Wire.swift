// Skeleton: the signatures other targets build on.
import Metadata
import Raft

public struct WireError: Error, Equatable, Sendable, CustomStringConvertible {
    public var description: String
    public init(_ description: String) { self.description = description }
}

/// Commands as log payloads: a type name and self-describing bytes (JSON text, or `PUT`/`DEL` payloads).
public enum CommandCodec {
    public static func encode(_ command: Command) -> (type: String, data: [UInt8]) { ("", []) }
    public static func decode(type: String, data: [UInt8]) throws(WireError) -> Command { throw WireError("") }
}

/// Rows as snapshot chunks.
public enum RowCodec {
    public static func encode(_ row: Row, into bytes: inout [UInt8]) {}
    public static func decode(chunk: [UInt8]) throws(WireError) -> [Row] { [] }
}

/// Peer messages in the dense form that nodes use between themselves.
public enum MessageCodec {
    public static let contentType = "application/vnd.dmq.raft"
    /// `clusterID`: the sender's, if it knows one. `sender`: the node that asks.
    public static func encode(_ request: Request, sender: NodeID, clusterID: String?) -> [UInt8] { [] }
    public static func decodeRequest(_ bytes: [UInt8]) throws(WireError) -> (
        request: Request, sender: NodeID, clusterID: String?
    ) { throw WireError("") }
    public static func encode(_ reply: Reply) -> [UInt8] { [] }
    public static func decodeReply(_ bytes: [UInt8]) throws(WireError) -> Reply { throw WireError("") }
}
