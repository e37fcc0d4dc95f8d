import Defects
import Logging
import Metadata
import Raft
import Storage
import Wire

/// One node: consensus, state machine, broker heartbeats and pushes, bound to a clock, a network and a disk that are
/// passed in. Confined to one serial executor; everything that happens comes as ``Input``, in batches, and what a batch
/// leads to goes out once: its proposals as one log write, its commits as one pass, its reads as one ReadIndex round.
public final class Node {
    public let id: NodeID
    public internal(set) var members: [Member]
    let listVersion: UInt64
    let settings: NodeSettings
    let clock: any NodeClock
    let network: any NodeNetwork
    let disk: any NodeDisk
    let logger: Logger
    /// Called once when the node can not go on; it answers nobody afterwards.
    let onFailure: (StorageError) -> Void

    package internal(set) var raft: RaftNode
    /// What the last step's effects were kept in.
    private var effectMemory: [Effect] = []
    public internal(set) var metadata: MetadataStateMachine
    public internal(set) var lastApplied: LogIndex
    var now: Moment
    /// When the clock was last asked to wake this node; nothing is due earlier.
    private var armedDeadline: Instant

    // What this batch gathers, to go out together.
    var gatheredProposals: [(proposal: Proposal, completion: PendingWrites.Completion)] = []
    var gatheredKeepAlives: [(id: LeaseID, completion: KeepAliveCompletion)] = []
    var gatheredReads: [ReadAction] = []
    var gatheredWrites: [Write] = []

    var pendingWrites = PendingWrites()
    /// Of what clients proposed in this batch.
    var gatheredBytes = 0
    var pendingReads: [PendingRead] = []
    var lastRead: UInt64 = 0
    var peerReplies: [RequestToken: (Result<Reply, RequestFailure>) -> Void] = [:]
    var lastToken: UInt64 = 0

    /// Who this node is, and whom it takes for its cluster.
    package internal(set) var identity: NodeIdentity
    let startedAt: Int64
    /// Identities on their way to the disk, and what waits for them.
    var identityWrites = 0
    var waitingForIdentity: [() -> Void] = []
    var admission: Admission
    /// What this node waits for before it takes part, for people.
    var waitingFor: String?
    /// Terms in which a vote may have been given and forgotten.
    var spentTerm = Term.zero
    var contacts = Contacts()
    /// Members that come on another directory than the known one: fed, and counted for nothing.
    var guests: [NodeID: DirectoryID] = [:]
    var nonVoting: [NodeID] = []
    /// What the core's knowledge of each follower is about.
    var fedDirectories: [NodeID: DirectoryID] = [:]
    /// What the others said that they could; nothing of those that are of the release before.
    var abilities: [NodeID: Introduction.Abilities] = [:]
    /// Who understands only what the release before spoke.
    var outdated: Set<NodeID> = []
    /// What an operator wants, while this node leads.
    var operation: MembershipOperation?
    /// What the node said that is to be let in.
    var newcomer: Introduction?
    /// The levels that this leader has proposed.
    var proposedLevels: [Feature: Int] = [:]
    /// Whether this directory has been one of the members in the log.
    var wasMember = false
    var introductionsDue: [NodeID: (at: Instant, pause: Duration)] = [:]
    var lastIntroductionPause: [NodeID: Duration] = [:]
    var lastIntroduction: [NodeID: Instant] = [:]
    var random: SeededGenerator

