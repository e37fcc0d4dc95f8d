import Metadata
import Raft
import Wire

/// Why a request was not carried out, or may or may not have been.
public enum RequestFailure: Error, Equatable, Sendable {
    /// Not executed: this node is not the leader, or can not confirm that it still is.
    case notLeader(leader: NodeID?)
    /// Accepted, but the outcome is not known in time; it may still happen.
    case outcomeUnknown
    /// Not executed: too much work is waiting.
    case overloaded
    /// Not executed: the command would change more rows than one may.
    case tooManyRows(limit: Int)
    /// Not executed: the partitions that it moves have more replicas than one request may touch.
    case tooManyReplicas(limit: Int)
    /// Not executed: the command would be larger than the log takes.
    case commandTooLarge(limit: Int)
    /// Not executed: the cluster has not agreed on the level of metadata.version that the command needs.
    case levelTooLow(needed: Int)
    /// Not executed: this node stopped serving (disk fault, diverged state, shutting down), and why.
    case unavailable(String)
}

/// Why there is no watch.
public enum WatchFailure: Error, Equatable, Sendable {
    case request(RequestFailure)
    case revision(RevisionFault)
}

/// How fresh the answer to a read must be.
public enum Consistency: Sendable {
    /// Confirmed with a majority after the request arrived (ReadIndex, dissertation §6.4). Leader only.
    case linearizable
    /// This node's own state, as of now.
    case stale
}

/// What a read sees: the state machine and this node's place in the cluster, at one moment.
public struct NodeView {
    public let metadata: MetadataStateMachine
    /// Unix milliseconds.
    public let now: Int64
    private let source: any NodeViewSource

    public init(metadata: MetadataStateMachine, now: Int64, source: any NodeViewSource) {
        self.metadata = metadata
        self.now = now
        self.source = source
    }

    public var status: NodeStatus { source.status }

    /// What is left of a lease, as this node counts; only the leader's count is to be told.
    public func remaining(of lease: LeaseID) -> Duration? { source.remaining(of: lease) }

    /// How long ago this node, if it leads, had the last heartbeat of a broker that is ONLINE.
    public func lastHeartbeat(of broker: BrokerID) -> Duration? { source.lastHeartbeat(of: broker) }

    /// How far the replicas are that a reassignment adds, as their brokers last told this leader; empty at others.
    public func progress(of partition: Int, of topic: TopicID) -> [BrokerID: ReassignmentProgress.Lag] {
        source.progress(of: partition, of: topic)
    }
}

/// What a view finds out when it is asked.
public protocol NodeViewSource: AnyObject {
    var status: NodeStatus { get }
    func remaining(of lease: LeaseID) -> Duration?
    func lastHeartbeat(of broker: BrokerID) -> Duration?
    func progress(of partition: Int, of topic: TopicID) -> [BrokerID: ReassignmentProgress.Lag]
}

public struct NodeStatus: Sendable {
    public var node: NodeID
    public var role: Role
    public var term: Term
    public var leader: NodeID?
    public var votedFor: NodeID?
    public var commitIndex: LogIndex
    public var lastApplied: LogIndex
    public var firstLogIndex: LogIndex
    public var lastLog: LogPosition
    public var digest: Digest
    public var peers: [PeerStatus]
    public var directory: DirectoryID
    /// `nil` until a cluster was born, or joined.
    public var clusterID: String?
    /// Whether this node may vote now: its directory is let in, and this start is known to the others.
    public var isVoter: Bool
    /// `nil` when ready to serve, else the reason.
    public var notReady: String?

    public struct PeerStatus: Sendable {
        public var id: NodeID
        public var matchIndex: LogIndex
        public var nextIndex: LogIndex
        /// Milliseconds since the peer's last answer; `nil` if it never answered in this term.
        public var lastContactMs: Int64?
    }
}

/// What every answer to some clients speaks of.
public struct ClusterStanding: Sendable, Equatable {
    /// The first half of the cluster's id as a number, for clients that know clusters by numbers; never 0.
    public let clusterNumber: UInt64
    public let term: Term
    public let leader: NodeID?

    public init(clusterID: String?, term: Term, leader: NodeID?) {
        (self.term, self.leader) = (term, leader)
        // Over bytes: a node looks after each batch whether this is still so.
        let number = (clusterID ?? "").utf8.prefix(16).reduce(0 as UInt64) { number, digit in
            number << 4 | UInt64(digit & 0xf) + (digit > UInt8(ascii: "9") ? 9 : 0)
        }
        clusterNumber = max(number, 1)
    }
}

/// One member of the cluster as services.json lists it.
public struct Member: Sendable, Equatable {
    public var id: NodeID
    public var host: String
    public var port: UInt16
    /// What clients are told.
    public var url: String
    public init(id: NodeID, host: String, port: UInt16, url: String) {
        self.id = id
        self.host = host
        self.port = port
        self.url = url
    }

