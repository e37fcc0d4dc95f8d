import Testing

@testable import Metadata

/// Random commands from few names, so that they meet, against what must hold whatever happens.
@Suite struct RandomCommandTests {
    struct Generator {
        var random: SeededGenerator

        mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        mutating func broker() -> BrokerID { BrokerID(number(1...6)) }
        mutating func topic() -> String { ["a", "b", "c", "d"][number(0...3)] }

        mutating func key() -> Key {
            Key((0..<number(1...3)).map { _ in "/" + ["a", "b", "a-", "a0"][number(0...3)] }.joined())
        }

        mutating func lease() -> LeaseID { LeaseID(number(1...5)) }

        /// Also one that is no path.
        mutating func anyKey() -> Key {
            number(0...2) > 0 ? key() : Key(validated: [[0xff], [0xff, 0], [0], [0x2f, 0xff]][number(0...3)])
        }

        mutating func span() -> KeySpan {
            switch number(0...4) {
            case 0: .prefix([[0xff], Array("/a".utf8), Array("/b/".utf8), []][number(0...3)])
            case 1: .range(from: anyKey().bytes, before: anyKey().bytes)
            default: .key(anyKey())
            }
        }

        mutating func transaction(at revision: UInt64, depth: Int) -> Transaction {
            var transaction = Transaction()
            for _ in 0..<number(0...2) {
                let relation = Comparison.Relation.allCases[number(0...3)]
                let operand: Comparison.Operand =
                    [.version(1), .createRevision(0), .modRevision(Int64(revision)), .lease(0), .value([7])][
                        number(0...4)]
                transaction.comparisons.append(Comparison(span(), relation, operand))
            }
            // Some change a key twice, and are refused.
            for _ in 0..<number(0...3) { transaction.success.append(operation(at: revision, depth: depth)) }
            for _ in 0..<number(0...3) { transaction.failure.append(operation(at: revision, depth: depth)) }
            if number(0...9) == 0 { transaction.fence = Fence(queue: span(), token: UInt64(number(0...Int(revision)))) }
            return transaction
        }

        mutating func operation(at revision: UInt64, depth: Int) -> Transaction.Operation {
            switch number(0...9) {
            case 0: .read(span(), at: number(0...1) == 0 ? nil : UInt64(max(0, Int(revision) + number(-40...1))))
            case 1: .delete(span())
            case 2 where depth < 3: .transaction(transaction(at: revision, depth: depth + 1))
            default:
                .put(
                    Transaction.Write(
                        key: anyKey(), value: number(0...9) == 0 ? nil : [UInt8(number(0...9))],
                        lease: [.none, .none, .same, .lease(lease())][number(0...3)]))
            }
        }

        mutating func precondition() -> Precondition {
            switch number(0...9) {
            case 0: .absent
            case 1: .modRevision(UInt64(number(0...200)))
            default: .none
            }
        }

        mutating func registration() -> RegisterBroker {
            let known = epochs.randomElement(using: &random) ?? 0
            return RegisterBroker(
                id: broker(), host: "host", port: 1,
                incarnation: number(0...5) == 0
                    ? nil
                    : RegisterBroker.Incarnation(
                        id: String(repeating: "\(number(1...5))", count: 32), isSuccessor: number(0...1) == 0,
                        fetches: number(0...2) == 0),
                replacing: known)
        }

        /// Of names that meet, some of which give one id.
        mutating func groupCommand() -> GroupCommand {
            let (topic, appID) = (["a", "a_b", "c"][number(0...2)], ["b_d", "d", "e"][number(0...2)])
            switch number(0...3) {
            case 0: return .move(ConsumerGroup.id(topic: topic, appID: appID), to: broker())
            case 1: return .delete(ConsumerGroup.id(topic: topic, appID: appID), by: broker())
            default: return .find(topic: topic, appID: appID)
            }
        }

        mutating func stateChange() -> ChangeBrokerState {
            ChangeBrokerState(
                id: broker(), epoch: epochs.randomElement(using: &random) ?? 1,
                state: BrokerState.allCases.randomElement(using: &random)!, timestamp: 0)
        }