    var checkpoints: CheckpointSchedule
    var digests = DigestHistory()
    var tally = DigestTally()
    /// The index that the heartbeat being answered asks about.
    var askedDigest: LogIndex?
    var throttle = LogThrottle()
    /// What the last commands changed of the metadata, from the start or the last received snapshot on.
    var history: ChangeHistory
    var revisionTimes: RevisionTimes
    /// A compaction is on its way into the log.
    var isCompactingHistory = false
    /// When the age of the past is looked at again.
    var nextHistoryCheck = Instant(nanoseconds: 0)
    var keyWatches: KeyWatches
    var metadataWatches = MetadataWatches()
    var leaseTimes: LeaseTimes
    var heartbeats = BrokerHeartbeats()
    var pushes = BrokerPushes()
    /// While this node leads.
    var pushBodies: PushBodies?
    var lastPushBody: UInt64 = 0
    var balance = LeaderBalance()
    var reassignmentProgress = ReassignmentProgress()
    /// Many ask for the same at one moment.
    weak var latestChanges: SharedChangesPage?
    /// `nil` while a leader is known.
    var leaderlessSince: Instant?
    var isCutOffTold = false
    /// Whom a broker that wants to stop was last seen to wait for.
    var lastWaitedFor: BrokerID?
    var senders: [SnapshotSender] = []
    var receiver: SnapshotReceiver?
    var backup: AwaitedBackup?

    /// The connection that the present leader's last heartbeat came on, and the commit index that it last spoke of.
    var leaderConnection: UInt64?
    var leaderCommit: LogIndex?
    /// The opening entry of this node's leadership is applied: reads, heartbeats and pushes are on.
    var isLeading = false
    var leadingSince: Instant?
    var stopping: Stopping?
    /// For the simulation: changes commands on their way into the state, as a bit that flips in memory does.
    package var memoryFault: ((inout Command) -> Void)?
    /// Why this node answers nobody any more, if so: it ends.
    private(set) var failure: String?
    /// Why this node is about to end, having given its vote up.
    var farewell: String?
    var measurements: NodeMeasurements

    typealias ReadAction = (Result<Void, RequestFailure>) -> Void

    struct PendingRead {
        let id: ReadID
        let since: Instant
        let actions: [ReadAction]
    }

    struct Stopping {
        let deadline: Instant
        let completion: @Sendable () -> Void
    }

    /// - Parameters:
    ///   - recovered: What the disk remembers, with the identity of this start, which is durable
    ///     (``RecoveredNode/identityAtStart(members:nonce:newDirectory:)``).
    ///   - seed: Of all randomness; different for each node and start.
    public init(
        id: NodeID, members: [Member], settings: NodeSettings, recovered: consuming RecoveredNode, seed: UInt64,
        clock: any NodeClock, network: any NodeNetwork, disk: any NodeDisk, logger: Logger,
        onFailure: @escaping (StorageError) -> Void
    ) {
        self.id = id
        self.members = members
        self.settings = settings
        self.clock = clock
        self.network = network
        self.disk = disk
        self.logger = logger
        self.onFailure = onFailure
        var generator = SeededGenerator(seed: seed)
        now = clock.now
        armedDeadline = now.instant
        startedAt = now.unixMilliseconds
        identity = recovered.identity
        listVersion = NodeIdentity.version(of: members.map(\.id).sorted())
        admission = Admission(
            startedAt: now.instant, patience: settings.raft.electionTimeout * 2, bootstrap: settings.bootstrap,
            mayTakePlace: settings.rejoin == recovered.identity.directory)
        metadata = recovered.metadata
        history = ChangeHistory(behind: recovered.metadata.counters)
        keyWatches = KeyWatches(recovered.metadata)
        leaseTimes = LeaseTimes(recovered.metadata.allLeases, now: now.instant)
        revisionTimes = RevisionTimes(age: settings.historyAge)
        revisionTimes.record(recovered.metadata.counters.revision, at: now.unixMilliseconds)
        let mustRepeat = Defect.appliesAgainAtRestart.isOn && recovered.applied.index > recovered.logBase.index
        lastApplied = mustRepeat ? recovered.applied.index.previous : recovered.applied.index
        checkpoints = CheckpointSchedule(position: recovered.applied)
        let configuration = PlacedConfiguration(recovered.metadata.counters.members)
        raft = RaftNode(
            id: id, directory: identity.directory, voters: configuration == nil ? members.map(\.id) : [],
            settings: settings.raft, hardState: recovered.hardState,
            log: RaftLog(
                base: recovered.logBase, entries: recovered.entries,
                configuration: configuration ?? PlacedConfiguration()),
            applied: lastApplied, suffrage: Suffrage(mayVote: false), seed: generator.next(), now: now)
        measurements = NodeMeasurements(status: NodeStatus(node: id, directory: identity.directory))
        digests.record(metadata.digest, at: lastApplied)
        random = generator
        for member in members { introductionsDue[member.id] = (now.instant, .milliseconds(25)) }
        followConfiguration()
        updateElectorate()
        logElectionTimeout()
    }

