import ArgumentParser

/// The flags of a node. All are texts here: what is wrong with a value is told in one place for all sources, by
/// ``ConfigurationReader``.
struct ConfigurationOptions: ParsableArguments {
    @Option(
        name: .customLong("kraft.node-id"),
        help: ArgumentHelp("Which node of the services file this is (KRAFT_NODE_ID).", valueName: "id"))
    var nodeID: String?

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "A file like etc/application.yml with any of these settings (KRAFT_CONFIG).", valueName: "file"))
    var configurationFile: String?

    @Option(
        name: .customLong("kraft.services-file"),
        help: ArgumentHelp(
            "The file that lists the nodes; etc/services.json, then /etc/dmq-metadata/services.json.", valueName: "file"
        ))
    var servicesFile: String?

    @Option(
        name: .customLong("kraft.cluster-size"),
        help: ArgumentHelp("How many nodes the services file must list; for safety only.", valueName: "n"))
    var clusterSize: String?

    @Option(
        name: .customLong("kraft.data-dir"),
        help: ArgumentHelp(
            "This node's directory; $STATE_DIRECTORY under systemd, else data/node<id>.", valueName: "dir"))
    var dataDirectory: String?

    @Option(
        name: .customLong("kraft.bootstrap"),
        help: ArgumentHelp("Whether an empty node may start a cluster: auto, never or force; auto.", valueName: "mode"))
    var bootstrap: String?

    @Option(
        name: .customLong("kraft.rejoin"),
        help: ArgumentHelp(
            "The directory that may take the place of the one before; its node's log names it.", valueName: "id"))
    var rejoin: String?

    @Option(
        name: .customLong("kraft.repair"),
        help: ArgumentHelp(
            "Whether damaged data are moved away where a majority of the others is well: never or automatic; never.",
            valueName: "mode"))
    var repair: String?

    @Option(
        name: .customLong("server.port"),
        help: ArgumentHelp("The port to listen on; the node's port in the services file.", valueName: "port"))
    var serverPort: String?

    @Option(
        name: .customLong("server.host"),
        help: ArgumentHelp(
            "The address to listen on; loopback if the node's host is, else all.", valueName: "address"))
    var serverHost: String?

    @Option(
        name: .customLong("server.memory-mb"),
        help: ArgumentHelp(
            "What requests and answers may take, in MiB, beyond the state itself; 256.", valueName: "mib"))
    var serverMemory: String?

    @Option(
        name: .customLong("server.allowed-hosts"),
        help: ArgumentHelp(
            "Further names that requests may call this node by, with commas between; * for all.", valueName: "names"))
    var allowedHosts: String?

    @Option(
        name: .customLong("kraft.raft.election-timeout-ms"),
        help: ArgumentHelp("How long followers trust a silent leader; 5000.", valueName: "ms"))
    var electionTimeout: String?

    @Option(
        name: .customLong("kraft.raft.election-timeout-jitter-ms"),
        help: ArgumentHelp("The random part added to it; 2000.", valueName: "ms"))
    var electionTimeoutJitter: String?

    @Option(
        name: .customLong("kraft.raft.heartbeat-interval-ms"),
        help: ArgumentHelp("The pause between a leader's heartbeats; 1500.", valueName: "ms"))
    var heartbeatInterval: String?

    @Option(
        name: .customLong("metadata.heartbeat.timeout-ms"),
        help: ArgumentHelp("A broker silent for this long is OFFLINE; 30000.", valueName: "ms"))
    var brokerHeartbeatTimeout: String?

    @Option(
        name: .customLong("metadata.heartbeat.check-interval-ms"),
        help: ArgumentHelp("How often the leader looks for silent brokers; 5000.", valueName: "ms"))
    var brokerHeartbeatCheckInterval: String?

    @Option(
        name: .customLong("metadata.leader-rebalance.interval-ms"),
        help: ArgumentHelp(
            "How often partitions are given back to the first of their replicas; 300000, 0 for never.", valueName: "ms")
    )
    var leaderRebalanceInterval: String?

    @Option(
        name: .customLong("api.forward"),
        help: ArgumentHelp(
            "Whether a node that does not lead passes all requests on to the leader; false.", valueName: "bool"))
    var forward: String?

    @Option(
        name: .customLong("kv.history.max-age-s"),
        help: ArgumentHelp("How long it is kept what keys were; 3600.", valueName: "s"))
    var historyAge: String?

    @Option(
        name: .customLong("kv.history.max-mb"),
        help: ArgumentHelp("What that may take, in MiB; 64.", valueName: "mib"))
    var historySize: String?

    @Option(
        name: .customLong("logging.level"),
        help: ArgumentHelp("trace, debug, info, notice, warning, error or critical; info.", valueName: "level"))
    var logLevel: String?

    @Option(name: .customLong("logging.format"), help: ArgumentHelp("text or json; text.", valueName: "format"))
    var logFormat: String?

    /// What was given, by key.
    var flags: [ConfigurationKey: String] {
        var flags: [ConfigurationKey: String] = [:]
        for key in ConfigurationKey.allCases { flags[key] = value(of: key) }
        return flags
    }

    /// Exhaustive, so that a new key can not be forgotten here.
    private func value(of key: ConfigurationKey) -> String? {
        switch key {
        case .nodeID: nodeID
        case .serverPort: serverPort
        case .serverHost: serverHost
        case .serverMemory: serverMemory
        case .allowedHosts: allowedHosts
        case .forward: forward
        case .servicesFile: servicesFile
        case .clusterSize: clusterSize
        case .dataDirectory: dataDirectory
        case .bootstrap: bootstrap
        case .rejoin: rejoin
        case .repair: repair
        case .electionTimeout: electionTimeout
        case .electionTimeoutJitter: electionTimeoutJitter
        case .heartbeatInterval: heartbeatInterval
        case .brokerHeartbeatTimeout: brokerHeartbeatTimeout
        case .brokerHeartbeatCheckInterval: brokerHeartbeatCheckInterval
        case .leaderRebalanceInterval: leaderRebalanceInterval
        case .historyAge: historyAge
        case .historySize: historySize
        case .logLevel: logLevel
        case .logFormat: logFormat
        case .configurationFile: configurationFile
        }
    }
}