        /// Mostly what the leader of a partition could say.
        mutating func alteration() -> AlterPartitions {
            guard let rows = topics.randomElement(using: &random) else {
                return AlterPartitions(broker: broker(), epoch: 1, changes: [])
            }
            let changes = rows.partitions.map { partition in
                AlterPartitions.Change(
                    topic: number(0...1) == 0 ? .id(rows.id) : .name(rows.name), partition: partition.id,
                    leaderEpoch: partition.leaderEpoch + (number(0...5) == 0 ? number(-1...1) : 0),
                    partitionEpoch: partition.partitionEpoch + (number(0...5) == 0 ? number(-1...1) : 0),
                    inSync: partition.replicas.filter { _ in number(0...3) > 0 }.map { AlterPartitions.Member($0) })
            }
            let sender = rows.partitions.compactMap(\.leader).randomElement(using: &random) ?? broker()
            return AlterPartitions(
                broker: sender, epoch: number(0...9) == 0 ? 1 : epochOf[sender] ?? 1, changes: changes)
        }

        mutating func lists() -> [[BrokerID]] { (0..<2).map { _ in [broker(), broker()] } }

        /// Away, to another one more, to fewer, to where it is, or back.
        mutating func moves() -> AlterReassignments {
            guard let rows = topics.randomElement(using: &random) else { return AlterReassignments([]) }
            let moves = rows.partitions.map { partition in
                let target: [BrokerID]? =
                    switch number(0...6) {
                    case 0: lists()[0]
                    case 1, 2: partition.target + [broker()]
                    case 3: Array(partition.target.dropFirst())
                    case 4: partition.target.reversed()
                    default: nil
                    }
                return AlterReassignments.Move(
                    topic: number(0...1) == 0 ? .id(rows.id) : .name(rows.name), partition: partition.id,
                    replicas: target)
            }
            return AlterReassignments(moves, mayChangeReplicationFactor: number(0...4) > 0)
        }

        /// As they were a moment ago.
        var topics: [(name: String, id: TopicID, partitions: [Partition])] = []
        var epochOf: [BrokerID: UInt64] = [:]
        /// That registrations have, or had a moment ago.
        var epochs: [UInt64] = []

