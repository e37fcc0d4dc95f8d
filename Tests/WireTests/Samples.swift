import Metadata
import Raft

@testable import Wire

/// SplitMix64: every run draws the same values from the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
        return z ^ z >> 31
    }
}

/// Draws values of every shape that the codecs carry.
struct Samples {
    var random: SeededGenerator
    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    static let clusterID = "0123456789abcdef0123456789abcdef"
    private static let names = ["a", "orders", "A-b_c.9", "..a", String(repeating: "t", count: 249)]
    private static let keys = [
        "/a", "/config/service/a", "/ü/🚀", "/with space/%41", "/two\nlines", "/x\n", "/...", "/\0",
    ]

    mutating func chance() -> Bool { Bool.random(using: &random) }
    mutating func number(_ range: ClosedRange<Int64>) -> Int64 {
        // Edges matter more than the middle.
        switch UInt8.random(in: 0..<8, using: &random) {
        case 0: range.lowerBound
        case 1: range.upperBound
        case 2...5: min(range.upperBound, max(range.lowerBound, 0) + Int64.random(in: 1...300, using: &random))
        default: Int64.random(in: range, using: &random)
        }
    }
    mutating func counter() -> UInt64 { UInt64(number(0...9_007_199_254_740_991)) }
    mutating func id() -> Int64 { number(1...9_007_199_254_740_991) }
    mutating func bytes(upTo count: Int = 40) -> [UInt8] {
        (0..<Int.random(in: 0...count, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
    }
    mutating func topic() -> String { Self.names.randomElement(using: &random)! }
    mutating func label() -> String { ["none", "lz4", "räck \"1\"\\"].randomElement(using: &random)! }
    mutating func key() -> Key { Key(validated: Array(Self.keys.randomElement(using: &random)!.utf8)) }
    mutating func host() -> String { ["localhost", "10.0.0.1", "[::1%eth0]"].randomElement(using: &random)! }

    mutating func precondition() -> Precondition {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .none
        case 1: .absent
        default: .modRevision(random.next() >> UInt64.random(in: 0..<64, using: &random))
        }
    }

    mutating func command() -> Command {
        switch Int.random(in: 0..<22, using: &random) {
        case 15:
            .electLeaders(
                ElectLeaders(
                    (0..<Int.random(in: 0...3, using: &random)).map { _ in
                        ElectLeaders.Place(topic: topic(), partition: Int(number(0...9999)))
                    }))
        case 14: .alterPartitions(alteration())
        case 17:
            .alterReassignments(
                AlterReassignments(
                    (0..<Int.random(in: 0...3, using: &random)).map { _ in
                        AlterReassignments.Move(
                            topic: chance() ? .id(topicID()) : .name(topic()), partition: Int(counter()),
                            replicas: chance() ? brokers() : nil)
                    }, mayChangeReplicationFactor: chance()))
        case 18:
            .createPartitions(
                CreatePartitions(
                    topic: topic(), partitionCount: Int(number(1...10_000)), assignments: chance() ? lists() : nil))
        case 16: .raiseLevel(of: chance() ? .metadata : .placement, to: Int(number(1...1000)))
        case 19: .group(groupCommand())
        case 21:
            .restrictBroker(
                RestrictBroker(
                    id: id(), restriction: chance() ? .cordoned : .maintenance, isOn: chance(), isForced: chance()))
        case 20:
            .allocateProducerIDs(
                AllocateProducerIDs(
                    broker: id(), epoch: chance() ? counter() : nil,
                    count: UInt64(number(AllocateProducerIDs.counts))))
        case 13: .changeBrokerState(stateChange())
        case 9: .transaction(transaction(depth: 1))
        case 10: .grantLease(lease())
        case 11: .revokeLease(lease().id)
        case 12: .keepLeasesAlive((0..<3).map { _ in lease().id })
        case 0: .noop(clusterID: chance() ? Self.clusterID : nil)
        case 1:
            .registerBroker(
                RegisterBroker(
                    id: id(), host: host(), port: Int(number(1...65535)), rack: chance() ? label() : nil,
                    incarnation: chance() ? registeringIncarnation() : nil, replacing: chance() ? counter() : 0))
        case 2: .unregisterBroker(id())
        case 3:
            .updateBrokerStatus(
                UpdateBrokerStatus(id: id(), status: chance() ? .online : .offline, timestamp: Int64(counter())))
        case 4:
            .createTopic(
                CreateTopic(
                    name: topic(), partitionCount: Int(number(1...10_000)), replicationFactor: Int(number(1...1000)),
                    configuration: configuration(), id: chance() ? topicID() : nil,
                    assignments: chance() ? lists() : nil))
        case 5: .deleteTopic(DeleteTopic(topic(), id: chance() ? topicID() : nil))
        case 6: .updateInSyncReplicas(inSyncReplicas())
        case 7: .put(Put(key: key(), value: bytes(), precondition: precondition()))
        default: .delete(delete())
        }
    }

    mutating func brokers() -> [BrokerID] { (0..<Int.random(in: 0...3, using: &random)).map { _ in id() } }
    mutating func lists() -> [[BrokerID]] { (0..<Int.random(in: 0...3, using: &random)).map { _ in brokers() } }

    mutating func partition() -> Partition {
        let isMoving = chance()
        return Partition(
            id: Int(number(0...9999)), leader: chance() ? id() : nil, replicas: (0..<3).map { _ in id() },
            inSyncReplicas: chance() ? [id()] : [], leaderEpoch: Int(counter()),
            partitionEpoch: isMoving ? Int(number(1...9_007_199_254_740_991)) : chance() ? Int(counter()) : 0,
            reassignment: isMoving ? reassignment() : nil)
    }

    mutating func reassignment() -> Reassignment {
        Reassignment(
            adding: brokers(), removing: brokers(), original: brokers(), startedAt: number(-5...Int64(1 << 50)))
    }

    mutating func appID() -> String {
        ["a", "~ \"x\"\\", String(repeating: "a", count: 255)].randomElement(using: &random)!
    }

    mutating func groupCommand() -> GroupCommand {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .find(topic: topic(), appID: appID())
        case 1: .move(ConsumerGroup.id(topic: topic(), appID: appID()), to: id())
        default: .delete(ConsumerGroup.id(topic: topic(), appID: appID()), by: id())
        }
    }

