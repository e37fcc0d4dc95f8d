import Metadata
import Raft

/// The timing and the bounds of one node.
public struct NodeSettings: Sendable {
    public var raft = Raft.Settings()
    public var bootstrap = Bootstrap.auto
    /// The directory that an operator lets take the place of the one before.
    public var rejoin: DirectoryID?
    /// Where this process runs, for messages to people.
    public var place = ""
    /// The version of the program, for the others.
    public var build = ""
    /// A broker that sends no heartbeat for this long is OFFLINE.
    public var brokerTimeout: Duration = .milliseconds(30_000)
    public var brokerCheckInterval: Duration = .milliseconds(5000)

    /// How often the leader looks for partitions that another broker leads than the first of their replicas; `nil` for never.
    public var leaderRebalanceInterval: Duration? = .seconds(300)
    /// A broker that came back less than this ago gets nothing back.
    public var leaderRebalanceQuiet: Duration = .seconds(60)

    var brokerTiming: BrokerTiming { BrokerTiming(session: brokerTimeout, heartbeat: brokerCheckInterval) }

    /// The body of a push with more rows is made away from the node's executor.
    public var pushRowsAtOnce = 256

    /// A write or read without an outcome after this long is answered as unknown.
    public var requestTimeout: Duration = .milliseconds(5000)
    /// Beyond these, writes are refused as overload.
    public var maximumPendingWrites = 65_536
    public var maximumPendingBytes = 64 * 1024 * 1024

    /// A recursive delete of more keys is refused: all of it is one turn of every node.
    public var maximumRowsPerCommand = 1_000_000
    /// Replicas, as they are and as they are to be, of the partitions that one request moves: all are looked at in one turn.
    public var maximumMovedReplicas = NodeSettings.movedReplicas
    /// The default of ``maximumMovedReplicas``.
    public static let movedReplicas = 400_000

    /// The state tables follow the log when so many entries or bytes were applied since, …
    public var checkpointEntries = 4096
    public var checkpointBytes = 4 * 1024 * 1024
    /// … or after this pause if only a few were: people who read the tables wait for it.
    public var checkpointPause: Duration = .milliseconds(200)
    /// … or after this one in any case.
    public var checkpointInterval: Duration = .milliseconds(1000)
    /// Below so many entries a checkpoint is cheap enough for the short pause.
    public var checkpointFewEntries = 256
    /// Above so many changed rows the storage looks them up itself, bit by bit.
    public var checkpointListedRows = 8192

    /// How much of the log behind the checkpoint is kept for followers that are away for a moment, …
    public var retainedEntries = 16_384
    public var retainedBytes = 8 * 1024 * 1024
    /// … and how much for those that answer and are behind: from where each of them stands, or its snapshot will, on. It
    /// is in memory. Beyond, a follower needs another snapshot.
    public var catchUpBytes = 256 * 1024 * 1024
    /// What an entry counts there beside its bytes.
    public var catchUpEntryCost = 1024

    /// What keys were is given up when it is older, …
    public var historyAge: Duration = .seconds(3600)
    /// … or takes more memory.
    public var historyBytes = 64 * 1024 * 1024
    /// Of keys; beyond, they are refused as overload. Each has a connection, too.
    public var maximumWatches = 20_000
    /// Of brokers, topics and partitions; beyond, they are refused as overload. One that does not read may hold the rows of a
    /// version.
    public var maximumMetadataWatches = 20_000
    /// The level of metadata.version that a cluster begins with; an earlier one to have members of an earlier release.
    public var newClusterLevel = MetadataStateMachine.levels.upperBound

    /// About the bytes of the rows in one chunk of a snapshot.
    public var snapshotChunkBytes = 512 * 1024
    /// A snapshot of which no chunk was answered for this long is given up.
    public var snapshotTimeout: Duration = .seconds(60)

    /// How long a stopping leader waits for its successor.
    public var transferTimeout: Duration = .milliseconds(2000)

    public init() {}
}
