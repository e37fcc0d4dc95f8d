import Logging
import Raft
import Server
import Testing

@testable import dmq_metadata

let exampleServices = """
    { "services": { "metadata-services": [
        { "id": 2, "host": "127.0.0.2", "port": 9092, "url": "http://localhost:9092" },
        { "id": 1, "host": "localhost", "port": 9091, "url": "http://localhost:9091", "zone": "a" },
        { "id": 3, "host": "db3.example.org", "port": 9093, "url": "http://db3.example.org:9093" } ] },
      "controller": { "electionTimeoutMs": 4000 }, "extra": [] }
    """

/// A file system of texts.
func reader(_ files: [String: String]) -> (String) -> FileContents {
    { path in
        if path == "/denied" { return .unreadable("Permission denied") }
        return files[path].map { .bytes(Array($0.utf8)) } ?? .missing
    }
}

func configure(
    _ flags: [ConfigurationKey: String] = [:], environment: [String: String] = [:], files: [String: String] = [:]
) throws(ConfigurationError) -> NodeConfiguration {
    let files = files.merging(["etc/services.json": exampleServices]) { given, _ in given }
    let sources = try ConfigurationSources(flags: flags, environment: environment, readFile: reader(files))
    return try ConfigurationReader(sources: sources).read()
}

/// What the operator reads; empty if nothing was wrong.
func complaint(
    _ flags: [ConfigurationKey: String] = [:], environment: [String: String] = [:], files: [String: String] = [:]
) -> String {
    do throws(ConfigurationError) {
        _ = try configure(flags, environment: environment, files: files)
        return ""
    } catch {
        return error.description
    }
}

@Suite struct ConfigurationTests {
    @Test func defaultsAreThoseOfTheContract() throws {
        let configuration = try configure([.nodeID: "1"])
        #expect(configuration.node == NodeID(1))
        #expect(configuration.members.map(\.id.number) == [1, 2, 3])
        #expect(configuration.listenHost == "127.0.0.1")
        #expect(configuration.listenPort == 9091)
        #expect(configuration.dataDirectory == "data/node1")
        #expect(configuration.bootstrap == .auto)
        #expect(configuration.rejoin == nil)
        #expect(configuration.repair == .never)
        #expect(configuration.electionTimeout == .milliseconds(4000))
        #expect(configuration.electionTimeoutJitter == .milliseconds(2000))
        #expect(configuration.heartbeatInterval == .milliseconds(1500))
        #expect(configuration.brokerHeartbeatTimeout == .seconds(30))
        #expect(configuration.brokerHeartbeatCheckInterval == .seconds(5))
        #expect(configuration.leaderRebalanceInterval == .seconds(300))
        #expect(configuration.logging == LoggingConfiguration(level: .info, format: .text))
        #expect(configuration.servicesFile == "etc/services.json")
        #expect(configuration.warnings.isEmpty)
    }

    @Test func electionTimeoutIsFiveSecondsWhereTheServicesFileIsSilent() throws {
        let services = #"{"services":{"metadata-services":[{"id":7,"host":"h","port":1}]}}"#
        let configuration = try configure([.nodeID: "7"], files: ["etc/services.json": services])
        #expect(configuration.electionTimeout == .milliseconds(5000))
        #expect(configuration.members[0].url == "http://h:1")
    }

    @Test func flagsBeatEnvironmentBeatsFileBeatsDefault() throws {
        let file = [
            "c.yml":
                "kraft:\n  raft:\n    election-timeout-ms: 6001\n    heartbeat-interval-ms: 1001\nlogging.level: debug"
        ]
        let configuration = try configure(
            [.nodeID: "1", .electionTimeout: "6003"],
            environment: [
                "KRAFT_CONFIG": "c.yml", "KRAFT_RAFT_ELECTION_TIMEOUT_MS": "6002",
                "KRAFT_RAFT_HEARTBEAT_INTERVAL_MS": "1002", "KRAFT_NODE_ID": "3",
            ], files: file)
        #expect(configuration.node == NodeID(1))
        #expect(configuration.electionTimeout == .milliseconds(6003))
        #expect(configuration.heartbeatInterval == .milliseconds(1002))
        #expect(configuration.logging.level == .debug)
    }

