import HTTP
import Raft
import Server
import Wire

/// The cluster as services.json describes it.
struct ServicesFile: Equatable, Sendable {
    /// In ascending id.
    var members: [Member]
    /// `controller.electionTimeoutMs`, not yet checked.
    var electionTimeoutMs: Int64?

    /// The sizes that a cluster can have. Beyond seven every write waits for too many disks.
    static let clusterSizes = 1...Limits.maxMembers

    /// Reads and checks the file. Errors name `path` and the node that is wrong.
    init(_ bytes: [UInt8], path: String) throws(ConfigurationError) {
        let nodes: [Node]
        do {
            // Editors of some systems put a mark in front (RFC 8259 §8.1 lets a reader ignore it).
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            (nodes, electionTimeoutMs) = try Self.parse(bytes.starts(with: mark) ? Array(bytes.dropFirst(3)) : bytes)
        } catch {
            throw ConfigurationError("\(path): \(error)")
        }
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
    }

    /// One node as it stands in the file.
    private struct Node {
        var id: Int64
        var host: String
        var port: Int64
        var url: String?
    }

    private static func parse(
        _ bytes: [UInt8]
    ) throws(JSONInputError) -> (nodes: [Node], electionTimeoutMs: Int64?) {
        let document = try JSONObject(parsing: bytes)
        let any = Int64.min...Int64.max
        let nodes = try document.objectIfPresent("services") { services throws(JSONInputError) in
            try services.objects("metadata-services") { node throws(JSONInputError) in
                Node(
                    id: try node.integer("id", in: any), host: try node.string("host"),
                    port: try node.integer("port", in: any), url: try node.stringIfPresent("url"))
            }
        }
        guard let nodes else { throw JSONInputError(code: .missingField, field: "services", problem: "is missing") }
        let timeout = try document.objectIfPresent("controller") { controller throws(JSONInputError) in
            // Wrapped, as an absent field is no error.
            [try controller.integerIfPresent("electionTimeoutMs", in: any)]
        }
        return (nodes, timeout?.first ?? nil)
    }

    private static func member(_ node: Node, at place: String) throws(ConfigurationError) -> Member {
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
        guard HostSyntax.isHost(node.host) else {
            throw ConfigurationError(
                "\(place).host is \"\(node.host)\", which is neither a name nor an IPv6 address; the port stands in port"
            )
        }
        let usual = Member.url(host: node.host, port: port)
        let url = node.url ?? usual
        // Sent to clients in a header, so nothing may end the line.
        guard url.hasPrefix("http://") || url.hasPrefix("https://"),
            url.unicodeScalars.allSatisfy({ $0.value > 0x20 && $0.value < 0x7F })
        else {
            throw ConfigurationError(
                "\(place).url is \"\(url)\"; give what clients reach the node by, like \(usual)")
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
}

extension ServicesFile {
    /// The members that `file` lists, or the services file that is found without a name; for commands.
    static func members(of file: String?) throws(CommandFailure) -> [Member] {
        do throws(ConfigurationError) {
            var flags: [ConfigurationKey: String] = [:]
            flags[.servicesFile] = file
            let sources = try ConfigurationSources(flags: flags, readFile: readFile)
            return try ConfigurationReader(sources: sources).readServices().services.members
        } catch {
            throw CommandFailure(error)
        }
    }
}
