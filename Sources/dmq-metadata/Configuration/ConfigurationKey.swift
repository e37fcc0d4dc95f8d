/// A setting of a node. The raw value is its name in flags (`--name`) and in the configuration file.
enum ConfigurationKey: String, CaseIterable, Sendable {
    case nodeID = "kraft.node-id"
    case serverPort = "server.port"
    case serverHost = "server.host"
    case serverMemory = "server.memory-mb"
    case allowedHosts = "server.allowed-hosts"
    case forward = "api.forward"
    case servicesFile = "kraft.services-file"
    case clusterSize = "kraft.cluster-size"
    case dataDirectory = "kraft.data-dir"
    case bootstrap = "kraft.bootstrap"
    case rejoin = "kraft.rejoin"
    case repair = "kraft.repair"
    case electionTimeout = "kraft.raft.election-timeout-ms"
    case electionTimeoutJitter = "kraft.raft.election-timeout-jitter-ms"
    case heartbeatInterval = "kraft.raft.heartbeat-interval-ms"
    case brokerHeartbeatTimeout = "metadata.heartbeat.timeout-ms"
    case brokerHeartbeatCheckInterval = "metadata.heartbeat.check-interval-ms"
    case leaderRebalanceInterval = "metadata.leader-rebalance.interval-ms"
    case historyAge = "kv.history.max-age-s"
    case historySize = "kv.history.max-mb"
    case logLevel = "logging.level"
    case logFormat = "logging.format"
    case configurationFile = "config"

    /// The environment variable: the name in capitals, with `_` for `.` and `-`. A bare `CONFIG` could be anybody's.
    var environmentName: String {
        if self == .configurationFile { return "KRAFT_CONFIG" }
        return String(rawValue.uppercased().map { $0 == "." || $0 == "-" ? "_" : $0 })
    }

    /// Whether a file may hold it: a configuration file can not name another one.
    var isAllowedInFile: Bool { self != .configurationFile }

    /// Whether `name` is a table above keys, such as `kraft` or `kraft.raft`.
    static func isSection(_ name: String) -> Bool {
        allCases.contains { $0.rawValue.hasPrefix(name + ".") }
    }
}