    @Test func everyKeyWorksFromEverySource() throws {
        let values: [ConfigurationKey: String] = [
            .nodeID: "2", .serverPort: "19092", .serverHost: "::1", .allowedHosts: "a, b.example,",
            .servicesFile: "s.json", .clusterSize: "3",
            .dataDirectory: "/d", .bootstrap: "never", .repair: "automatic",
            .rejoin: "0123456789abcdef0123456789ABCDEF",
            .electionTimeout: "900", .electionTimeoutJitter: "300", .heartbeatInterval: "100",
            .brokerHeartbeatTimeout: "2000", .brokerHeartbeatCheckInterval: "250",
            .leaderRebalanceInterval: "0", .logLevel: "trace",
            .logFormat: "json",
        ]
        let files = [
            "s.json": exampleServices,
            "c.yml": values.map { "\($0.key.rawValue): \"\($0.value)\"" }.joined(separator: "\n"),
        ]
        let environment = Dictionary(uniqueKeysWithValues: values.map { ($0.key.environmentName, $0.value) })
        for configuration in [
            try configure(values, files: files), try configure(environment: environment, files: files),
            try configure([.configurationFile: "c.yml"], files: files),
        ] {
            #expect(configuration.node == NodeID(2))
            #expect(configuration.listenPort == 19092)
            #expect(configuration.listenHost == "::1")
            #expect(configuration.allowedHosts == ["a", "b.example"])
            #expect(configuration.dataDirectory == "/d")
            #expect(configuration.bootstrap == .never)
            #expect(configuration.rejoin == DirectoryID("0123456789abcdef0123456789abcdef"))
            #expect(configuration.repair == .automatic)
            #expect(configuration.electionTimeout == .milliseconds(900))
            #expect(configuration.electionTimeoutJitter == .milliseconds(300))
            #expect(configuration.heartbeatInterval == .milliseconds(100))
            #expect(configuration.brokerHeartbeatTimeout == .milliseconds(2000))
            #expect(configuration.brokerHeartbeatCheckInterval == .milliseconds(250))
            #expect(configuration.leaderRebalanceInterval == nil)
            #expect(configuration.logging == LoggingConfiguration(level: .trace, format: .json))
            #expect(configuration.servicesFile == "s.json")
        }
    }

    @Test func environmentNamesAreThoseOfTheContract() {
        #expect(
            ConfigurationKey.allCases.map(\.environmentName) == [
                "KRAFT_NODE_ID", "SERVER_PORT", "SERVER_HOST", "SERVER_MEMORY_MB", "SERVER_ALLOWED_HOSTS",
                "API_FORWARD",
                "KRAFT_SERVICES_FILE", "KRAFT_CLUSTER_SIZE", "KRAFT_DATA_DIR", "KRAFT_BOOTSTRAP", "KRAFT_REJOIN",
                "KRAFT_REPAIR",
                "KRAFT_RAFT_ELECTION_TIMEOUT_MS",
                "KRAFT_RAFT_ELECTION_TIMEOUT_JITTER_MS",
                "KRAFT_RAFT_HEARTBEAT_INTERVAL_MS", "METADATA_HEARTBEAT_TIMEOUT_MS",
                "METADATA_HEARTBEAT_CHECK_INTERVAL_MS", "METADATA_LEADER_REBALANCE_INTERVAL_MS", "KV_HISTORY_MAX_AGE_S",
                "KV_HISTORY_MAX_MB", "LOGGING_LEVEL",
                "LOGGING_FORMAT", "KRAFT_CONFIG",
            ])
    }

    @Test func serviceManagerNamesTheDirectories() throws {
        let environment = ["STATE_DIRECTORY": "/var/lib/dmq/1:/other", "CONFIGURATION_DIRECTORY": "/etc/dmq-metadata"]
        let files = ["/etc/dmq-metadata/application.yml": "logging:\n  level: warn\n"]
        let configuration = try configure([.nodeID: "1"], environment: environment, files: files)
        #expect(configuration.dataDirectory == "/var/lib/dmq/1")
        #expect(configuration.logging.level == .warning)
        #expect(try configure([.nodeID: "1", .dataDirectory: "x"], environment: environment).dataDirectory == "x")
    }

    @Test func servicesFileIsSearched() throws {
        let sources = try ConfigurationSources(
            flags: [.nodeID: "1"], readFile: reader(["/etc/dmq-metadata/services.json": exampleServices]))
        #expect(try ConfigurationReader(sources: sources).read().servicesFile == "/etc/dmq-metadata/services.json")
    }

    @Test(
        arguments: [
            ("localhost", "127.0.0.1"), ("LOCALHOST", "127.0.0.1"), ("127.0.0.1", "127.0.0.1"),
            ("127.0.0.2", "127.0.0.2"),
            ("::1", "::1"), ("127.0.0.256", nil), ("10.0.0.1", nil), ("127.example.org", nil), ("db1", nil),
        ] as [(String, String?)])
    func loopbackNodesListenOnLoopback(host: String, expected: String?) {
        #expect(ConfigurationReader.defaultListenHost(host) == expected)
    }

    @Test(arguments: [("*", nil), ("localhost", "127.0.0.1"), ("0.0.0.0", "0.0.0.0"), ("fe80::1", "fe80::1")])
    func listenHostCanBeGiven(given: String, expected: String?) throws {
        #expect(try configure([.nodeID: "1", .serverHost: given]).listenHost == expected)
    }

    @Test func emptyVariablesCountAsUnset() throws {
        #expect(try configure([.nodeID: "1"], environment: ["SERVER_PORT": "", "KRAFT_CONFIG": ""]).listenPort == 9091)
    }

    @Test func unknownVariablesOfOursAreReported() throws {
        let environment = ["KRAFT_NODEID": "3", "KRAFT_NODE_ID": "1", "KRAFTWERK": "x", "PATH": "/bin"]
        #expect(
            try configure(environment: environment).warnings == [
                "the environment variable KRAFT_NODEID is none that is known here and has no effect; did you mean "
                    + "\"KRAFT_NODE_ID\"?"
            ])
    }
}
