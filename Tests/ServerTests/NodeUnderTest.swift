import Logging
import Metadata
import Raft
import Storage
import Testing
import Wire

@testable import Server

/// Node 1 of a cluster in an environment that records; the test plays the peers and the disk.
final class NodeUnderTest: @unchecked Sendable {
    let clock = StandingClock()
    let network = RecordingNetwork()
    let disk = RecordingDisk()
    let node: Node
    let writes = Answers<Result<CommandResult, RequestFailure>>()
    let reads = Answers<Result<UInt64, RequestFailure>>()
    let heartbeats = Answers<Result<HeartbeatOutcome, RequestFailure>>()
    let replies = Answers<Result<Reply, RequestFailure>>()
    /// To what was refused by name, or asked by name.
    let introductions = Answers<IntroductionReply>()
    private var storedIdentities = 0
    private var takenPushes = 0
    private let failures = Answers<StorageError>()

    init(
        members: Int = 3, recovered: RecoveredNode = RecoveredNode(), isKnown: Bool = true,
        logger: Logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
        _ adjust: (inout NodeSettings) -> Void = { _ in }
    ) {
        var settings = NodeSettings()
        adjust(&settings)
        var recovered = recovered
        if isKnown { recovered.identity = .member(1, of: members) }
        let list = (1...members).map {
            Member(id: NodeID(UInt64($0)), host: "n\($0)", port: 9090, url: "http://n\($0):9090")
        }
        node = Node(
            id: NodeID(1), members: list, settings: settings, recovered: recovered, seed: 7, clock: clock,
            network: network, disk: disk, logger: logger,
            onFailure: { [failures] in failures.add($0) })
        process(.timer)
        guard isKnown else { return }
        for peer in list where peer.id != NodeID(1) {
            process(
                .introduced(
                    to: peer.id, .answered(IntroductionReply(introduction: .of(peer.id, of: members), refusal: nil))))
        }
    }

    /// What was written down about the nodes is durable.
    func storeIdentity() {
        while storedIdentities < disk.identities.count {
            storedIdentities += 1
            process(.identityStored)
        }
    }

    var failed: [StorageError] { failures.all }
    var log: RaftLog { node.raft.log }

    func process(_ inputs: Input...) { node.process(inputs) }
    func process(_ inputs: [Input]) { node.process(inputs) }

    /// The brokers take all pushes, and what was to be made for them is made.
    func takePushes() {
        for _ in 0..<100_000 {
            if takenPushes < network.pushes.count {
                let push = network.pushes[takenPushes]
                takenPushes += 1
                process(.pushFinished(broker: push.broker, attempt: push.attempt, taken: true))
            } else if !network.bodies.isEmpty {
                process(.pushBodyMade(network.bodies.removeFirst().made))
            } else if node.measure().pushesWaiting > 0 {
                advance(milliseconds: 1)
            } else {
                return
            }
        }
        Issue.record("there is no end of pushes")
    }

    func advance(milliseconds: Int) {
        clock.advance(milliseconds: milliseconds)
        process(.timer)
    }

    /// The disk completes everything it was asked to write.
    func persist() {
        guard let last = disk.writes.last else { return }
        process(.persisted(last.id, took: .milliseconds(1)))
    }

    // The peers

    /// Wins an election with the vote of node 2; the opening entry is not committed yet in a cluster.
    func elect() {
        while node.raft.role != .leader {
            if node.raft.role == .follower {
                clock.advanceToAlarm()
                process(.timer)
            }
            // Alone its own vote is a majority.
            if node.members.count == 1 { persist() }
            let term = node.raft.currentTerm
            if node.raft.role == .preCandidate {
                vote(term: term.next, isPreVote: true)
                persist()
            }
            if node.raft.role == .candidate { vote(term: node.raft.currentTerm, isPreVote: false) }
        }
        persist()
    }

    private func vote(term: Term, isPreVote: Bool) {
        let reply = RequestVoteReply(term: term, voteGranted: true, isPreVote: isPreVote)
        process(.peerReply(.requestVoteReply(reply, from: NodeID(2)), from: .member(2)))
    }

