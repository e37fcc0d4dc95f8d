import Metadata
import Testing

/// Brokers that name their process (contract §3, §4): epochs, states, who may take whose place.
@Suite struct IncarnationTests {
    private static let first = String(repeating: "a", count: 32)
    private static let second = String(repeating: "b", count: 32)

    private func machine() -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 3))
        return machine
    }

    /// Brokers 1 to `count`, all ACTIVE, each with its own epoch.
    private func machine(active count: BrokerID) -> Machine {
        var machine = machine()
        for id in 1...count {
            machine.enroll(id, Self.first)
            machine.enter(id, .active)
        }
        return machine
    }

    // Registration

    @Test func aNewBrokerIsFencedAndItsEpochIsTheVersion() {
        var machine = machine()
        machine.register(7)
        let outcome = machine.enroll(8, Self.first)
        let broker = machine.state.broker(8)!
        #expect(outcome.changes == [.brokerRegistered(8)])
        #expect(outcome.result == .broker(broker, isNew: true))
        #expect(broker.status == .offline && broker.state == .fenced)
        #expect(broker.incarnation == BrokerIncarnation(id: Self.first, epoch: 2, state: .fenced))
        #expect(machine.state.counters.version == 2)
        // It gets no partitions.
        #expect(machine.create("t", replicas: 2).refusal == .notEnoughBrokers(online: 1, wanted: 2))
    }

    @Test func belowLevelThreeTheIncarnationIsPassedOver() {
        var old = Machine()
        var plain = Machine()
        old.enroll(8, Self.first)
        plain.register(8)
        #expect(old.state.broker(8) == plain.state.broker(8) && old.state.digest == plain.state.digest)
        #expect(old.enter(8, .fenced).refusal == .invalidCommand)
    }

    @Test func theSameProcessAgainKeepsEpochAndState() {
        var machine = machine(active: 1)
        let before = machine.state.broker(1)!
        #expect(machine.enroll(1, Self.first) == Outcome(result: .broker(before, isNew: false)))
        let moved = machine.enroll(1, Self.first, host: "elsewhere")
        #expect(moved.changes == [.brokerMoved(1)])
        #expect(machine.state.broker(1)?.incarnation == before.incarnation)
        #expect(machine.state.broker(1)?.status == .online && machine.state.broker(1)?.host == "elsewhere")
    }

    @Test func anotherProcessIsRefusedWhileTheFirstIsActive() {
        var machine = machine(active: 1)
        let before = machine.state.digest
        let epoch = machine.epoch(1)
        guard case .duplicateRegistration? = machine.enroll(1, Self.second, replacing: epoch).refusal else {
            Issue.record("the id was taken")
            return
        }
        #expect(machine.state.digest == before)
    }

    @Test func aSuccessorTakesTheIdOfAnActiveBroker() {
        var machine = machine(active: 2)
        machine.create("t", replicas: 2)
        let outcome = machine.enroll(1, Self.second, replacing: machine.epoch(1), isSuccessor: true)
        #expect(
            outcome.changes == [
                .brokerStateChanged(1), .brokerOffline(1), .leaderChanged(topic: "t", partition: 0),
            ])
        #expect(machine.state.broker(1)?.state == .fenced && machine.epoch(1) == machine.state.counters.version)
        #expect(machine.partition("t").leader == 2 && machine.partition("t").inSyncReplicas == [2])
    }

    @Test func whoeverWasJudgedByAnEarlierRegistrationIsRefused() {
        var machine = machine(active: 1)
        let epoch = machine.epoch(1)
        machine.enter(1, .fenced)
        machine.enroll(1, Self.second, replacing: epoch)
        let third = String(repeating: "c", count: 32)
        guard case .duplicateRegistration? = machine.enroll(1, third, replacing: epoch, isSuccessor: true).refusal
        else {
            Issue.record("it took the place of another one than the leader looked at")
            return
        }
    }

    @Test(arguments: [(BrokerState.fenced, true), (.active, false), (.controlledShutdown, true), (.shutdown, true)])
    func aBrokerWithoutIncarnation(overOneThatIs state: BrokerState, mayRegister: Bool) {
        var machine = machine(active: 2)
        machine.create("t", partitions: 2, replicas: 2)
        machine.bring(1, to: state)
        let plain = { Command.registerBroker(RegisterBroker(id: 1, host: "elsewhere", port: 1, replacing: $0)) }
        // One that the leader has not looked at may be alive.
        let before = machine.state.broker(1)!
        #expect(machine.apply(plain(0)).refusal == .duplicateRegistration(before))
        let outcome = machine.apply(plain(machine.epoch(1)))
        guard mayRegister else { return #expect(outcome.refusal == .duplicateRegistration(before)) }
        #expect(machine.state.broker(1)?.incarnation == nil && machine.state.broker(1)?.status == .online)
        #expect(outcome.changes.prefix(2) == [.brokerMoved(1), .brokerOnline(1)])
    }

    @Test func whoSharesAnAddressMayHaveMovedSince() {
        var machine = machine()
        machine.register(1)
        machine.setStatus(1, .offline)
        machine.register(1, host: "elsewhere")
        guard case .duplicateRegistration? = machine.enroll(1, Self.first, isSuccessor: true).refusal else {
            Issue.record("the proof was about another address")
            return
        }
    }

    @Test func aNamedProcessTakesThePlaceOfOneWithoutAtTheSameAddressOnly() {
        var machine = machine()
        machine.register(1)
        guard case .duplicateRegistration? = machine.enroll(1, Self.first).refusal else {
            Issue.record("the id was taken")
            return
        }
        // The leader has looked at the address.
        machine.enroll(1, Self.first, isSuccessor: true)
        #expect(machine.state.broker(1)?.state == .fenced)
    }

    // States

    private static let ways: [(from: BrokerState, wanted: BrokerState, to: BrokerState)] = [
        (.fenced, .active, .active), (.fenced, .fenced, .fenced), (.fenced, .controlledShutdown, .fenced),
        (.fenced, .shutdown, .fenced),
        (.active, .active, .active), (.active, .fenced, .fenced),
        (.active, .controlledShutdown, .controlledShutdown), (.active, .shutdown, .active),
        (.controlledShutdown, .active, .controlledShutdown), (.controlledShutdown, .fenced, .fenced),
        (.controlledShutdown, .controlledShutdown, .controlledShutdown), (.controlledShutdown, .shutdown, .shutdown),
        (.shutdown, .active, .shutdown), (.shutdown, .fenced, .shutdown),
        (.shutdown, .controlledShutdown, .shutdown), (.shutdown, .shutdown, .shutdown),
    ]

    @Test(arguments: ways) func states(from: BrokerState, wanted: BrokerState, to: BrokerState) {
        var machine = machine(active: 2)
        machine.create("t", partitions: 2, replicas: 2)
        machine.bring(1, to: from)
        let before = machine.state
        let outcome = machine.enter(1, wanted)
        #expect(machine.state.broker(1)?.state == to)
        #expect(outcome.result == .done)
        #expect((machine.state.digest == before.digest) == (from == to))
        #expect(machine.state.counters.version == before.counters.version + (from == to ? 0 : 1))
    }

    @Test func whatIsDecidedAboutAnEarlierRegistrationDoesNotHappen() {
        var machine = machine(active: 1)
        let epoch = machine.epoch(1)
        machine.enroll(1, Self.second, replacing: epoch, isSuccessor: true)
        machine.enter(1, .active)
        let present = machine.epoch(1)
        #expect(machine.enter(1, .fenced, epoch: epoch).refusal == .staleBrokerEpoch(1, present: present))
        #expect(machine.setStatus(1, .offline) == Outcome(result: .done))
        #expect(machine.state.broker(1)?.state == .active)
        #expect(machine.enter(9, .fenced, epoch: 1).refusal == .unknownBroker(9))
    }

    @Test func aBrokerThatWantsToStopHandsOverToThoseThatLeadLeast() {
        var machine = machine(active: 4)
        machine.create("t", partitions: 4, replicas: 4)
        machine.create("u", replicas: 4)
        let leaders = { (machine: Machine) in (0..<4).map { machine.partition("t", $0).leader } }
        #expect(leaders(machine) == [1, 2, 3, 4] && machine.partition("u").leader == 1)
        let outcome = machine.enter(1, .controlledShutdown)
        let broker = machine.state.broker(1)!
        #expect(broker.state == .controlledShutdown && broker.status == .online)
        #expect(broker.incarnation?.shutdownVersion == machine.state.counters.version)
        #expect(outcome.changes.first == .brokerStateChanged(1))
        #expect(leaders(machine) == [2, 2, 3, 4] && machine.partition("u").leader == 3, "one each, not both to one")
        #expect(machine.state.topics.allSatisfy { $0.partitions.allSatisfy { !$0.inSyncReplicas.contains(1) } })
        // It gets nothing back, and joins nothing.
        machine.setInSync(1, true, "u")
        #expect(!machine.partition("u").inSyncReplicas.contains(1))
        #expect(machine.create("v", replicas: 4).refusal == .notEnoughBrokers(online: 3, wanted: 4))
        // The version that it waits for stays.
        machine.create("w", replicas: 1)
        machine.enter(1, .shutdown)
        #expect(machine.state.broker(1)?.incarnation?.shutdownVersion == broker.incarnation?.shutdownVersion)
        #expect(machine.state.broker(1)?.status == .offline)
    }

    @Test func whoLeadsNothingMayStopAtOnce() {
        var machine = machine(active: 2)
        machine.create("t")
        let outcome = machine.enter(2, .controlledShutdown)
        #expect(machine.state.broker(2)?.state == .shutdown)
        #expect(outcome.changes == [.brokerStateChanged(2), .brokerOffline(2)])
    }

    @Test func theOnlyReplicaWaitsForItsBroker() {
        var machine = machine(active: 1)
        machine.create("t")
        machine.enter(1, .controlledShutdown)
        #expect(machine.partition("t").leader == nil && machine.partition("t").inSyncReplicas == [1])
        machine.enter(1, .shutdown)
        machine.enroll(1, Self.second, replacing: machine.epoch(1))
        #expect(machine.partition("t").leader == nil)
        machine.enter(1, .active)
        #expect(machine.partition("t").leader == 1)
    }

    // Reports

    @Test func reportsOfAnEarlierRegistrationDoNotCount() {
        var machine = machine(active: 2)
        machine.create("t", replicas: 2)
        let epoch = machine.epoch(2)
        machine.enroll(2, Self.second, replacing: epoch, isSuccessor: true)
        machine.enter(2, .active)
        let change = UpdateInSyncReplicas.Change(topic: "t", partition: 0, isInSync: true)
        let stale = machine.apply(
            .updateInSyncReplicas(UpdateInSyncReplicas(broker: 2, epoch: epoch, changes: [change])))
        #expect(stale.refusal == .staleBrokerEpoch(2, present: machine.epoch(2)))
        #expect(machine.partition("t").inSyncReplicas == [1])
        machine.apply(
            .updateInSyncReplicas(UpdateInSyncReplicas(broker: 2, epoch: machine.epoch(2), changes: [change])))
        #expect(machine.partition("t").inSyncReplicas == [1, 2])
    }

    @Test func rowsComeBackAsTheyWere() throws {
        var machine = machine(active: 3)
        machine.create("t", partitions: 3, replicas: 3)
        machine.enter(1, .controlledShutdown)
        machine.enter(2, .fenced)
        var restored = MetadataStateMachine(counters: machine.state.counters)
        for row in machine.rows { try restored.restore(row) }
        try restored.finishRestoration()
        #expect(restored.digest == machine.state.digest && restored.brokers == machine.state.brokers)
        var impossible = machine.state.broker(1)!
        impossible.status = .offline
        var other = MetadataStateMachine(counters: machine.state.counters)
        #expect(throws: RestoreError.self) { try other.restore(.broker(impossible)) }
    }
}

extension Machine {
    @discardableResult
    mutating func enroll(
        _ id: BrokerID, _ incarnation: String, host: String? = nil, replacing: UInt64 = 0, isSuccessor: Bool = false
    ) -> Outcome {
        apply(
            .registerBroker(
                RegisterBroker(
                    id: id, host: host ?? "host\(id)", port: 9092,
                    incarnation: RegisterBroker.Incarnation(id: incarnation, isSuccessor: isSuccessor),
                    replacing: replacing)))
    }

    @discardableResult
    mutating func enter(_ id: BrokerID, _ state: BrokerState, epoch: UInt64? = nil) -> Outcome {
        apply(
            .changeBrokerState(
                ChangeBrokerState(id: id, epoch: epoch ?? self.epoch(id), state: state, timestamp: time)))
    }

    /// From ACTIVE.
    fileprivate mutating func bring(_ id: BrokerID, to state: BrokerState) {
        if state == .shutdown { enter(id, .controlledShutdown) }
        enter(id, state)
    }

    fileprivate func epoch(_ id: BrokerID) -> UInt64 { state.broker(id)?.incarnation?.epoch ?? 0 }
}
