import Metadata
import Testing

@Suite struct BrokerTests {
    @Test func aNewBrokerIsOnline() {
        var machine = Machine()
        machine.time = 1_731_345_678_000
        let outcome = machine.register(101, rack: "a")
        let broker = Broker(
            id: 101, host: "host101", port: 9092, rack: "a", status: .online, registeredAt: 1_731_345_678_000)
        #expect(outcome.result == .broker(broker, isNew: true))
        #expect(outcome.changes == [.brokerRegistered(101), .brokerOnline(101)])
        #expect(machine.state.brokers == [broker])
        #expect(machine.state.counters.version == 1)
    }

    @Test func brokersAreInAscendingID() {
        var machine = Machine()
        for id: BrokerID in [3, -1, 2, 10] { machine.register(id) }
        #expect(machine.state.brokers.map(\.id) == [-1, 2, 3, 10])
        #expect(machine.state.broker(10)?.host == "host10")
        #expect(machine.state.broker(4) == nil)
    }

    @Test func repeatingARegistrationChangesNothing() {
        var machine = Machine()
        machine.register(1)
        let digest = machine.state.digest
        machine.time = 2000
        let outcome = machine.register(1)
        #expect(outcome == Outcome(result: .broker(machine.state.brokers[0], isNew: false)))
        #expect(machine.state.digest == digest)
        #expect(machine.state.brokers[0].registeredAt == 1000)
    }

    @Test func anOfflineBrokerThatRegistersAgainComesBack() {
        var machine = Machine()
        machine.register(1)
        machine.setStatus(1, .offline)
        machine.time = 2000
        let outcome = machine.register(1)
        #expect(outcome.changes == [.brokerOnline(1)])
        #expect(outcome.result == .broker(machine.state.brokers[0], isNew: false))
        #expect(machine.state.brokers[0].status == .online)
        #expect(machine.state.brokers[0].registeredAt == 1000)
        #expect(machine.state.counters.version == 3)
    }

    @Test func anotherAddressIsRefusedWhileOnline() {
        var machine = Machine()
        machine.register(1)
        #expect(machine.register(1, host: "other").refusal == .brokerIDInUse(machine.state.brokers[0]))
        #expect(machine.state.counters.version == 1)
    }

    @Test func anOfflineBrokerMayMove() {
        var machine = Machine()
        machine.register(1)
        machine.setStatus(1, .offline)
        machine.time = 2000
        let outcome = machine.register(1, host: "other")
        #expect(outcome.changes == [.brokerMoved(1), .brokerOnline(1)])
        let broker = Broker(id: 1, host: "other", port: 9092, rack: nil, status: .online, registeredAt: 2000)
        #expect(outcome.result == .broker(broker, isNew: true))
        #expect(machine.state.brokers == [broker])
    }

    @Test func anotherRackIsANewRegistration() {
        var machine = Machine()
        machine.register(1, rack: "a")
        let outcome = machine.register(1, rack: "b")
        #expect(outcome.changes == [.brokerMoved(1)])
        #expect(outcome.result == .broker(machine.state.brokers[0], isNew: true))
        #expect(machine.state.brokers[0].rack == "b")
        machine.setStatus(1, .offline)
        #expect(machine.register(1).changes == [.brokerMoved(1), .brokerOnline(1)])
    }

    @Test func canonicallyEquivalentRacksDiffer() {
        var machine = Machine()
        machine.register(1, rack: "\u{e9}")
        #expect(machine.register(1, rack: "e\u{301}").changes == [.brokerMoved(1)])
    }

    @Test(arguments: [("", 1), ("h", 0), ("h", -1), ("h", 65_536)])
    func nonsenseIsRefused(host: String, port: Int) {
        var machine = Machine()
        let outcome = machine.apply(.registerBroker(RegisterBroker(id: 1, host: host, port: port)))
        #expect(outcome == Outcome(result: .refused(.invalidCommand)))
        #expect(machine.state.brokers.isEmpty)
    }

    @Test func aBrokerWithoutPartitionsCanBeUnregistered() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        machine.create("t", partitions: 3)
        #expect(machine.apply(.unregisterBroker(1)).refusal == .brokerHasPartitions(1, count: 2))
        #expect(machine.apply(.unregisterBroker(9)).refusal == .unknownBroker(9))
        machine.apply(.deleteTopic(DeleteTopic("t")))
        let outcome = machine.apply(.unregisterBroker(1))
        #expect(outcome == Outcome(result: .done, changes: [.brokerUnregistered(1)]))
        #expect(machine.state.brokers.map(\.id) == [2])
        #expect(machine.state.counters.version == 5)
    }

    @Test func statusChangesOnlyWhenItDiffers() {
        var machine = Machine()
        machine.register(1)
        #expect(machine.setStatus(1, .online) == Outcome(result: .done))
        #expect(machine.setStatus(2, .offline).refusal == .unknownBroker(2))
        #expect(machine.state.counters.version == 1)
        #expect(machine.setStatus(1, .offline) == Outcome(result: .done, changes: [.brokerOffline(1)]))
        #expect(machine.setStatus(1, .online) == Outcome(result: .done, changes: [.brokerOnline(1)]))
        #expect(machine.state.counters.version == 3)
    }

    @Test func theFirstClusterNameStays() {
        var machine = Machine()
        #expect(machine.apply(.noop(clusterID: nil)) == Outcome(result: .done))
        #expect(machine.state.counters == Counters())
        let empty = machine.state.digest
        machine.apply(.noop(clusterID: "a"))
        machine.apply(.noop(clusterID: "b"))
        #expect(machine.state.counters == Counters(clusterID: "a"))
        #expect(machine.state.digest != empty)
    }
}
