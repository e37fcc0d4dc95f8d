import Metadata
import Testing

/// Leaders go back to the first of the replicas (control-plane.md 2.6; Kafka's preferred elections).
@Suite struct ElectLeadersTests {
    /// Broker 1 led both partitions that have it first, was lost, and is back; only of partition 0 it is in sync again.
    private func machine() -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 4))
        for id in BrokerID(1)...3 { machine.register(id) }
        machine.create("t", partitions: 4, replicas: 2)
        machine.setStatus(1, .offline)
        machine.setStatus(1, .online)
        machine.setInSync(1, true, "t", 0)
        return machine
    }

    private func elect(_ machine: inout Machine, _ places: (String, Int)...) -> Outcome {
        machine.apply(.electLeaders(ElectLeaders(places.map { ElectLeaders.Place(topic: $0, partition: $1) })))
    }

    private func flaws(_ outcome: Outcome) -> [PartitionFlaw?] {
        guard case .partitions(let results, _) = outcome.result else { return [] }
        return results.map { if case .failure(let flaw) = $0.partition { flaw } else { nil } }
    }

    @Test func thePreferredLeaderLeadsAgainIfItIsInSync() {
        var machine = machine()
        let before = machine.partition("t", 0)
        #expect(before.leader == 2 && before.inSyncReplicas == [2, 1] && before.replicas == [1, 2])
        let outcome = elect(&machine, ("t", 0), ("t", 1), ("t", 3), ("t", 4), ("u", 0))
        #expect(
            flaws(outcome) == [
                nil, .electionNotNeeded, .preferredLeaderNotAvailable(1), .unknownPartition, .unknownTopic,
            ])
        #expect(outcome.changes == [.leaderChanged(topic: "t", partition: 0)])
        let after = machine.partition("t", 0)
        #expect(after.leader == 1 && after.inSyncReplicas == [1, 2])
        #expect(after.leaderEpoch == before.leaderEpoch + 1 && after.partitionEpoch == before.partitionEpoch + 1)
        #expect(machine.partition("t", 3).leader == 2)
    }

    @Test func whoIsNotActiveIsNotElected() {
        var machine = machine()
        machine.setStatus(1, .offline)
        #expect(flaws(elect(&machine, ("t", 0))) == [.preferredLeaderNotAvailable(1)])
    }

    @Test func aPartitionWithoutLeaderWaitsForWhoIsInSync() {
        var machine = machine()
        machine.setStatus(1, .offline)
        machine.setStatus(2, .offline)
        #expect(machine.partition("t", 0).leader == nil)
        machine.setStatus(1, .online)
        #expect(flaws(elect(&machine, ("t", 0))) == [.preferredLeaderNotAvailable(1)])
        #expect(machine.partition("t", 0).leader == nil && machine.partition("t", 0).inSyncReplicas == [2])
    }

    @Test func whatChangesNothingIsKnownBefore() {
        var machine = machine()
        let places = [("t", 1), ("t", 3)].map { ElectLeaders.Place(topic: $0, partition: $1) }
        let result = machine.state.resultIfUnchanged(ElectLeaders(places))
        #expect(result != nil && machine.apply(.electLeaders(ElectLeaders(places))).result == result)
        #expect(machine.state.resultIfUnchanged(ElectLeaders([ElectLeaders.Place(topic: "t", partition: 0)])) == nil)
        var old = Machine()
        #expect(elect(&old, ("t", 0)).refusal == .invalidCommand)
    }
}