    /// What clients are told when nobody says otherwise. An IPv6 address stands in brackets (RFC 3986 §3.2.2).
    public static func url(host: String, port: UInt16) -> String {
        "http://\(host.contains(":") ? "[\(host)]" : host):\(port)"
    }
}

/// A node as the outside sees it: every call is safe from any thread, answers come on the node's own executor.
public protocol NodeService: AnyObject, Sendable {
    /// All members, this one included, in ascending id.
    var members: [Member] { get }
    /// This node's id.
    var id: NodeID { get }
    /// What this node last knew of the cluster.
    var standing: ClusterStanding { get }

    /// Proposes the command; answers once it is applied here.
    func submit(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void)

    /// Runs `query` on the state as fresh as `consistency` says. `query` must be short.
    func read(
        _ consistency: Consistency,
        query: @escaping @Sendable (Result<NodeView, RequestFailure>) -> Void)

    /// Gives a lease its whole time again; answers once a majority knows it. `.success(nil)` for a lease that there is not.
    func keepAlive(
        _ lease: LeaseID, completion: @escaping @Sendable (Result<Lease?, RequestFailure>) -> Void)

    /// How long brokers may be silent.
    var brokerTiming: BrokerTiming { get }

    /// A broker registers.
    func register(
        _ registration: BrokerRegistration,
        completion: @escaping @Sendable (Result<RegistrationOutcome, RequestFailure>) -> Void)

    /// A broker's heartbeat (contract §4). Refused if the broker is not registered, or is not that registration any more.
    func heartbeat(
        _ heartbeat: Heartbeat, completion: @escaping @Sendable (Result<HeartbeatOutcome, RequestFailure>) -> Void)

    /// Refused like a heartbeat.
    func reportLag(
        _ report: LagReport, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void)

    /// A broker says who is in sync in partitions that it leads. Refused like a heartbeat.
    func alterPartitions(
        _ alteration: AlterPartitions,
        completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void)

    /// Replicates a command that comes again after a lost answer: if it would change nothing, it is answered without an entry.
    func change(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void)

    /// Gives partitions back to the first of their replicas.
    func electLeaders(
        _ request: ElectLeadersRequest,
        completion: @escaping @Sendable (Result<ElectLeadersOutcome, RequestFailure>) -> Void)

    /// A peer's request. `connection` names the transport connection, for ``peerConnectionClosed(_:)``.
    func receive(
        _ request: Raft.Request, from origin: RequestOrigin, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void)

    /// Another node introduces itself.
    func receive(
        _ introduction: Introduction, in envelope: Envelope, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void)

    /// The connection that peers' requests came on has ended.
    func peerConnectionClosed(_ connection: UInt64)

    /// Entries still held, from `from` on.
    func log(
        from: LogIndex, limit: Int,
        completion: @escaping @Sendable (_ entries: [LogEntry], _ firstIndex: LogIndex) -> Void)

    /// Changes the members, or what they use; for the leader.
    func change(
        _ request: MembershipRequest,
        completion: @escaping @Sendable (Result<MembershipProgress, MembershipFailure>) -> Void)

    /// The members as this node knows them.
    func membership(completion: @escaping @Sendable (MembershipView) -> Void)

    /// Watches keys on this node, as far as it has applied: all changes behind revision `after`, or from now on. `wake` is called
    /// when there may be something, from any thread.
    func watch(
        _ range: KeySpan, after revision: UInt64?, wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<KeyWatch, WatchFailure>) -> Void)

    /// Nobody asks this watch any more.
    func unwatch(_ watch: KeyWatch)

    /// Calls `wake`, from any thread, when the metadata version of this node's state has changed. Gives a number to end it by.
    func watchMetadata(
        wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<UInt64, RequestFailure>) -> Void)

    func unwatchMetadata(_ number: UInt64)

    /// What is new behind a metadata version, or all of the state.
    func metadataNews(
        after version: UInt64?, completion: @escaping @Sendable (Result<MetadataNews, RequestFailure>) -> Void)

    /// What changed of brokers, topics, partitions and groups behind a version, as this node has it: a page of it.
    func changes(
        _ request: ChangesRequest,
        completion: @escaping @Sendable (Result<ChangesOutcome, RequestFailure>) -> Void)

    /// Makes a backup of a state as fresh as `consistency` says. Answers on a thread of its own.
    func backUp(_ consistency: Consistency, completion: @escaping BackupCompletion)

    /// The node's measurements (contract §8) in Prometheus text format.
    func metrics(completion: @escaping @Sendable (String) -> Void)
}
