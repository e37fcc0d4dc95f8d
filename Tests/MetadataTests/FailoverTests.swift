import Metadata
import Testing

@Suite struct FailoverTests {
    /// Brokers 1, 2, 3 and a topic `t` whose one partition has replicas 1, 2, 3.
    func machine() -> Machine {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.create("t", replicas: 3)
        return machine
    }

    @Test func aFollowerThatGoesOfflineLeavesTheISR() {
        var machine = machine()
        let version = machine.state.counters.version
        let outcome = machine.setStatus(2, .offline)
        #expect(outcome.changes == [.brokerOffline(2), .inSyncReplicasChanged(topic: "t", partition: 0)])
        #expect(
            machine.partition("t")
                == Partition(id: 0, leader: 1, replicas: [1, 2, 3], inSyncReplicas: [1, 3], leaderEpoch: 0))
        #expect(machine.state.counters.version == version + 1)
    }

    @Test func theFirstOnlineMemberOfTheISRSucceedsTheLeader() {
        var machine = machine()
        machine.setInSync(2, false, "t")
        machine.setInSync(2, true, "t")
        #expect(machine.partition("t").inSyncReplicas == [1, 3, 2])
        let outcome = machine.setStatus(1, .offline)
        #expect(outcome.changes == [.brokerOffline(1), .leaderChanged(topic: "t", partition: 0)])
        #expect(
            machine.partition("t")
                == Partition(id: 0, leader: 3, replicas: [1, 2, 3], inSyncReplicas: [3, 2], leaderEpoch: 1))
    }

    @Test func theLastMemberKeepsItsPlaceAndLeadsAgain() {
        var machine = machine()
        for id: BrokerID in [1, 2, 3] { machine.setStatus(id, .offline) }
        #expect(
            machine.partition("t")
                == Partition(id: 0, leader: nil, replicas: [1, 2, 3], inSyncReplicas: [3], leaderEpoch: 3))

        // Out of sync: must not lead, nor become eligible.
        #expect(machine.setStatus(1, .online).changes == [.brokerOnline(1)])
        #expect(machine.setInSync(1, true, "t") == Outcome(result: .done))
        #expect(machine.setInSync(3, false, "t") == Outcome(result: .done))
        #expect(machine.partition("t").leader == nil)
        #expect(machine.partition("t").inSyncReplicas == [3])

        let outcome = machine.register(3)
        #expect(outcome.changes == [.brokerOnline(3), .leaderChanged(topic: "t", partition: 0)])
        #expect(
            machine.partition("t")
                == Partition(id: 0, leader: 3, replicas: [1, 2, 3], inSyncReplicas: [3], leaderEpoch: 4))
        machine.setInSync(1, true, "t")
        #expect(machine.partition("t").inSyncReplicas == [3, 1])
    }

    @Test func aMovedBrokerLeadsAgain() {
        var machine = Machine()
        machine.register(1)
        machine.create("t")
        machine.setStatus(1, .offline)
        let outcome = machine.register(1, host: "other")
        #expect(
            outcome.changes == [.brokerMoved(1), .brokerOnline(1), .leaderChanged(topic: "t", partition: 0)])
        #expect(machine.partition("t").leaderEpoch == 2)
    }

    @Test func aReturningBrokerJoinsNoISR() {
        var machine = machine()
        machine.setStatus(1, .offline)
        #expect(machine.setStatus(1, .online).changes == [.brokerOnline(1)])
        #expect(machine.partition("t").inSyncReplicas == [2, 3])
        #expect(machine.partition("t").leader == 2)
    }

    @Test func allPartitionsOfABrokerChangeInOneCommandInOrder() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        machine.create("b", partitions: 2, replicas: 2)
        machine.create("a", partitions: 2, replicas: 2)
        let outcome = machine.setStatus(1, .offline)
        #expect(
            outcome.changes == [
                .brokerOffline(1),
                .leaderChanged(topic: "a", partition: 0), .inSyncReplicasChanged(topic: "a", partition: 1),
                .leaderChanged(topic: "b", partition: 0), .inSyncReplicasChanged(topic: "b", partition: 1),
            ])
        #expect(machine.state.counters.version == 5)
    }

    @Test func lagReportsMoveReplicasInAndOut() {
        var machine = machine()
        let version = machine.state.counters.version
        #expect(machine.setInSync(9, true, "t").refusal == .unknownBroker(9))
        #expect(machine.setInSync(2, true, "t") == Outcome(result: .done), "is a member already")
        #expect(machine.setInSync(1, false, "t") == Outcome(result: .done), "leads")
        #expect(machine.setInSync(2, false, "unknown") == Outcome(result: .done))
        for partition in [1, -1, Int.max, Int.min] {
            #expect(machine.setInSync(2, false, "t", partition) == Outcome(result: .done))
        }
        #expect(machine.state.counters.version == version)

        let changed = Outcome(result: .done, changes: [.inSyncReplicasChanged(topic: "t", partition: 0)])
        #expect(machine.setInSync(2, false, "t") == changed)
        #expect(machine.setInSync(2, false, "t") == Outcome(result: .done), "is none already")
        #expect(machine.setInSync(3, false, "t") == changed)
        #expect(machine.partition("t").inSyncReplicas == [1])
        #expect(machine.setInSync(3, true, "t") == changed)
        #expect(machine.partition("t").inSyncReplicas == [1, 3])
        #expect(machine.partition("t").leaderEpoch == 0)
        machine.setStatus(2, .offline)
        #expect(machine.setInSync(2, true, "t") == Outcome(result: .done), "is OFFLINE")
    }

    @Test func aBrokerThatIsNoReplicaDoesNotJoin() {
        var machine = machine()
        machine.register(4)
        #expect(machine.setInSync(4, true, "t") == Outcome(result: .done))
    }

    @Test func oneReportIsOneVersion() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        machine.create("t", partitions: 4, replicas: 2)
        let changes = [3, 99, 2, 1, 0].map { UpdateInSyncReplicas.Change(topic: "t", partition: $0, isInSync: false) }
        let version = machine.state.counters.version
        let outcome = machine.apply(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 2, changes: changes)))
        #expect(
            outcome.changes == [
                .inSyncReplicasChanged(topic: "t", partition: 2), .inSyncReplicasChanged(topic: "t", partition: 0),
            ])
        #expect(machine.state.counters.version == version + 1)
    }
}