    /// Node 2 has everything and confirms the latest round.
    func acknowledge() {
        guard node.members.count > 1 else { return }
        let round = network.appends.filter { $0.term == node.raft.currentTerm }.map(\.readRound).max() ?? 0
        let last = log.last.index
        let reply = AppendEntriesReply(
            term: node.raft.currentTerm, success: true, matchIndex: last, readRound: round)
        process(.peerReply(.appendEntriesReply(reply, from: NodeID(2), previous: last), from: .member(2)))
    }

    /// Disk and peer do their part, until nothing is open.
    func settle() {
        for _ in 0..<4 {
            persist()
            acknowledge()
        }
    }

    func elected() -> Self {
        elect()
        settle()
        return self
    }

    /// Node `leader` sends entries.
    func append(
        from leader: UInt64, term: UInt64, behind previous: LogPosition, _ entries: [LogEntry] = [],
        commit: LogIndex = .zero, digest: StateDigest? = nil, connection: UInt64 = 1
    ) {
        let request = AppendEntries(
            term: Term(term), leader: NodeID(leader), previous: previous, entries: entries, leaderCommit: commit,
            digest: digest)
        process(appendInput(request, connection: connection))
    }

    func appendInput(_ request: AppendEntries, connection: UInt64 = 1) -> Input {
        peerInput(.appendEntries(request), in: .from(request.leader), connection: connection)
    }

    /// A request of a peer, whose answer goes to ``replies`` or ``introductions``.
    func peerInput(_ request: Raft.Request, in envelope: Envelope, connection: UInt64 = 1) -> Input {
        .peerRequest(request, from: .envelope(envelope), connection: connection) { [self] in take($0) }
    }

    private func take(_ result: Result<MessageCodec.Answer, RequestFailure>) {
        switch result {
        case .success(.reply(let reply, _)): replies.add(.success(reply))
        case .success(.introduction(let reply)): introductions.add(reply)
        case .failure(let failure): replies.add(.failure(failure))
        }
    }

    /// `other` introduces itself to this node.
    func introduce(_ other: Introduction, in envelope: Envelope? = nil) {
        let envelope = envelope ?? .from(other.speaker.node, cluster: other.cluster)
        process(.introduction(other, envelope, connection: 1) { [self] in take($0) })
    }

    func install(_ chunk: InstallSnapshot) {
        process(peerInput(.installSnapshot(chunk), in: .from(chunk.leader)))
    }

    // The clients

    func submission(_ command: Command) -> Input {
        let (type, data) = CommandCodec.encode(command)
        return .submit(Proposal(type: type, data: data)) { [writes] in writes.add($0) }
    }

    func submit(_ command: Command) { process(submission(command)) }

    func put(_ key: String, _ value: String = "v") {
        submit(.put(Put(key: Key(validated: Array(key.utf8)), value: Array(value.utf8))))
    }

    func read(_ consistency: Consistency = .linearizable) {
        process(.read(consistency) { [reads] in reads.add($0.map { $0.metadata.counters.revision }) })
    }

    func heartbeat(_ broker: BrokerID) { heartbeat(Heartbeat(broker: broker)) }

    func heartbeat(_ heartbeat: Heartbeat) { process(.heartbeat(heartbeat) { [heartbeats] in heartbeats.add($0) }) }

    func register(_ broker: BrokerID) {
        submit(.registerBroker(RegisterBroker(id: broker, host: "b\(broker)", port: 8081)))
        settle()
    }

    func status(of broker: BrokerID) -> BrokerStatus? { node.metadata.broker(broker)?.status }
}

/// An entry that puts a key.
func putEntry(_ index: UInt64, term: UInt64, _ key: String = "/x", _ value: String = "other") -> LogEntry {
    let put = Put(key: Key(validated: Array(key.utf8)), value: Array(value.utf8))
    let (type, data) = CommandCodec.encode(.put(put))
    return LogEntry(index: LogIndex(index), term: Term(term), type: type, data: data, timestamp: 1)
}

func position(_ term: UInt64, _ index: UInt64) -> LogPosition {
    LogPosition(term: Term(term), index: LogIndex(index))
}

extension Result where Failure == RequestFailure {
    var failure: RequestFailure? { if case .failure(let failure) = self { failure } else { nil } }
    var isSuccess: Bool { failure == nil }
}