        mutating func command(at revision: UInt64) -> Command {
            switch number(-78...99) {
            case ..<(-74):
                return .restrictBroker(
                    RestrictBroker(
                        id: broker(), restriction: number(0...1) == 0 ? .cordoned : .maintenance,
                        isOn: number(0...2) == 0,
                        isForced: number(0...1) == 0))
            case -74..<(-70):
                return .allocateProducerIDs(
                    AllocateProducerIDs(
                        broker: broker(), epoch: epochs.randomElement(using: &random), count: UInt64(number(1...9))))
            case -70..<(-60): return .group(groupCommand())
            case -60..<(-48): return .alterReassignments(moves())
            case -48..<(-46):
                return .createPartitions(
                    CreatePartitions(
                        topic: topic(), partitionCount: number(1...7), assignments: number(0...2) == 0 ? lists() : nil))
            case -46..<(-44):
                return .createTopic(
                    CreateTopic(
                        name: topic(), partitionCount: 2, replicationFactor: 2,
                        id: TopicID(high: 1, low: random.next()),
                        assignments: lists()))
            case -44..<(-34):
                return .electLeaders(
                    ElectLeaders((0..<5).map { _ in ElectLeaders.Place(topic: topic(), partition: number(0...5)) }))
            case -34..<(-24): return .alterPartitions(alteration())
            case -24..<(-20): return .registerBroker(registration())
            case -20..<(-14): return .changeBrokerState(stateChange())
            case -14: return .grantLease(Lease(id: lease(), ttlSeconds: 5))
            case -13: return .revokeLease(lease())
            case -12: return .keepLeasesAlive([lease()])
            case -11..<(-4): return .transaction(transaction(at: revision, depth: 1))
            case -4 where number(0...2) == 0: return .raiseLevel(of: .placement, to: number(1...2))
            case -4: return .raiseLevel(to: number(1...5))
            case ..<0: return .compactHistory(through: UInt64(max(0, Int(revision) + number(-60...1))))
            case 0: return .noop(clusterID: number(0...1) == 0 ? nil : "cluster\(number(1...9))")
            case 1..<12:
                let host = number(0...9) == 0 ? "moved" : "host"
                let rack = ["r1", "r2", nil][number(0...2)]
                return .registerBroker(RegisterBroker(id: broker(), host: host, port: 1, rack: rack))
            case 12..<16: return .unregisterBroker(broker())
            case 16..<36:
                let status: BrokerStatus = number(0...1) == 0 ? .online : .offline
                return .updateBrokerStatus(UpdateBrokerStatus(id: broker(), status: status, timestamp: 0))
            case 36..<42:
                return .createTopic(
                    CreateTopic(
                        name: topic(), partitionCount: number(1...5), replicationFactor: number(1...4),
                        id: TopicID(high: 0, low: random.next())))
            case 42..<44:
                return .deleteTopic(
                    DeleteTopic(topic(), id: number(0...2) == 0 ? topics.randomElement(using: &random)?.id : nil))
            case 44..<65:
                let changes = (0..<number(1...8)).map { _ in
                    UpdateInSyncReplicas.Change(topic: topic(), partition: number(-1...5), isInSync: number(0...2) > 0)
                }
                let epoch = number(0...1) == 0 ? nil : epochs.randomElement(using: &random)
                return .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker(), epoch: epoch, changes: changes))
            case 65..<88:
                let value = [UInt8](repeating: UInt8(number(0...255)), count: number(0...40))
                return .put(Put(key: key(), value: value, precondition: precondition()))
            default:
                return .delete(Delete(key: key(), isRecursive: number(0...3) == 0, precondition: precondition()))
            }
        }
    }

    func checkPartitions(_ state: MetadataStateMachine, after command: Command) {
        for name in state.topicNames {
            let (topic, partitions) = state.topic(name)!
            #expect(partitions.map(\.id) == Array(0..<topic.partitionCount))
            for partition in partitions {
                let inSync = partition.inSyncReplicas
                let holds =
                    Set(partition.replicas).count == partition.replicas.count && !inSync.isEmpty
                    && Set(inSync).count == inSync.count && Set(inSync).isSubset(of: partition.replicas)
                    && partition.replicas.allSatisfy { state.broker($0) != nil }
                #expect(holds, "\(partition) after \(command)")
                if let leader = partition.leader {
                    let allActive = inSync.allSatisfy { state.broker($0)?.state == .active }
                    #expect(leader == inSync[0] && allActive, "\(partition) after \(command)")
                } else {
                    let isAlone = inSync.count == 1 && state.broker(inSync[0])?.state != .active
                    #expect(isAlone, "\(partition) after \(command)")
                }
            }
        }
        #expect(state.partitionCount == state.topicNames.reduce(0) { $0 + state.topic($1)!.1.count })
        #expect(state.topics.flaw == nil, "after \(command)")
        #expect(state.onlineBrokerCount == state.brokers.count { $0.status == .online })
        for kind in BrokerState.allCases {
            #expect(state.brokerCount(in: kind) == state.brokers.count { $0.state == kind })
        }
        for broker in state.brokers { #expect(broker.state.status == broker.status) }
        for broker in state.brokers { checkIndex(of: broker.id, state) }
    }

    func checkGroups(_ old: MetadataStateMachine, _ state: MetadataStateMachine, after command: Command) {
        let groups = Array(state.allGroups)
        #expect(groups.map(\.id) == Set(groups.map(\.id)).sorted() && groups.count == state.groupCount)
        for broker in state.brokers {
            #expect(state.groupCount(of: broker.id) == groups.count { $0.leader == broker.id })
        }
        for group in groups {
            #expect(state.isActive(group.leader) || state.brokerCount(in: .active) == 0, "\(group) after \(command)")
            guard let before = old.group(group.id) else { continue }
            #expect(before.topic == group.topic && before.appID == group.appID && before.createdAt == group.createdAt)
            if before != group { #expect(state.counters.version == old.counters.version + 1, "\(command)") }
        }
    }

    /// What is derived is what a look at everything finds.
    func checkIndex(of broker: BrokerID, _ state: MetadataStateMachine) {
        let found = state.topics.flatMap { rows in
            rows.partitions.filter { $0.replicas.contains(broker) }.map { "\(rows.topic.name) \($0.id)" }
        }
        let places = state.replicaIndex.places(of: broker)
        #expect(places.map { "\(state.replicaIndex.name(of: $0.topic)) \($0.partition)" }.sorted() == found.sorted())
        #expect(
            state.leaderCount(of: broker) == state.topics.reduce(0) { $0 + $1.partitions.count { $0.leader == broker } }
        )
        var copy = state
        let outcome = copy.apply(.unregisterBroker(broker), timestamp: 0)
        #expect(outcome.refusal == (found.isEmpty ? nil : .brokerHasPartitions(broker, count: found.count)))
    }

    func checkProgress(_ old: MetadataStateMachine, _ new: MetadataStateMachine, _ outcome: Outcome, _ command: Command)
    {
        let keyChanges = outcome.changes.count {
            switch $0 {
            case .keyPut, .keyDeleted, .keysDeleted: true
            default: false
            }
        }
        let (before, after) = (old.counters, new.counters)
        #expect(after.version == before.version + (outcome.changes.count > keyChanges ? 1 : 0), "\(command)")
        // An empty store at level 2 is at revision 1.
        let isBegun = before.level == 1 && after.level > 1 && before.revision == 0
        #expect(after.revision == before.revision + (keyChanges > 0 || isBegun ? 1 : 0), "\(command)")
        #expect(after.partitionsCreated >= before.partitionsCreated)
        if case .producerIDs(let first, let count) = outcome.result {
            #expect(first == before.nextProducerID && first + count == after.nextProducerID)
        } else {
            #expect(before.nextProducerID == after.nextProducerID)
        }
        if outcome.refusal != nil { #expect(outcome.changes.isEmpty && before == after && old.digest == new.digest) }
        for name in old.topicNames {
            guard let (oldTopic, oldPartitions) = old.topic(name), let (newTopic, partitions) = new.topic(name) else {
                continue
            }
            #expect(oldTopic.id == newTopic.id && oldTopic.configuration == newTopic.configuration)
            #expect(newTopic.partitionCount == partitions.count && partitions.count >= oldPartitions.count)
            if after.level >= 5, partitions[0].reassignment == nil {
                #expect(newTopic.replicationFactor == partitions[0].replicas.count, "after \(command)")
            }
            for (old, new) in zip(oldPartitions, partitions) {
                let isNewLeadership =
                    old.leader != new.leader || !Set(old.replicas).isSubset(of: new.replicas)
                // A list of moves may name a partition twice.
                if isNewLeadership || new.partitionEpoch <= old.partitionEpoch + 1 {
                    #expect(
                        new.leaderEpoch >= old.leaderEpoch + (isNewLeadership ? 1 : 0),
                        "\(old) \(new) after \(command)")
                    if new.partitionEpoch <= old.partitionEpoch + 1 {
                        #expect(new.leaderEpoch <= old.leaderEpoch + 1, "\(old) \(new) after \(command)")
                        #expect(new.leaderEpoch == old.leaderEpoch || isNewLeadership, "\(old) \(new)")
                    }
                }
                #expect(
                    new.reassignment.map { !new.target.allSatisfy(new.inSyncReplicas.contains) && !$0.original.isEmpty }
                        ?? true, "\(new) has arrived")
                var same = new
                same.partitionEpoch = old.partitionEpoch
                // A lag report may name a partition several times, and leave it as it was.
                let mayReturn = if case .updateInSyncReplicas = command { true } else { false }
                if after.level < 4 || same == old && !mayReturn {
                    #expect(new.partitionEpoch == old.partitionEpoch, "\(old) \(new) after \(command)")
                } else if same != old {
                    #expect(new.partitionEpoch > old.partitionEpoch, "\(old) \(new) after \(command)")
                }
                let isElsewhere = old.replicas != new.replicas || old.reassignment != new.reassignment
                let change: Change? =
                    old.leader != new.leader
                    ? .leaderChanged(topic: name, partition: new.id)
                    : isElsewhere
                        ? .replicasChanged(topic: name, partition: new.id)
                        : old.inSyncReplicas != new.inSyncReplicas
                            ? .inSyncReplicasChanged(topic: name, partition: new.id) : nil
                if let change { #expect(outcome.changes.contains(change), "\(command)") }
                // Who comes last ends a move, and may lead then.
                if let leader = new.leader, leader != old.leader, old.reassignment == nil {
                    #expect(old.inSyncReplicas.contains(leader), "an out-of-sync replica leads after \(command)")
                }
            }
        }
    }

    @Test(arguments: 0..<20) func whatMustHold(seed: Int) throws {
        var generator = Generator(random: SeededGenerator(seed: UInt64(seed)))
        var state = MetadataStateMachine()
        var twin = MetadataStateMachine()
        var mirror: [RowKey: Row] = [:]
        var past = Past()
        for step in 0..<400 {
            let command = generator.command(at: state.counters.revision)
            let before = state
            let outcome = state.apply(command, timestamp: Int64(step))
            #expect(twin.apply(command, timestamp: Int64(step)) == outcome)
            #expect(twin.digest == state.digest)
            checkPartitions(state, after: command)
            checkGroups(before, state, after: command)
            checkProgress(before, state, outcome, command)
            past.note(state)
            generator.topics = state.topics.map { ($0.topic.name, $0.topic.id, $0.partitions) }
            generator.epochOf = state.brokers.reduce(into: [:]) { $0[$1.id] = $1.incarnation?.epoch }
            generator.epochs =
                before.brokers.compactMap(\.incarnation?.epoch) + state.brokers.compactMap(\.incarnation?.epoch)
            guard generator.number(0...19) == 0 || step == 399 else { continue }

            #expect(state.changedRowCount == twin.changedRowCount)
            let changes = state.takeChangedRows()
            #expect(twin.takeChangedRows() == changes)
            for change in changes { mirror[change.key] = change.row }
            mirror = mirror.filter { key, _ in
                if case .pastVersion(let ended, _) = key { ended > state.counters.horizon } else { true }
            }
            var rows: [Row] = []
            state.forEachRow { rows.append($0) }
            #expect(mirror.count == rows.count)
            #expect(rows.allSatisfy { mirror[$0.key] == $0 })
            var restored = MetadataStateMachine(counters: state.counters)
            for row in rows { try restored.restore(row) }
            try restored.finishRestoration()
            #expect(restored.digest == state.digest)
            try past.check(state)
            try past.check(restored)
            // Goes on from what was stored, as a node does after a restart.
            if generator.number(0...1) == 0 { twin = restored }
        }
    }

    /// All keys as they were at each revision: what the history must tell.
    private struct Past {
        private var keys: [UInt64: [KeyValue]] = [:]

        mutating func note(_ state: MetadataStateMachine) {
            guard keys[state.counters.revision] == nil else { return }
            keys[state.counters.revision] = Self.all(state)
        }

        private static func all(_ state: MetadataStateMachine, at revision: UInt64? = nil) -> [KeyValue] {
            state.pairs(in: .range(from: [], before: nil), at: revision, limit: 1000, byteLimit: .max).pairs
        }

        func check(_ state: MetadataStateMachine) throws {
            let oldest = state.oldestRevision
            #expect(oldest == (state.keepsHistory ? state.counters.horizon : state.counters.revision))
            for revision in oldest...state.counters.revision {
                let expected = try #require(keys[revision])
                #expect(Self.all(state, at: revision) == expected, "at \(revision)")
                let listing = try state.list(
                    below: root, at: revision, isRecursive: true, after: nil, limit: 1000, byteLimit: .max)
                #expect(listing.entries.count == expected.count { $0.key.bytes.first == UInt8(ascii: "/") })
                for pair in expected { #expect(try state.value(pair.key, at: revision) == pair) }
                let gone = (keys[revision + 1] ?? []).map(\.key).filter { key in !expected.contains { $0.key == key } }
                for key in gone { #expect(try state.value(key, at: revision) == nil) }
            }
            #expect(throws: RevisionFault.future(present: state.counters.revision)) {
                try state.value(root, at: state.counters.revision + 1)
            }
            if oldest > 0 {
                #expect(throws: RevisionFault.compacted(oldest: oldest)) { try state.value(root, at: oldest - 1) }
            }
            try checkVersions(state)
        }

        /// Of each key, those that were there at some revision, and its deletions.
        private func checkVersions(_ state: MetadataStateMachine) throws {
            let revisions = state.oldestRevision...state.counters.revision
            for key in Set(revisions.flatMap { keys[$0]!.map(\.key) }) {
                var expected: [KeyVersion] = []
                var last: KeyValue?
                for revision in revisions {
                    let pair = keys[revision]!.first { $0.key == key }
                    if let pair, pair != last { expected.append(.put(pair)) }
                    if pair == nil, last != nil { expected.append(.deletion(revision: revision)) }
                    last = pair
                }
                #expect(state.versions(of: key, before: .max, limit: 1000) == expected.reversed(), "\(key)")
                let earlier = expected.reversed().filter { $0.revision < state.counters.revision }
                #expect(state.versions(of: key, before: state.counters.revision, limit: 2) == Array(earlier.prefix(2)))
            }
        }
    }
}

private let root = Key("/")
