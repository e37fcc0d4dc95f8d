import Metadata
import Testing

/// Cordon and maintenance (control-plane.md 2.11).
@Suite struct RestrictBrokerTests {
    private func machine(level: Int = 5) -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: level))
        for id in BrokerID(1)...4 { machine.register(id) }
        machine.create("t", partitions: 4, replicas: 2)
        return machine
    }

    private func leaders(_ machine: Machine) -> [BrokerID?] { machine.state.topic("t")!.1.map(\.leader) }

    @Test func whoIsInMaintenanceLeadsOnlyWhatNobodyElseCould() {
        var machine = machine()
        machine.setInSync(3, false, "t", 1)
        #expect(leaders(machine) == [1, 2, 3, 4] && machine.partition("t", 1).inSyncReplicas == [2])
        machine.restrict(1, .maintenance)
        #expect(leaders(machine) == [2, 2, 3, 4] && machine.partition("t", 0).inSyncReplicas == [2, 1])
        #expect(machine.partition("t", 0).leaderEpoch == 1)
        machine.restrict(2, .maintenance, isForced: true)
        #expect(leaders(machine) == [2, 2, 3, 4], "1 is in maintenance too, and 3 is not in sync with 1")
        #expect(machine.state.led(by: 2, atMost: 1).listed.map(\.partition.id) == [0])
        #expect(machine.state.led(by: 2, atMost: 1).total == 2)
        machine.setInSync(3, true, "t", 1)
        #expect(leaders(machine) == [2, 3, 3, 4], "as soon as there is another one")
    }

    @Test func itTakesTheLeadIfItIsTheLastOne() {
        var machine = machine()
        machine.restrict(1, .maintenance)
        machine.setStatus(2, .offline)
        #expect(machine.partition("t", 0).leader == 1 && machine.partition("t", 0).inSyncReplicas == [1])
        machine.setStatus(1, .offline)
        machine.setStatus(1, .online)
        #expect(machine.partition("t", 0).leader == 1)
    }

    @Test func itLeadsAgainWhatItIsToLead() {
        var machine = machine()
        machine.restrict(1, .maintenance)
        #expect(!machine.state.mayElectPreferred(machine.partition("t", 0)), "nor is it given back by an election")
        machine.restrict(2, .maintenance, isForced: true)
        machine.restrict(1, .maintenance, isOn: false)
        #expect(leaders(machine) == [1, 3, 3, 4])
        machine.restrict(2, .maintenance, isOn: false)
        #expect(leaders(machine) == [1, 2, 3, 4])
    }

    @Test func oneAtATimeUnlessForced() {
        var machine = machine()
        machine.restrict(1, .maintenance)
        let version = machine.state.counters.version
        #expect(machine.restrict(2, .maintenance).refusal == .maintenanceInProgress(1))
        #expect(machine.restrict(1, .maintenance).refusal == nil && machine.state.counters.version == version)
        #expect(machine.restrict(2, .cordoned).refusal == nil)
        #expect(machine.restrict(9, .cordoned).refusal == .unknownBroker(9))
    }

    @Test(arguments: [BrokerRestrictions.cordoned, .maintenance]) func itGetsNoNewReplicas(
        restriction: BrokerRestrictions
    ) {
        var machine = machine()
        machine.restrict(1, restriction)
        machine.create("u", partitions: 8, replicas: 3)
        #expect(machine.state.topic("u")!.1.allSatisfy { !$0.replicas.contains(1) })
        #expect(machine.create("v", replicas: 4).refusal == .notEnoughBrokers(online: 3, wanted: 4))
        machine.restrict(1, restriction, isOn: false)
        #expect(machine.create("v", replicas: 4).refusal == nil)
    }

    @Test func nobodyMovesToACordonedBroker() {
        var machine = machine()
        machine.restrict(1, .cordoned)
        #expect(machine.move(1, [1, 2]) == .invalidReplicaAssignment("broker 1 is cordoned"))
        #expect(machine.move(0, [2, 1]) == nil, "it has it already")
        let creation = CreateTopic(name: "u", partitionCount: 1, replicationFactor: 1, assignments: [[1]])
        #expect(
            machine.apply(.createTopic(creation)).refusal
                == .invalidReplicaAssignment("assignment 0: broker 1 is cordoned"))
    }

    @Test func chosenReplicasAreLedByAnotherThanWhoIsInMaintenance() {
        var machine = machine()
        machine.restrict(1, .maintenance)
        machine.apply(
            .createTopic(CreateTopic(name: "u", partitionCount: 1, replicationFactor: 2, assignments: [[1, 2]])))
        #expect(machine.partition("u").leader == 2 && machine.partition("u").inSyncReplicas == [2, 1])
    }

    @Test func itOutlivesRegistrationsAndRows() throws {
        var machine = machine()
        machine.restrict(1, .cordoned)
        machine.restrict(1, .maintenance)
        machine.setStatus(1, .offline)
        machine.register(1, host: "elsewhere")
        #expect(machine.state.broker(1)?.restrictions == [.cordoned, .maintenance])
        let name = String(repeating: "b", count: 32)
        machine.setStatus(1, .offline)
        machine.apply(.registerBroker(RegisterBroker(id: 1, host: "h", port: 1, incarnation: .init(id: name))))
        #expect(machine.state.broker(1)?.restrictions == [.cordoned, .maintenance])
        var copy = MetadataStateMachine(counters: machine.state.counters)
        for row in machine.rows { try copy.restore(row) }
        try copy.finishRestoration()
        #expect(copy.digest == machine.state.digest && copy.brokers == machine.state.brokers)
        copy = MetadataStateMachine(counters: Counters())
        #expect(throws: RestoreError.self, "below the level") { try copy.restore(machine.rows[0]) }
    }

    @Test func belowTheLevelItIsNoCommand() {
        var machine = machine(level: 4)
        #expect(machine.restrict(1, .cordoned).refusal == .invalidCommand)
    }
}

extension Machine {
    @discardableResult
    fileprivate mutating func restrict(
        _ id: BrokerID, _ restriction: BrokerRestrictions, isOn: Bool = true, isForced: Bool = false
    ) -> Outcome {
        apply(.restrictBroker(RestrictBroker(id: id, restriction: restriction, isOn: isOn, isForced: isForced)))
    }

    fileprivate mutating func move(_ partition: Int, _ replicas: [BrokerID]) -> PartitionFlaw? {
        let move = AlterReassignments.Move(topic: .name("t"), partition: partition, replicas: replicas)
        guard case .partitions(let results, _) = apply(.alterReassignments(AlterReassignments([move]))).result,
            case .failure(let flaw) = results[0].partition
        else { return nil }
        return flaw
    }
}
