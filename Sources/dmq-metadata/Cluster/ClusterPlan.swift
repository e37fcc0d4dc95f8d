import Raft
import Server

/// What `cluster` starts: one `serve` for each member.
struct ClusterPlan {
    struct Node: Equatable {
        var id: NodeID
        /// Where the parent reaches it.
        var endpoint: Endpoint
        var arguments: [String]
    }

    var nodes: [Node] = []

    /// Settings that differ from node to node, and so can not be given for all.
    static let perNode: [ConfigurationKey] = [.nodeID, .serverPort, .dataDirectory, .rejoin]

    init() {}

    /// Reads every node's configuration as the node itself will, so that a mistake is told once and before any starts.
    init(
        flags: [ConfigurationKey: String], environment: [String: String], dataDirectory: String,
        readFile: @escaping (String) -> FileContents
    ) throws(ConfigurationError) {
        let sources = try ConfigurationSources(flags: flags, environment: environment, readFile: readFile)
        let members = try ConfigurationReader(sources: sources).readServices().services.members
        for member in members {
            var all = flags
            all[.nodeID] = member.id.description
            // Said even where it is the default: the environment may hold one node's.
            all[.serverPort] = member.port.description
            all[.dataDirectory] = "\(dataDirectory)/node\(member.id)"
            let own = try ConfigurationSources(flags: all, environment: environment, readFile: readFile)
            let configuration = try ConfigurationReader(sources: own).read()
            let settings = ConfigurationKey.allCases.compactMap { key in all[key].map { "--\(key.rawValue)=\($0)" } }
            nodes.append(
                Node(
                    id: member.id, endpoint: Self.endpoint(configuration),
                    arguments: ["dmq-metadata", "serve", "--stop-at-end-of-input"] + settings))
        }
    }

    private static func endpoint(_ configuration: NodeConfiguration) -> Endpoint {
        let everywhere = ["0.0.0.0", "::"]
        let host = configuration.listenHost.flatMap { everywhere.contains($0) ? nil : $0 } ?? "127.0.0.1"
        return Endpoint(host: host, port: configuration.listenPort)
    }

    /// A node's environment: without what a service manager told the parent alone.
    static func environment(from environment: [String: String]) -> [String: String] {
        var own = environment
        for name in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID"] { own[name] = nil }
        return own
    }
}
