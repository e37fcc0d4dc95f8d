import Metadata
import Raft
import Storage
import Wire

// What a node needs from outside, and nothing else: the simulation passes other ones. Results come back as ``Input``.

/// Time. Monotonic for every wait, the wall clock only for stamps.
public protocol NodeClock: AnyObject {
    var now: Moment { get }
    /// Asks for an ``Input/timer`` at that moment or soon after. A later call replaces an earlier one.
    func wake(at instant: Instant)
}

/// Which of the connections to a peer a request takes. Answers of one connection come in order, so what must not wait
/// behind a follower's disk goes another way.
public enum Lane: Sendable, CaseIterable {
    /// Heartbeats, votes, ReadIndex rounds.
    case control
    /// Log entries.
    case data
    /// Snapshots.
    case bulk
}

/// The other nodes and the brokers.
public protocol NodeNetwork: AnyObject {
    /// Answered by ``Input/peerReply(_:from:)``: the reply's event, or `unreachable`, or `snapshotFailed` on the bulk lane;
    /// or by ``Input/peerRefused(_:instead:)``.
    /// `origin` is written on the outside.
    func send(_ request: Raft.Request, in origin: RequestOrigin, to peer: NodeID, lane: Lane)

    /// Answered by ``Input/introduced(to:_:)``. `peer` may be this node: then whoever listens at its own address.
    func introduce(_ introduction: Introduction, in envelope: Envelope, to peer: NodeID)

    /// POSTs `body` to the broker; answered by ``Input/pushFinished(broker:attempt:taken:)``.
    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64)

    /// Makes a long body away from the node's executor; answered by ``Input/pushBodyMade(_:)``.
    func make(_ body: PushBody)

    /// Others, or the same at other addresses, are to be talked to from now on.
    func membersChanged(_ members: [Member])

    /// Nothing is to be pushed to this broker: its connection is not needed. What is on its way there may be lost.
    func forget(_ broker: BrokerID)

    /// The same for all brokers.
    func forgetBrokers()
}

/// The node's stable storage. Calls are carried out in order; a failure comes as ``Input/diskFailed(_:)`` and is final.
public protocol NodeDisk: AnyObject {
    /// Answered by ``Input/persisted(_:took:)`` with the number of the last write that is durable.
    func write(_ writes: [Write])
    /// Answered by ``Input/checkpointed(_:)``.
    func checkpoint(_ checkpoint: Checkpoint)

    /// Writes down who this node is; answered by ``Input/identityStored``.
    func store(_ identity: NodeIdentity)

    /// Adds rows to the snapshot being received, after forgetting an earlier one if `isFirst`; answered by
    /// ``Input/snapshotStaged``.
    func stage(_ rows: [Row], isFirst: Bool)
    /// Answered by ``Input/snapshotInstalled(_:_:)``.
    func installSnapshot(position: LogPosition, counters: Counters, digest: Digest)

    /// Makes a backup of the state tables as they stand behind what was asked for before. Answers on a thread of its own.
    func backUp(_ completion: @escaping BackupCompletion)
}

/// What became of an introduction.
public enum IntroductionOutcome: Sendable {
    case answered(IntroductionReply)
    /// Nothing listens there.
    case absent
    /// It may have been heard, or not.
    case silent
    /// A node of the first release, which knows no introductions.
    case legacy
    /// It does not understand the words of this release: one of the release before would not.
    case outdated
}

/// What happens to a node.
public enum Input: Sendable {
    case timer
    case submit(Proposal, @Sendable (Result<CommandResult, RequestFailure>) -> Void)
    case read(Consistency, @Sendable (Result<NodeView, RequestFailure>) -> Void)
    case keepAlive(LeaseID, @Sendable (Result<Lease?, RequestFailure>) -> Void)
    case register(BrokerRegistration, @Sendable (Result<RegistrationOutcome, RequestFailure>) -> Void)
    case heartbeat(Heartbeat, @Sendable (Result<HeartbeatOutcome, RequestFailure>) -> Void)
    case lagReport(LagReport, @Sendable (Result<CommandResult, RequestFailure>) -> Void)
    case alterPartitions(AlterPartitions, @Sendable (Result<CommandResult, RequestFailure>) -> Void)
    case change(Command, @Sendable (Result<CommandResult, RequestFailure>) -> Void)
    case electLeaders(ElectLeadersRequest, @Sendable (Result<ElectLeadersOutcome, RequestFailure>) -> Void)
    case backUp(Consistency, BackupCompletion)
    case readLog(from: LogIndex, limit: Int, @Sendable ([LogEntry], LogIndex) -> Void)
    case measure(@Sendable (NodeMeasurements) -> Void)
    case changeMembers(
        MembershipRequest, @Sendable (Result<MembershipProgress, MembershipFailure>) -> Void)
    case listMembers(@Sendable (MembershipView) -> Void)
    case watch(
        KeySpan, after: UInt64?, wake: @Sendable () -> Void, @Sendable (Result<KeyWatch, WatchFailure>) -> Void)
    case unwatch(KeyWatch)
    case watchMetadata(wake: @Sendable () -> Void, @Sendable (Result<UInt64, RequestFailure>) -> Void)
    case unwatchMetadata(UInt64)
    case metadataNews(after: UInt64?, @Sendable (Result<MetadataNews, RequestFailure>) -> Void)
    case changes(ChangesRequest, @Sendable (Result<ChangesOutcome, RequestFailure>) -> Void)

    case peerRequest(
        Raft.Request, from: RequestOrigin, connection: UInt64,
        @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void)
    case introduction(
        Introduction, Envelope, connection: UInt64, @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void)
    /// `from` is `nil` if nobody answered, or a node of the first release.
    case peerReply(Event, from: Speaker?)
    /// A request did not fit where it came; `instead` is what the core is told.
    case peerRefused(IntroductionReply, instead: Event)
    case introduced(to: NodeID, IntroductionOutcome)
    case identityStored
    case peerConnectionClosed(UInt64)
    case pushFinished(broker: BrokerID, attempt: UInt64, taken: Bool)
    case pushBodyMade(PushBody.Made)

    case persisted(WriteID, took: Duration)
    case checkpointed(LogIndex)
    case diskFailed(StorageError)
    case snapshotStaged
    case snapshotInstalled(LogPosition, MetadataStateMachine)
    /// The received snapshot does not have the digest it was announced with.
    case snapshotRejected(String)

    /// Hand over leadership, then answer: everything in flight was settled, or the time is up.
    case stop(@Sendable () -> Void)
}
