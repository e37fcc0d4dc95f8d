import API
import FoundationEssentials
import Glibc
import Logging
import Raft
import Server

/// Everything that a node is told from outside, checked.
struct NodeConfiguration: Sendable {
    var node: NodeID
    /// All members of the cluster, this one included, in ascending id.
    var members: [Member]
    /// The address to listen on; `nil` is all.
    var listenHost: String?
    var listenPort: UInt16
    /// Names besides those of the machine and of the services file that requests may call this node by.
    var allowedHosts: [String]
    /// Whether requests for the leader are passed on to it, also when the client does not ask for that.
    var forwardsAll: Bool
    var dataDirectory: String
    /// What requests and answers may take beyond the state itself.
    var memoryBytes: Int
    /// How long it is kept what keys were, and how much memory that may take.
    var historyAge: Duration
    var historyBytes: Int
    /// Whether an empty node may start a cluster.
    var bootstrap: Bootstrap
    /// The directory that may take the place of the one that the others know for this node.
    var rejoin: DirectoryID?
    /// What becomes of damaged data.
    var repair: Repair
    /// A follower waits this long, and a random part of ``electionTimeoutJitter`` more, before it doubts its leader.
    var electionTimeout: Duration
    var electionTimeoutJitter: Duration
    /// The pause between two heartbeats of the leader to its followers.
    var heartbeatInterval: Duration
    /// A broker is OFFLINE after this long without a heartbeat.
    var brokerHeartbeatTimeout: Duration
    var brokerHeartbeatCheckInterval: Duration
    /// How often partitions are given back to the first of their replicas; `nil` for never.
    var leaderRebalanceInterval: Duration?
    var logging: LoggingConfiguration
    /// Where the members came from, for the log.
    var servicesFile: String
    /// What the operator should look at though it is no error.
    var warnings: [String]

    /// All names that requests may call this node by.
    var ownNames: AllowedHosts {
        let machine = ProcessInfo.processInfo.hostName
        let listed = members.flatMap { member in
            [member.host, String(member.url.drop { $0 != "/" }.drop { $0 == "/" }.prefix { $0 != "/" })]
        }
        return AllowedHosts(allowedHosts + listed + [machine, String(machine.prefix { $0 != "." })])
    }

    /// Where this process is, for messages to people: two of one id have the same listed host, so the machine's own name
    /// tells more.
    var place: String {
        let machine = ProcessInfo.processInfo.hostName
        let listed = members.first { $0.id == node }?.host ?? ""
        return "\(machine.isEmpty ? listed : machine):\(listenPort), process \(getpid())"
    }
}

/// Whether a node that finds its data damaged moves them away by itself (`kraft.repair`).
enum Repair: String, CaseIterable, Sendable {
    /// It ends with 65, and waits for "repair".
    case never
    /// Where the others are well.
    case automatic
}

/// How much is logged, and in which form.
struct LoggingConfiguration: Equatable, Sendable {
    enum Format: String, CaseIterable, Sendable {
        case text
        case json
    }

    var level: Logger.Level = .info
    var format: Format = .text
}
