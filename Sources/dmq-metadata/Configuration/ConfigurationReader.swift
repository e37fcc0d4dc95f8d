import Glibc
import HTTP
import Logging
import Raft
import Server

/// Makes a ``NodeConfiguration`` of what the sources say.
struct ConfigurationReader {
    let sources: ConfigurationSources

    static let servicesFileSearch = ["etc/services.json", "/etc/dmq-metadata/services.json"]

    func read() throws(ConfigurationError) -> NodeConfiguration {
        let logging = try readLogging()
        let (services, servicesPath) = try readServices()
        try checkClusterSize(services, servicesPath)
        let member = try findMember(services, servicesPath)
        let timing = try readTiming(services, servicesPath)
        let port = try number(.serverPort, in: 1...65535, "a port is a number from 1 to 65535")
        let memory = try number(
            .serverMemory, in: 64...65_536, "memory for requests and answers is 64 to 65536 MiB; the default is 256")
        let historyAge = try number(
            .historyAge, in: 1...31_536_000, "the past is kept for 1 to 31536000 seconds; the default is 3600")
        let historySize = try number(
            .historySize, in: 1...16_384, "the past may take 1 to 16384 MiB; the default is 64")
        return NodeConfiguration(
            node: member.id, members: services.members, listenHost: try listenHost(member),
            listenPort: port.map { UInt16($0) } ?? member.port, allowedHosts: try allowedHosts(),
            forwardsAll: try forwardsAll(), dataDirectory: try dataDirectory(member.id),
            memoryBytes: Int(memory ?? 256) * 1024 * 1024,
            historyAge: .seconds(historyAge ?? 3600), historyBytes: Int(historySize ?? 64) * 1024 * 1024,
            bootstrap: try bootstrap(), rejoin: try rejoin(), repair: try repair(),
            electionTimeout: timing.election, electionTimeoutJitter: timing.jitter,
            heartbeatInterval: timing.heartbeat,
            brokerHeartbeatTimeout: try milliseconds(.brokerHeartbeatTimeout, in: 1...86_400_000, default: 30_000),
            brokerHeartbeatCheckInterval: try milliseconds(
                .brokerHeartbeatCheckInterval, in: 1...3_600_000, default: 5000),
            leaderRebalanceInterval: try leaderRebalanceInterval(),
            logging: logging, servicesFile: servicesPath, warnings: sources.warnings)
    }

    private func leaderRebalanceInterval() throws(ConfigurationError) -> Duration? {
        let interval = try milliseconds(.leaderRebalanceInterval, in: 0...86_400_000, default: 300_000)
        return interval == .zero ? nil : interval
    }

    private func forwardsAll() throws(ConfigurationError) -> Bool {
        guard let setting = sources[.forward] else { return false }
        guard let isOn = Bool(setting.value) else {
            throw ConfigurationError(setting, "neither true nor false", remedy: "the default is false")
        }
        return isOn
    }

    /// The level and the form of the log alone, which also commands that run no node honour.
    func readLogging() throws(ConfigurationError) -> LoggingConfiguration {
        var logging = LoggingConfiguration()
        if let setting = sources[.logLevel] {
            let name = setting.value.lowercased() == "warn" ? "warning" : setting.value.lowercased()
            guard let level = Logger.Level(rawValue: name) else {
                let levels = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")
                throw ConfigurationError(setting, "no such level", remedy: "the levels are \(levels)")
            }
            logging.level = level
        }
        if let setting = sources[.logFormat] {
            guard let format = LoggingConfiguration.Format(rawValue: setting.value.lowercased()) else {
                throw ConfigurationError(setting, "no such format", remedy: "the formats are text and json")
            }
            logging.format = format
        }
        return logging
    }

    /// The members of the cluster, and the file that lists them.
    func readServices() throws(ConfigurationError) -> (services: ServicesFile, path: String) {
        if let setting = sources[.servicesFile] {
            switch sources.readFile(setting.value) {
            case .bytes(let bytes): return (try ServicesFile(bytes, path: setting.value), setting.value)
            case .missing:
                throw ConfigurationError(
                    setting, "there is no such file", remedy: "give the path of the file that lists the nodes")
            case .unreadable(let reason):
                throw ConfigurationError(
                    setting, "it can not be read (\(reason))", remedy: "let the service's user read it")
            }
        }
        for path in Self.servicesFileSearch {
            switch sources.readFile(path) {
            case .bytes(let bytes): return (try ServicesFile(bytes, path: path), path)
            case .missing: continue
            case .unreadable(let reason):
                throw ConfigurationError("\(path): it can not be read (\(reason)); let the service's user read it")
            }
        }
        let places = Self.servicesFileSearch.joined(separator: " nor ")
        throw ConfigurationError(
            "there is neither \(places): give the file that lists the nodes with --kraft.services-file or "
                + "KRAFT_SERVICES_FILE")
    }