    mutating func topicID() -> TopicID { TopicID(high: random.next(), low: random.next()) }

    mutating func alteration() -> AlterPartitions {
        AlterPartitions(
            broker: id(), epoch: counter(),
            changes: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                AlterPartitions.Change(
                    topic: chance() ? .id(topicID()) : .name(topic()), partition: Int(counter()),
                    leaderEpoch: Int(counter()), partitionEpoch: Int(counter()),
                    inSync: (0..<Int.random(in: 0...3, using: &random)).map { _ in
                        AlterPartitions.Member(id(), epoch: chance() ? counter() : nil)
                    })
            })
    }

    mutating func stateChange() -> ChangeBrokerState {
        ChangeBrokerState(
            id: id(), epoch: counter(), state: BrokerState.allCases.randomElement(using: &random)!,
            timestamp: Int64(counter()))
    }

    mutating func registeringIncarnation() -> RegisterBroker.Incarnation {
        RegisterBroker.Incarnation(id: Self.clusterID, isSuccessor: chance(), fetches: chance())
    }

    mutating func incarnation() -> BrokerIncarnation {
        BrokerIncarnation(
            id: Self.clusterID, epoch: counter(), state: BrokerState.allCases.randomElement(using: &random)!,
            shutdownVersion: chance() ? UInt64(number(1...9_007_199_254_740_991)) : nil, fetches: chance())
    }

    mutating func lease() -> Lease { Lease(id: number(1...Int64.max), ttlSeconds: number(Lease.ttls)) }

    mutating func anyKey() -> Key { chance() ? key() : Key(validated: [0xff] + bytes(upTo: 3)) }

    mutating func span() -> KeySpan {
        switch Int.random(in: 0..<3, using: &random) {
        case 0: .key(anyKey())
        case 1: .range(from: bytes(upTo: 3), before: nil)
        default: .range(from: anyKey().bytes, before: anyKey().bytes)
        }
    }

    mutating func transaction(depth: Int) -> Transaction {
        var transaction = Transaction(
            comparisons: (0..<Int.random(in: 0...2, using: &random)).map { _ in comparison() },
            success: (0..<Int.random(in: 0...3, using: &random)).map { _ in operation(depth: depth) },
            failure: (0..<Int.random(in: 0...3, using: &random)).map { _ in operation(depth: depth) })
        if depth == 1, chance() { transaction.fence = Fence(queue: span(), token: counter()) }
        return transaction
    }

    mutating func comparison() -> Comparison {
        let operand: Comparison.Operand =
            switch Int.random(in: 0..<5, using: &random) {
            case 0: .version(number(Int64.min...Int64.max))
            case 1: .createRevision(number(0...Int64.max))
            case 2: .modRevision(number(0...Int64.max))
            case 3: .lease(lease().id)
            default: .value(bytes())
            }
        return Comparison(span(), Comparison.Relation.allCases.randomElement(using: &random)!, operand)
    }

    mutating func operation(depth: Int) -> Transaction.Operation {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .delete(span())
        case 1: .read(span(), at: chance() ? counter() : nil)
        case 2 where depth < Transaction.maximumDepth: .transaction(transaction(depth: depth + 1))
        default:
            .put(
                Transaction.Write(
                    key: anyKey(), value: chance() ? bytes() : nil,
                    lease: chance() ? .none : chance() ? .same : .lease(lease().id)))
        }
    }

    mutating func delete() -> Delete {
        let isRecursive = chance()
        let key = isRecursive && chance() ? Key(validated: [UInt8(ascii: "/")]) : key()
        return Delete(key: key, isRecursive: isRecursive, precondition: precondition())
    }

    mutating func inSyncReplicas() -> UpdateInSyncReplicas {
        let count = Int.random(in: 0...3, using: &random)
        let changes = (0..<count).map { _ in
            UpdateInSyncReplicas.Change(
                topic: topic(), partition: Int(number(0...9999)), isInSync: chance(),
                leaderEpoch: chance() ? Int(counter()) : nil)
        }
        return UpdateInSyncReplicas(broker: id(), changes: changes)
    }

    mutating func configuration() -> TopicConfiguration {
        TopicConfiguration(
            retentionMs: number(-1...9_007_199_254_740_991), retentionBytes: number(-1...9_007_199_254_740_991),
            segmentBytes: id(), compressionType: label(), minInsyncReplicas: Int(number(1...1000)))
    }

    // MARK: Messages

    mutating func term() -> Term { Term(counter()) }
    mutating func index() -> LogIndex { LogIndex(counter()) }
    mutating func node() -> NodeID { NodeID(UInt64(id())) }
    mutating func position() -> LogPosition { LogPosition(term: term(), index: index()) }

    mutating func request() -> Request {
        switch Int.random(in: 0..<5, using: &random) {
        case 0:
            .requestVote(
                RequestVote(
                    term: term(), candidate: node(), lastLog: position(), isPreVote: chance(),
                    isLeadershipTransfer: chance()))
        case 1:
            .installSnapshot(
                InstallSnapshot(
                    term: term(), leader: node(), lastIncluded: position(), sequence: counter(), data: bytes(),
                    isLast: chance()))
        case 2: .timeoutNow(TimeoutNow(term: term(), leader: node()))
        default: .appendEntries(appendEntries())
        }
    }

    mutating func appendEntries() -> AppendEntries {
        let previous = LogPosition(term: Term(counter() / 2), index: LogIndex(counter() / 2))
        var last = previous
        let entries = (0..<Int.random(in: 0...4, using: &random)).map { _ in
            let term = Term(last.term.number + UInt64.random(in: 0...2, using: &random))
            let type = ["", "PUT", "RegisterBrokerCommand", "ü"].randomElement(using: &random)!
            let entry = LogEntry(
                index: last.index.next, term: term, type: type, data: bytes(),
                timestamp: number(Int64.min...Int64.max))
            last = entry.position
            return entry
        }
        let digest = chance() ? stateDigest() : nil
        return AppendEntries(
            term: Term(last.term.number + 1), leader: node(), previous: previous, entries: entries,
            leaderCommit: index(), readRound: counter(), digest: digest, verdict: chance() ? verdict() : nil)
    }

    mutating func stateDigest() -> StateDigest {
        StateDigest(index: index(), high: random.next(), low: random.next())
    }

    mutating func verdict() -> Verdict {
        Verdict(
            chance() ? .state(stateDigest()) : .entry(LogPosition(term: term(), index: index())),
            voters: (0..<Int.random(in: 0...4, using: &random)).map { _ in node() })
    }

    mutating func reply() -> Reply {
        switch Int.random(in: 0..<5, using: &random) {
        case 0: .requestVote(RequestVoteReply(term: term(), voteGranted: chance(), isPreVote: chance()))
        case 1:
            .installSnapshot(InstallSnapshotReply(term: term(), nextSequence: counter(), isInstalled: chance()))
        case 2: .timeoutNow(TimeoutNowReply(term: term()))
        default:
            .appendEntries(
                AppendEntriesReply(
                    term: term(), success: chance(), matchIndex: index(),
                    conflict: chance() ? .init(term: chance() ? term() : nil, index: index()) : nil,
                    readRound: counter(), digest: chance() ? stateDigest() : nil,
                    contradiction: chance() ? LogPosition(term: term(), index: index()) : nil))
        }
    }
}

