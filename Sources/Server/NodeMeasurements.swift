import Metadata
import Raft
import Wire

/// What a node counts and measures of itself; rendered by ``Metrics``.
public struct NodeMeasurements: Sendable {
    public var status: NodeStatus
    public var electionsStarted: UInt64 = 0
    public var leadershipsWon: UInt64 = 0
    /// Seconds spent as leader, altogether.
    public var leaderSeconds: Double = 0
    public var heartbeatSuccesses: UInt64 = 0
    public var heartbeatFailures: UInt64 = 0
    public var peerHeartbeatSuccesses: UInt64 = 0
    public var peerHeartbeatFailures: UInt64 = 0
    public var commitLatency = Histogram()
    public var writeLatency = Histogram()
    public var appliedEntries: UInt64 = 0
    public var checkpoints: UInt64 = 0
    public var snapshotsSent: UInt64 = 0
    public var snapshotsReceived: UInt64 = 0
    public var pushesTaken: UInt64 = 0
    public var pushesFailed: UInt64 = 0
    public var pushesWaiting = 0
    public var pushBodiesMade: UInt64 = 0
    public var brokersExpired: UInt64 = 0
    public var staleBrokerEpochs: UInt64 = 0
    public var protocolViolations: UInt64 = 0
    /// Messages that did not fit this node or its cluster, by reason.
    public var refusals: [Misfit: UInt64] = [:]
    /// Messages without a name on them that were answered and not acted on.
    public var strangersAnswered: UInt64 = 0
    public var pendingWrites = 0
    public var logBytes = 0
    public var counters = Counters()
    /// Of leases that there are, and of those whose time was up while this node led.
    public var leases = 0
    public var leasesExpired: UInt64 = 0
    public var watches = 0
    /// About what the history of the keys takes in memory.
    public var historyBytes = 0
    public var pastVersions = 0
    public var oldestRevision: UInt64 = 0
    public var brokersOnline = 0
    public var brokerStates: [(state: BrokerState, count: Int)] = []
    public var brokers = 0
    public var topics = 0
    public var groups = 0
    public var partitions = PartitionCounts()
    public var keys = 0

    init(status: NodeStatus) { self.status = status }
}