    private func checkClusterSize(_ services: ServicesFile, _ path: String) throws(ConfigurationError) {
        guard let setting = sources[.clusterSize] else { return }
        guard let size = Self.integer(setting.value), size == services.members.count else {
            throw ConfigurationError(
                setting, "\(path) lists \(services.members.count) nodes",
                remedy: "make the two equal, or leave kraft.cluster-size out")
        }
    }

    private func findMember(_ services: ServicesFile, _ path: String) throws(ConfigurationError) -> Member {
        let ids = services.members.map(\.id.description).joined(separator: ", ")
        guard let setting = sources[.nodeID] else {
            throw ConfigurationError(
                "kraft.node-id is not set: say which of the nodes in \(path) (\(ids)) this one is, with "
                    + "--kraft.node-id \(services.members[0].id) or KRAFT_NODE_ID")
        }
        guard let number = Self.integer(setting.value), number > 0 else {
            throw ConfigurationError(setting, "not a positive integer", remedy: "the nodes in \(path) are \(ids)")
        }
        guard let member = services.members.first(where: { $0.id.number == UInt64(number) }) else {
            throw ConfigurationError(setting, "no such node in \(path)", remedy: "the nodes there are \(ids)")
        }
        return member
    }

    private func listenHost(_ member: Member) throws(ConfigurationError) -> String? {
        guard let setting = sources[.serverHost] else { return Self.defaultListenHost(member.host) }
        if setting.value == "*" { return nil }
        if setting.value.lowercased() == "localhost" { return "127.0.0.1" }
        guard Self.isAddress(setting.value) else {
            throw ConfigurationError(
                setting, "not a numeric address",
                remedy: "give the address to listen on, such as 127.0.0.1, 0.0.0.0 or ::, or * for all")
        }
        return setting.value
    }

    private func allowedHosts() throws(ConfigurationError) -> [String] {
        guard let setting = sources[.allowedHosts] else { return [] }
        let names = setting.value.split(separator: ",").map { String($0.filter { $0 != " " }) }.filter { !$0.isEmpty }
        for name in names where name != "*" && !HostSyntax.isHost(name) {
            throw ConfigurationError(
                setting, "\"\(name)\" is no host", remedy: "give names without ports, with commas between, or * for all"
            )
        }
        return names
    }

    /// A node that is reached by a loopback address has no business on the others. One reached by a particular loopback
    /// address listens there: on 127.0.0.1 its peers would not find it.
    static func defaultListenHost(_ host: String) -> String? {
        if host.lowercased() == "localhost" { return "127.0.0.1" }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        let isLoopback4 = parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
        return isLoopback4 || host == "::1" ? host : nil
    }

    private static func isAddress(_ text: String) -> Bool {
        var address4 = in_addr()
        var address6 = in6_addr()
        return inet_pton(AF_INET, text, &address4) == 1 || inet_pton(AF_INET6, text, &address6) == 1
    }

    private func dataDirectory(_ node: NodeID) throws(ConfigurationError) -> String {
        if let setting = sources[.dataDirectory] {
            guard !setting.value.isEmpty else {
                throw ConfigurationError(setting, "empty", remedy: "give the directory for this node's database")
            }
            return setting.value
        }
        // systemd lists several directories with colons; ours is the first (systemd.exec(5)).
        if let directory = sources.environment["STATE_DIRECTORY"]?.split(separator: ":").first {
            return String(directory)
        }
        return "data/node\(node)"
    }

    private func bootstrap() throws(ConfigurationError) -> Bootstrap {
        guard let setting = sources[.bootstrap] else { return .auto }
        guard let bootstrap = Bootstrap(rawValue: setting.value.lowercased()) else {
            throw ConfigurationError(setting, "no such way to start", remedy: "the ways are auto, never and force")
        }
        return bootstrap
    }

    private func repair() throws(ConfigurationError) -> Repair {
        guard let setting = sources[.repair] else { return .never }
        guard let repair = Repair(rawValue: setting.value.lowercased()) else {
            throw ConfigurationError(setting, "no such way to repair", remedy: "the ways are never and automatic")
        }
        return repair
    }

    /// Empty is none, so that a start's flag can overrule a file.
    private func rejoin() throws(ConfigurationError) -> DirectoryID? {
        guard let setting = sources[.rejoin], !setting.value.isEmpty else { return nil }
        guard let directory = DirectoryID(setting.value.lowercased()) else {
            throw ConfigurationError(
                setting, "not a directory's id",
                remedy: "give the 32 hexadecimal digits that the node's log says, or leave kraft.rejoin out")
        }
        return directory
    }
}