// Who speaks
extension Samples {
    mutating func directory() -> DirectoryID { DirectoryID(high: random.next(), low: random.next()) }
    mutating func run() -> Run { Run(number: counter(), nonce: random.next()) }
    mutating func cluster() -> String? { chance() ? Self.clusterID : nil }

    mutating func speaker(_ node: NodeID? = nil) -> Speaker {
        Speaker(node: node ?? self.node(), directory: directory(), run: run(), isAdmitted: chance())
    }

    mutating func envelope(_ speaker: Speaker? = nil) -> Envelope {
        Envelope(
            sender: speaker ?? self.speaker(), cluster: cluster(), receiver: node(),
            receiverDirectory: chance() ? directory() : nil, listVersion: random.next(),
            configuration: chance() ? LogIndex(counter()) : nil)
    }

    mutating func abilities() -> Introduction.Abilities {
        Introduction.Abilities(
            configuration: LogIndex(counter()),
            features: (0..<number(0...3)).map { feature in
                SupportedFeature(name: "feature.\(feature)", levels: Int(number(0...3))...Int(number(3...9)))
            }, build: "1.2.3")
    }

    mutating func introduction() -> Introduction {
        Introduction(
            speaker: speaker(), cluster: cluster(), bornAt: chance() ? number(-9...9_007_199_254_740_991) : nil,
            members: (0..<number(0...7)).map { _ in
                KnownMember(
                    id: node(), directory: chance() ? directory() : nil, generation: counter(), isAdmitted: chance(),
                    run: chance() ? run() : nil)
            },
            electors: (0..<number(0...7)).map { _ in node() }, isSettled: chance(), generation: counter(),
            reach: position(), term: term(), startedAt: number(0...9_007_199_254_740_991), place: host(),
            abilities: chance() ? abilities() : nil)
    }