    /// The first leader's opening entry gives the state the cluster's name.
    func setOpeningData() {
        let name = metadata.counters.clusterID == nil ? identity.clusterID : nil
        raft.openingData = CommandCodec.encode(.noop(clusterID: name)).data
    }

    /// Takes a batch of inputs, in order, and does all that follows from them.
    public func process(_ inputs: [Input]) {
        guard !isFailed else { return refuse(inputs) }
        now = clock.now
        heartbeats.woke(now: now.instant, planned: armedDeadline)
        leaseTimes.woke(now: now.instant, planned: armedDeadline)
        for index in inputs.indices { handle(inputs[index]) }
        guard !isFailed else { return }
        // What these inputs began is not due yet.
        if now.instant >= armedDeadline { expireTimers() }
        compactHistoryIfDue()
        proposeKeepAlives()
        proposeGathered()
        readGathered()
        continueMembership()
        flushWrites()
        checkpointIfDue()
        continueBackup()
        keyWatches.follow(metadata)
        metadataWatches.follow(metadata.counters.version)
        sendPushes()
        finishStopping()
        armedDeadline = max(nextDeadline, now.instant)
        clock.wake(at: armedDeadline)
    }

    private func handle(_ input: Input) {
        guard !isFailed else { return refuse([input]) }
        switch input {
        case .timer: break
        case .submit(let proposal, let completion): submit(proposal, completion)
        case .read(let consistency, let completion): read(consistency, completion)
        case .keepAlive(let lease, let completion): keepAlive(lease, completion)
        case .register(let registration, let completion): register(registration, completion)
        case .heartbeat(let heartbeat, let completion): self.heartbeat(heartbeat, completion)
        case .lagReport(let report, let completion): reportLag(report, completion)
        case .alterPartitions(let alteration, let completion): alterPartitions(alteration, completion)
        case .change(let command, let completion): change(command, completion)
        case .electLeaders(let request, let completion): electLeaders(request, completion)
        case .backUp(let consistency, let completion): backUp(consistency, completion)
        case .readLog(let from, let limit, let completion): readLog(from: from, limit: limit, completion)
        case .measure(let completion): completion(measure())
        case .changeMembers(let request, let completion): change(request, completion)
        case .listMembers(let completion): completion(membership)
        case .watch(let range, let revision, let wake, let completion):
            completion(watch(range, after: revision, wake: wake))
        case .unwatch(let watch): keyWatches.remove(watch)
        case .watchMetadata(let wake, let completion): completion(watchMetadata(wake))
        case .unwatchMetadata(let number): metadataWatches.remove(number)
        case .metadataNews(let version, let completion): completion(metadataNews(after: version))
        case .changes(let request, let completion): completion(changes(request))
        case .peerRequest(let request, let origin, let connection, let completion):
            receive(request, from: origin, connection: connection, completion)
        case .peerReply(let event, let speaker): receive(event, from: speaker)
        case .introduction(let introduction, let envelope, let connection, let completion):
            receive(introduction, in: envelope, connection: connection, completion)
        case .introduced(let peer, let outcome): introduced(to: peer, outcome)
        case .peerRefused(let reply, let event):
            receive(event, from: nil)
            refused(reply, by: event.peer ?? id)
        case .identityStored: identityStored()
        case .peerConnectionClosed(let connection): connectionClosed(connection)
        case .pushFinished(let broker, let attempt, let taken): pushFinished(broker, attempt: attempt, taken: taken)
        case .pushBodyMade(let made): pushBodyMade(made)
        case .persisted(let write, let took):
            measurements.writeLatency.observe(took)
            step(.persisted(write))
        case .checkpointed(let index): checkpointed(index)
        case .diskFailed where Defect.ignoresFailedWrite.isOn: break
        case .diskFailed(let error): fail(error, reason: "storage failed")
        case .snapshotStaged: snapshotStaged()
        case .snapshotInstalled(let position, let metadata): snapshotInstalled(position, metadata)
        case .snapshotRejected(let reason): snapshotRejected(reason)
        case .stop(let completion): stop(completion)
        }
    }

