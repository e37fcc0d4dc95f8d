import FoundationEssentials
import Raft
import Server

/// The cluster as services.json describes it.
struct ServicesFile: Equatable, Sendable {
    /// In ascending id.
    var members: [Member]
    /// `controller.electionTimeoutMs`, not yet checked.
    var electionTimeoutMs: Int64?

    /// The sizes that a cluster can have. Beyond seven every write waits for too many disks.
    static let clusterSizes = 1...7

    /// Reads and checks the file. Errors name `path` and the node that is wrong.
    init(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        let document: Document
        do {
            document = try JSONDecoder().decode(Document.self, from: Data(bytes))
        } catch let error as DecodingError {
            throw ConfigurationError("\(path): \(Self.explain(error))")
        } catch {
            throw ConfigurationError("\(path): not valid JSON")
        }
        let nodes = document.services.nodes
        guard Self.clusterSizes.contains(nodes.count) else {
            let found = nodes.isEmpty ? "lists no node" : "lists \(nodes.count) nodes"
            throw ConfigurationError("\(path): services.metadata-services \(found); a cluster has 1 to 7")
        }
        var members: [Member] = []
        for (index, node) in nodes.enumerated() {
            let member = try Self.member(node, at: "\(path): services.metadata-services[\(index)]")
            try Self.refuseDuplicate(of: member, in: members, at: "\(path): services.metadata-services[\(index)]")
            members.append(member)
        }
        self.members = members.sorted { $0.id < $1.id }
        self.electionTimeoutMs = document.controller?.electionTimeoutMs
    }

    private struct Document: Decodable {
        struct Services: Decodable {
            var nodes: [Node]
            enum CodingKeys: String, CodingKey { case nodes = "metadata-services" }
        }
        struct Node: Decodable {
            var id: Int64
            var host: String
            var port: Int64
            var url: String?
        }
        struct Controller: Decodable { var electionTimeoutMs: Int64? }
        var services: Services
        var controller: Controller?
    }

    private static func member(_ node: Document.Node, at place: String) throws(ConfigurationError) -> Member {
        guard node.id > 0 else {
            throw ConfigurationError("\(place).id is \(node.id); node ids are positive integers")
        }
        guard let port = UInt16(exactly: node.port), port > 0 else {
            throw ConfigurationError("\(place).port is \(node.port); a port is a number from 1 to 65535")
        }
        guard !node.host.isEmpty,
            !node.host.unicodeScalars.contains(where: { " \t\r\n/@?#[]".unicodeScalars.contains($0) })
        else {
            throw ConfigurationError(
                "\(place).host is \"\(node.host)\"; give a name or an address without scheme, brackets or port")
        }
        let authority = node.host.contains(":") ? "[\(node.host)]" : node.host
        let url = node.url ?? "http://\(authority):\(port)"
        // Sent to clients in a header, so nothing may end the line.
        guard url.hasPrefix("http://") || url.hasPrefix("https://"),
            url.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F })
        else {
            throw ConfigurationError(
                "\(place).url is \"\(url)\"; give what clients reach the node by, like http://\(authority):\(port)")
        }
        return Member(id: NodeID(UInt64(node.id)), host: node.host, port: port, url: url)
    }

    private static func refuseDuplicate(
        of member: Member, in members: [Member], at place: String
    ) throws(ConfigurationError) {
        for other in members {
            if other.id == member.id {
                throw ConfigurationError("\(place).id is \(member.id), which another node has; ids are unique")
            }
            if other.host == member.host && other.port == member.port {
                throw ConfigurationError(
                    "\(place) has the host and port of node \(other.id) (\(member.host):\(member.port)); "
                        + "each node needs its own")
            }
            if other.url == member.url {
                throw ConfigurationError("\(place).url is that of node \(other.id) (\(member.url)); each needs its own")
            }
        }
    }

    private static func explain(_ error: DecodingError) -> String {
        switch error {
        case .keyNotFound(let key, let context):
            return "\(path(context.codingPath + [key])) is missing"
        case .typeMismatch(let type, let context):
            return "\(path(context.codingPath)) must be \(name(of: type))"
        case .valueNotFound(let type, let context):
            return "\(path(context.codingPath)) is null; it must be \(name(of: type))"
        case .dataCorrupted(let context):
            if !context.codingPath.isEmpty { return "\(path(context.codingPath)): \(context.debugDescription)" }
            let reason = (context.underlyingError as? CocoaError)?.userInfo["NSDebugDescription"] as? String
            return "not valid JSON: \(reason ?? context.debugDescription)"
        @unknown default:
            return "not valid JSON"
        }
    }

    private static func path(_ keys: [any CodingKey]) -> String {
        var path = ""
        for key in keys {
            if let index = key.intValue {
                path += "[\(index)]"
            } else {
                path += path.isEmpty ? key.stringValue : "." + key.stringValue
            }
        }
        return path.isEmpty ? "the document" : path
    }

    private static func name(of type: any Any.Type) -> String {
        if type == Int64.self { return "an integer" }
        if type == String.self { return "a text" }
        return type is any RandomAccessCollection.Type ? "a list" : "an object"
    }
}
