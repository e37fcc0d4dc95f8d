import Metadata
import Raft
import Storage
import Synchronization
import Wire

@testable import Server

/// A node alone: it applies at once what is submitted, or fails as it is told.
final class FakeNode: NodeService {
    struct State: Sendable {
        var metadata = MetadataStateMachine()
        /// Of everything that needs the leader.
        var failure: RequestFailure?
        var changes: [MembershipRequest] = []
        var change: Result<MembershipProgress, MembershipFailure> = .success(.done)
        /// Of everything else.
        var staleFailure: RequestFailure?
        var status = FakeNode.status
        var submitted: [Command] = []
        var watches = KeyWatches(MetadataStateMachine())
        /// What others change just before the next commands, one before each.
        var changeBeforeNext: [Command] = []
        var oldestVersion: UInt64 = 0
        var metadataWakers: [UInt64: @Sendable () -> Void] = [:]
        var heartbeat: HeartbeatAnswer?
        var heartbeats: [Heartbeat] = []
        var reports: [LagReport] = []
        var received: [Received] = []
        var reply: Reply = .timeoutNow(TimeoutNowReply(term: .zero))
        var closed: [UInt64] = []
        var connectionClosed: @Sendable (UInt64) -> Void = { _ in }
        var backup: Result<BackupContent, BackupRefusal>?
        var log: [LogEntry] = []
        var logArguments: (from: LogIndex, limit: Int)?
    }

    struct Received: Sendable, Equatable {
        var request: Request
        var origin: RequestOrigin
        var connection: UInt64
    }

    static let clusterID = "00000000000000000000000000000c10"
    static let now: Int64 = 1_731_345_678_000

    static let status = NodeStatus(
        node: NodeID(2), role: .leader, term: Term(3), leader: NodeID(2), votedFor: NodeID(2),
        commitIndex: LogIndex(41),
        lastApplied: LogIndex(40), firstLogIndex: LogIndex(1), lastLog: LogPosition(term: Term(3), index: LogIndex(42)),
        digest: Digest(high: 1, low: 0xAB),
        peers: [
            .init(id: NodeID(1), matchIndex: LogIndex(41), nextIndex: LogIndex(42), lastContactMs: 7),
            .init(id: NodeID(3), matchIndex: LogIndex(0), nextIndex: LogIndex(43), lastContactMs: nil),
        ],
        directory: DirectoryID(high: 2, low: 0xCD), clusterID: "c1", isVoter: true, notReady: nil)

    let state = Mutex(State())
    let id = NodeID(2)
    let members = (1...3).map { id in
        Member(id: NodeID(UInt64(id)), host: "localhost", port: 9090 + UInt16(id), url: "http://localhost:909\(id)")
    }

    func submit(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        defer { for wake in state.withLock({ Array($0.metadataWakers.values) }) { wake() } }
        completion(
            state.withLock { state in
                if let failure = state.failure { return .failure(failure) }
                let (type, data) = CommandCodec.encode(command)
                precondition((try? CommandCodec.decode(type: type, data: data)) == command, "not fit for the log")
                state.submitted.append(command)
                if !state.changeBeforeNext.isEmpty {
                    _ = state.metadata.apply(state.changeBeforeNext.removeFirst(), timestamp: Self.now)
                }
                defer { state.watches.follow(state.metadata) }
                return .success(state.metadata.apply(command, timestamp: Self.now).result)
            })
    }