    /// One event for the core, and everything it wants done.
    func step(_ event: consuming Event) {
        // A node that ends neither votes nor leads nor follows.
        guard ending == nil else { return }
        // An effect may lead to another step, which finds no memory and brings its own.
        var memory: [Effect] = []
        swap(&memory, &effectMemory)
        var buffer = EffectBuffer(reusing: consume memory)
        raft.step(event, at: now, into: &buffer)
        let effects = buffer.take()
        for effect in effects where !isFailed { perform(effect) }
        effectMemory = effects
    }

    func flushWrites() {
        guard !gatheredWrites.isEmpty else { return }
        disk.write(gatheredWrites)
        gatheredWrites.removeAll(keepingCapacity: true)
    }

    func member(_ id: NodeID) -> Member? { members.first { $0.id == id } }

    var isFailed: Bool { failure != nil }

    /// The disk failed, or what is on it is worth nothing here: nothing is acknowledged any more.
    func fail(_ error: StorageError, reason: String) {
        guard !isFailed else { return }
        failure = reason
        for waiting in pendingWrites.takeAll() { waiting.completion(.failure(.outcomeUnknown)) }
        for (_, completion) in gatheredProposals { completion(.failure(.notLeader(leader: nil))) }
        gatheredProposals = []
        for (_, completion) in gatheredKeepAlives { completion(.failure(.notLeader(leader: nil))) }
        gatheredKeepAlives = []
        for action in pendingReads.flatMap(\.actions) + gatheredReads { action(.failure(.notLeader(leader: nil))) }
        pendingReads = []
        gatheredReads = []
        abandonBackup(reason)
        keyWatches.end()
        metadataWatches.wakeAll()
        for token in peerReplies.keys.sorted(by: { $0.number < $1.number }) {
            peerReplies[token]?(.failure(.unavailable(reason)))
        }
        peerReplies = [:]
        onFailure(error)
    }

    private func refuse(_ inputs: [Input]) {
        let failure = RequestFailure.unavailable(failure ?? "")
        for input in inputs {
            switch input {
            case .submit(_, let completion), .alterPartitions(_, let completion), .change(_, let completion):
                completion(.failure(failure))
            case .read(.stale, let completion) where Defect.sickNodeAnswersStaleReads.isOn: completion(.success(view))
            case .read(_, let completion): completion(.failure(failure))
            case .keepAlive(_, let completion): completion(.failure(failure))
            case .register(_, let completion): completion(.failure(failure))
            case .heartbeat(_, let completion): completion(.failure(failure))
            case .lagReport(_, let completion): completion(.failure(failure))
            case .peerRequest(_, _, _, let completion), .introduction(_, _, _, let completion):
                completion(.failure(failure))
            case .backUp(_, let completion): completion(.failure(.request(failure)))
            case .readLog(_, _, let completion): completion([], .zero)
            case .measure(let completion): completion(measure())
            case .changeMembers(_, let completion): completion(.failure(.unavailable(self.failure ?? "")))
            case .listMembers(let completion): completion(membership)
            case .watch(_, _, _, let completion): completion(.failure(.request(failure)))
            case .watchMetadata(_, let completion): completion(.failure(failure))
            case .metadataNews(_, let completion): completion(.failure(failure))
            case .changes(_, let completion): completion(.failure(failure))
            case .electLeaders(_, let completion): completion(.failure(failure))
            case .stop(let completion): completion()
            default: break
            }
        }
    }
}
