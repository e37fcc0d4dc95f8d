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

        mutating func precondition() -> Precondition {
            switch number(0...9) {
            case 0: .absent
            case 1: .modRevision(UInt64(number(0...200)))
            default: .none
            }
        }

        mutating func command() -> Command {
            switch number(0...99) {
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
                    CreateTopic(name: topic(), partitionCount: number(1...5), replicationFactor: number(1...4)))
            case 42..<44: return .deleteTopic(name: topic())
            case 44..<65:
                let changes = (0..<number(1...8)).map { _ in
                    UpdateInSyncReplicas.Change(topic: topic(), partition: number(-1...5), isInSync: number(0...2) > 0)
                }
                return .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker(), changes: changes))
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
                    Set(partition.replicas).count == topic.replicationFactor && !inSync.isEmpty
                    && Set(inSync).count == inSync.count && Set(inSync).isSubset(of: partition.replicas)
                    && partition.replicas.allSatisfy { state.broker($0) != nil }
                #expect(holds, "\(partition) after \(command)")
                if let leader = partition.leader {
                    let allOnline = inSync.allSatisfy { state.broker($0)?.status == .online }
                    #expect(leader == inSync[0] && allOnline, "\(partition) after \(command)")
                } else {
                    let isAlone = inSync.count == 1 && state.broker(inSync[0])?.status == .offline
                    #expect(isAlone, "\(partition) after \(command)")
                }
            }
        }
        #expect(state.partitionCount == state.topicNames.reduce(0) { $0 + state.topic($1)!.1.count })
        #expect(state.onlineBrokerCount == state.brokers.count { $0.status == .online })
        for broker in state.brokers { checkIndex(of: broker.id, state) }
    }

    /// What is derived is what a look at everything finds.
    func checkIndex(of broker: BrokerID, _ state: MetadataStateMachine) {
        let found = state.topics.flatMap { rows in
            rows.partitions.filter { $0.replicas.contains(broker) }.map { "\(rows.topic.name) \($0.id)" }
        }
        let places = state.replicaIndex.places(of: broker)
        #expect(places.map { "\(state.replicaIndex.name(of: $0.topic)) \($0.partition)" }.sorted() == found.sorted())
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
        #expect(after.revision == before.revision + (keyChanges > 0 ? 1 : 0), "\(command)")
        #expect(after.partitionsCreated >= before.partitionsCreated)
        if outcome.refusal != nil { #expect(outcome.changes.isEmpty && before == after && old.digest == new.digest) }
        for name in old.topicNames {
            guard let (oldTopic, oldPartitions) = old.topic(name), let (newTopic, partitions) = new.topic(name) else {
                continue
            }
            #expect(oldTopic == newTopic)
            for (old, new) in zip(oldPartitions, partitions) {
                let expectedEpoch = old.leader == new.leader ? old.leaderEpoch : old.leaderEpoch + 1
                #expect(new.leaderEpoch == expectedEpoch, "\(old) \(new) after \(command)")
                #expect(old.replicas == new.replicas)
                let change: Change? =
                    old.leader != new.leader
                    ? .leaderChanged(topic: name, partition: new.id)
                    : old.inSyncReplicas != new.inSyncReplicas
                        ? .inSyncReplicasChanged(topic: name, partition: new.id) : nil
                if let change { #expect(outcome.changes.contains(change), "\(command)") }
                if let leader = new.leader, leader != old.leader {
                    #expect(old.inSyncReplicas.contains(leader), "an out-of-sync replica leads after \(command)")
                }
            }
        }
    }

    @Test(arguments: 0..<40) func whatMustHold(seed: Int) throws {
        var generator = Generator(random: SeededGenerator(seed: UInt64(seed)))
        var state = MetadataStateMachine()
        var twin = MetadataStateMachine()
        var mirror: [RowKey: Row] = [:]
        for step in 0..<400 {
            let command = generator.command()
            let before = state
            let outcome = state.apply(command, timestamp: Int64(step))
            #expect(twin.apply(command, timestamp: Int64(step)) == outcome)
            #expect(twin.digest == state.digest)
            checkPartitions(state, after: command)
            checkProgress(before, state, outcome, command)
            guard generator.number(0...19) == 0 || step == 399 else { continue }

            #expect(state.changedRowCount == twin.changedRowCount)
            let changes = state.takeChangedRows()
            #expect(twin.takeChangedRows() == changes)
            for change in changes { mirror[change.key] = change.row }
            var rows: [Row] = []
            state.forEachRow { rows.append($0) }
            #expect(mirror.count == rows.count)
            #expect(rows.allSatisfy { mirror[$0.key] == $0 })
            var restored = MetadataStateMachine(counters: state.counters)
            for row in rows { try restored.restore(row) }
            #expect(restored.digest == state.digest)
            // Goes on from what was stored, as a node does after a restart.
            if generator.number(0...1) == 0 { twin = restored }
        }
    }
}