    func watch(
        _ range: KeySpan, after revision: UInt64?, wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<KeyWatch, WatchFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                if let failure = state.staleFailure { return .failure(.request(failure)) }
                do throws(RevisionFault) {
                    let after = try KeyWatches.start(after: revision, state.metadata)
                    return .success(state.watches.add(range, after: after, state.metadata, wake: wake))
                } catch { return .failure(.revision(error)) }
            })
    }

    /// Nine seconds and a bit are left of every lease.
    final class Source: NodeViewSource {
        let status: NodeStatus
        init(status: NodeStatus) { self.status = status }
        func remaining(of lease: LeaseID) -> Duration? { .milliseconds(9_100) }
        func lastHeartbeat(of broker: BrokerID) -> Duration? { .milliseconds(1_250) }
        func progress(of partition: Int, of topic: TopicID) -> [BrokerID: ReassignmentProgress.Lag] {
            [103: ReassignmentProgress.Lag(offsets: 12_000, at: 1_000)]
        }
    }

    var standing: ClusterStanding {
        let status = state.withLock { $0.status }
        return ClusterStanding(
            clusterID: "000000000000002a0000000000000000", term: status.term, leader: status.leader)
    }

    func keepAlive(
        _ lease: LeaseID, completion: @escaping @Sendable (Result<Lease?, RequestFailure>) -> Void
    ) {
        completion(state.withLock { $0.failure.map { .failure($0) } ?? .success($0.metadata.lease(lease)) })
    }

    func watchMetadata(
        wake: @escaping @Sendable () -> Void,
        completion: @escaping @Sendable (Result<UInt64, RequestFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                if let failure = state.staleFailure { return .failure(failure) }
                let number = UInt64(state.metadataWakers.count + 1)
                state.metadataWakers[number] = wake
                return .success(number)
            })
    }

    func unwatchMetadata(_ number: UInt64) { state.withLock { _ = $0.metadataWakers.removeValue(forKey: number) } }

    func metadataNews(
        after version: UInt64?, completion: @escaping @Sendable (Result<MetadataNews, RequestFailure>) -> Void
    ) {
        completion(.success(MetadataNews(version: 1, updates: [])))
    }

    func changes(
        _ request: ChangesRequest, completion: @escaping @Sendable (Result<ChangesOutcome, RequestFailure>) -> Void
    ) {
        let (metadata, failure, oldest) = state.withLock { ($0.metadata, $0.staleFailure, $0.oldestVersion) }
        if let failure { return completion(.failure(failure)) }
        if request.version > 0, request.version < oldest { return completion(.success(.tooOld(oldest: oldest))) }
        let present = metadata.counters.version
        if request.version > present { return completion(.success(.ahead(present: present))) }
        completion(.success(.page(SharedChangesPage(request, metadata.changesImage, leader: NodeID(2), term: Term(3)))))
    }

    func unwatch(_ watch: KeyWatch) { state.withLock { $0.watches.remove(watch) } }

    func read(_ consistency: Consistency, query: @escaping @Sendable (Result<NodeView, RequestFailure>) -> Void) {
        let (state, failure) = state.withLock { ($0, consistency == .stale ? $0.staleFailure : $0.failure) }
        if let failure { return query(.failure(failure)) }
        query(.success(NodeView(metadata: state.metadata, now: Self.now, source: Source(status: state.status))))
    }

    let brokerTiming = BrokerTiming(session: .seconds(30), heartbeat: .seconds(5))

    /// Of brokers that register with an incarnation it takes none for dead.
    func register(
        _ registration: BrokerRegistration,
        completion: @escaping @Sendable (Result<RegistrationOutcome, RequestFailure>) -> Void
    ) {
        if let cluster = registration.clusterID, cluster != Self.clusterID {
            return completion(.success(.otherCluster(Self.clusterID)))
        }
        var broker = registration.broker
        let existing = state.withLock { $0.metadata.broker(broker.id) }
        broker.incarnation = registration.incarnation.map {
            RegisterBroker.Incarnation(
                id: $0, isSuccessor: existing?.incarnation?.id == registration.successorOf)
        }
        broker.replacing = existing?.incarnation?.epoch ?? 0
        submit(.registerBroker(broker)) { result in
            switch result {
            case .success(.broker(let broker, let isNew)): completion(.success(.registered(broker, isNew: isNew)))
            case .success(.refused(.duplicateRegistration(let broker))):
                completion(.success(.duplicate(broker, remaining: .milliseconds(8_400))))
            case .success(.refused(let refusal)): completion(.success(.refused(refusal)))
            case .success(let other): preconditionFailure("\(other)")
            case .failure(let failure): completion(.failure(failure))
            }
        }
    }

    func heartbeat(
        _ heartbeat: Heartbeat, completion: @escaping @Sendable (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                if let failure = state.failure { return .failure(failure) }
                guard let broker = state.metadata.broker(heartbeat.broker), let answer = state.heartbeat else {
                    return .success(.refused(.unknownBroker(heartbeat.broker)))
                }
                let present = broker.incarnation?.epoch
                guard present == heartbeat.epoch else {
                    return .success(.refused(.staleBrokerEpoch(heartbeat.broker, present: present)))
                }
                state.heartbeats.append(heartbeat)
                return .success(
                    .acknowledged(
                        HeartbeatAnswer(version: answer.version, term: answer.term, incarnation: broker.incarnation)))
            })
    }

    func reportLag(
        _ report: LagReport, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                if let failure = state.failure { return .failure(failure) }
                guard state.metadata.broker(report.broker) != nil else {
                    return .success(.refused(.unknownBroker(report.broker)))
                }
                state.reports.append(report)
                return .success(.done)
            })
    }

    func alterPartitions(
        _ alteration: AlterPartitions,
        completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        submit(.alterPartitions(alteration), completion: completion)
    }

    func change(
        _ command: Command, completion: @escaping @Sendable (Result<CommandResult, RequestFailure>) -> Void
    ) {
        submit(command, completion: completion)
    }

    func electLeaders(
        _ request: ElectLeadersRequest,
        completion: @escaping @Sendable (Result<ElectLeadersOutcome, RequestFailure>) -> Void
    ) {
        let (election, isMore) = state.withLock { $0.metadata.election(request) }
        submit(.electLeaders(election)) { result in
            completion(result.map { ElectLeadersOutcome(election, $0, isMore: isMore) })
        }
    }

    func receive(
        _ request: Request, from origin: RequestOrigin, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                state.received.append(Received(request: request, origin: origin, connection: connection))
                return state.failure.map { .failure($0) } ?? .success(.reply(state.reply, from: nil))
            })
    }

    /// Answers with what it was told.
    func receive(
        _ introduction: Introduction, in envelope: Envelope, connection: UInt64,
        completion: @escaping @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void
    ) {
        completion(.success(.introduction(IntroductionReply(introduction: introduction, refusal: .otherList))))
    }

    func peerConnectionClosed(_ connection: UInt64) {
        let report = state.withLock { state in
            state.closed.append(connection)
            return state.connectionClosed
        }
        report(connection)
    }

    func log(
        from: LogIndex, limit: Int,
        completion: @escaping @Sendable (_ entries: [LogEntry], _ firstIndex: LogIndex) -> Void
    ) {
        let log = state.withLock { state in
            state.logArguments = (from, limit)
            return state.log
        }
        completion(Array(log.filter { $0.index >= from }.prefix(limit)), log.first?.index ?? LogIndex(1))
    }

    func change(
        _ request: MembershipRequest,
        completion: @escaping @Sendable (Result<MembershipProgress, MembershipFailure>) -> Void
    ) {
        completion(
            state.withLock { state in
                state.changes.append(request)
                return state.change
            })
    }

    func membership(completion: @escaping @Sendable (MembershipView) -> Void) {
        completion(
            MembershipView(
                clusterID: "c1", configurationIndex: LogIndex(7), isCommitted: true, isJoint: false,
                features: [Configuration.Feature(name: "kraft.version", level: 1)], leader: NodeID(1),
                lastIndex: LogIndex(9), operation: nil,
                rows: [1, 2, 3].map { id in
                    MembershipView.Row(
                        member: Configuration.Member(
                            id: NodeID(id), directory: DirectoryID(high: id, low: 0), host: "node\(id)", port: 9091),
                        matchIndex: LogIndex(9), lastContactMs: 5, features: SupportedFeature.all, build: "1.0")
                }))
    }

    func backUp(_ consistency: Consistency, completion: @escaping BackupCompletion) {
        completion(state.withLock { $0.backup ?? .failure(.backup(.inProgress)) })
    }

    func metrics(completion: @escaping @Sendable (String) -> Void) { completion("dmq_raft_term 3\n") }
}

extension MetadataStateMachine {
    /// At level 2 from revision 0 on.
    static var keepingHistory: MetadataStateMachine {
        var counters = Counters()
        counters.level = 2
        return MetadataStateMachine(counters: counters)
    }
}