    mutating func question() -> MessageCodec.Question {
        switch number(0...3) {
        case 0:
            let introduction = introduction()
            var envelope = envelope(introduction.speaker)
            envelope.configuration = introduction.abilities.map { _ in LogIndex(counter()) }
            return .introduction(introduction, envelope)
        case 1:
            var request = request()
            if case .appendEntries(var append) = request {
                append.verdict = nil
                request = .appendEntries(append)
            }
            return .request(request, .legacy(sender: node(), cluster: cluster()))
        default: return .request(request(), .envelope(envelope()))
        }
    }

    mutating func answer() -> MessageCodec.Answer {
        switch number(0...3) {
        case 0:
            return .introduction(
                IntroductionReply(
                    introduction: introduction(),
                    refusal: chance() ? Misfit.allCases.randomElement(using: &random) : nil))
        case 1:
            var reply = reply()
            if case .appendEntries(var append) = reply {
                (append.digest, append.contradiction) = (nil, nil)
                reply = .appendEntries(append)
            }
            return .reply(reply, from: nil)
        default: return .reply(reply(), from: speaker())
        }
    }

    static func encode(_ question: MessageCodec.Question) -> [UInt8] {
        switch question {
        case .introduction(let introduction, let envelope): MessageCodec.encode(introduction, in: envelope)
        case .request(let request, .envelope(let envelope)): MessageCodec.encode(request, in: envelope)
        case .request(let request, .legacy(let sender, let cluster)):
            MessageCodec.encodeLegacy(request, sender: sender, clusterID: cluster)
        case .request(_, .anybody): preconditionFailure("JSON has no dense form")
        }
    }

    static func encode(_ answer: MessageCodec.Answer) -> [UInt8] {
        switch answer {
        case .introduction(let reply): MessageCodec.encode(reply)
        case .reply(let reply, let speaker): MessageCodec.encode(reply, from: speaker)
        }
    }
}
