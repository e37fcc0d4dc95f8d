import Testing

@testable import Metadata

/// Ids for the producers of brokers (control-plane.md 2.14; KIP-730).
@Suite struct ProducerIDTests {
    private func machine(level: Int = 5) -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: level))
        machine.register(1)
        machine.apply(
            .registerBroker(
                RegisterBroker(
                    id: 2, host: "host2", port: 9092, incarnation: .init(id: String(repeating: "a", count: 32)))))
        return machine
    }

    private func allocate(
        _ machine: inout Machine, _ broker: BrokerID = 1, epoch: UInt64? = nil, count: UInt64 = 1000
    ) -> Outcome {
        machine.apply(.allocateProducerIDs(AllocateProducerIDs(broker: broker, epoch: epoch, count: count)))
    }

    @Test func noIDIsGivenTwice() throws {
        var machine = machine()
        #expect(allocate(&machine).result == .producerIDs(first: 0, count: 1000))
        #expect(allocate(&machine, 2, epoch: 2, count: 1).result == .producerIDs(first: 1000, count: 1))
        #expect(allocate(&machine, count: 100_000) == Outcome(result: .producerIDs(first: 1001, count: 100_000)))
        #expect(machine.state.counters.version == 2, "it is no row")
        // As a node does after a restart, and behind a snapshot.
        var restored = MetadataStateMachine(counters: machine.state.counters)
        for broker in machine.state.brokers { try restored.restore(.broker(broker)) }
        #expect(restored.digest == machine.state.digest)
        machine.state = restored
        #expect(allocate(&machine).result == .producerIDs(first: 101_001, count: 1000))
    }

    @Test func onlyToWhoIsThatProcess() {
        var machine = machine()
        #expect(allocate(&machine, 3).refusal == .unknownBroker(3))
        #expect(allocate(&machine, 2, epoch: 1).refusal == .staleBrokerEpoch(2, present: 2))
        #expect(allocate(&machine, 2).refusal == .staleBrokerEpoch(2, present: 2))
        #expect(allocate(&machine, 1, epoch: 1).refusal == .staleBrokerEpoch(1, present: nil))
        #expect(machine.state.counters.nextProducerID == 0)
        let stale = Command.allocateProducerIDs(AllocateProducerIDs(broker: 2))
        #expect(machine.state.resultIfUnchanged(stale) == .refused(.staleBrokerEpoch(2, present: 2)))
        #expect(machine.state.resultIfUnchanged(.allocateProducerIDs(AllocateProducerIDs(broker: 1))) == nil)
    }

    @Test func asManyAsThereAre() {
        var machine = machine()
        var counters = machine.state.counters
        counters.nextProducerID = AllocateProducerIDs.end - 1000
        machine.state = MetadataStateMachine(counters: counters)
        machine.register(1)
        #expect(allocate(&machine, count: 1001).refusal == .producerIDsExhausted)
        #expect(allocate(&machine, count: 1000).refusal == nil)
        #expect(allocate(&machine, count: 1).refusal == .producerIDsExhausted)
    }

    @Test func whatIsNoBlockIsRefused() {
        var machine = machine()
        for count in [0, 100_001, .max] as [UInt64] {
            #expect(allocate(&machine, count: count).refusal == .invalidCommand)
        }
        var old = self.machine(level: 4)
        #expect(allocate(&old).refusal == .invalidCommand)
    }

    @Test func theDigestIsWhatItWasWhileThereAreNone() {
        var counters = Counters()
        let before = Digest(counters)
        counters.nextProducerID = 2
        let given = Digest(counters)
        (counters.nextProducerID, counters.placementLevel) = (0, 2)
        #expect(Set([before, given, Digest(counters)]).count == 3)
    }
}
