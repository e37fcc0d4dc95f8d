import Testing

@testable import Metadata

/// Which broker coordinates the consumers of an application (control-plane.md 2.15).
@Suite struct ConsumerGroupTests {
    private func machine(brokers: ClosedRange<BrokerID> = 1...3) -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 5))
        for id in brokers { machine.register(id) }
        return machine
    }

    @discardableResult
    private func find(_ machine: inout Machine, _ topic: String, _ appID: String) -> Outcome {
        machine.apply(.group(.find(topic: topic, appID: appID)))
    }

    private func leaders(_ machine: Machine) -> [BrokerID] { machine.state.allGroups.map(\.leader) }

    /// `G_t_0` to `G_t_5`: two at each of brokers 1 to 3.
    private func spread() -> Machine {
        var machine = machine()
        for number in 0..<6 { find(&machine, "t", "\(number)") }
        return machine
    }

    @Test func theBrokerWithTheFewestLeads() {
        var machine = spread()
        #expect(leaders(machine) == [1, 2, 3, 1, 2, 3])
        #expect(machine.state.groupCount == 6 && machine.state.groupCount(of: 2) == 2)
        machine.apply(.group(.delete("G_t_2", by: 3)))
        find(&machine, "t", "6")
        #expect(machine.state.group("G_t_6")?.leader == 3)
    }

    @Test func whoAsksAgainGetsTheSame() {
        var machine = machine()
        let first = find(&machine, "orders", "billing")
        guard case .group(let group, let leader) = first.result else { return #expect(Bool(false), "\(first)") }
        #expect(group.id == "G_orders_billing" && group.leader == 1 && leader?.host == "host1")
        #expect(group.createdAt == 1000 && group.modifiedAt == 1000 && first.changes == [.groupsChanged])
        let version = machine.state.counters.version
        machine.time = 2000
        #expect(machine.state.resultIfUnchanged(.group(.find(topic: "orders", appID: "billing"))) == first.result)
        #expect(find(&machine, "orders", "billing") == Outcome(result: first.result))
        #expect(version == 4 && machine.state.counters.version == version)
    }

    @Test func namesThatGiveOneIDAreToldApart() {
        var machine = machine()
        find(&machine, "a", "b_c")
        #expect(find(&machine, "a_b", "c").refusal == .groupIDCollision("G_a_b_c"))
        #expect(find(&machine, "a", "b_c").refusal == nil)
    }

    @Test(arguments: ["", " ", "   ", "a\n", "ü", String(repeating: "a", count: 256)])
    func whatIsNoNameIsRefused(appID: String) {
        var machine = machine()
        #expect(find(&machine, "t", appID).refusal == .invalidCommand)
        #expect(find(&machine, "a/b", "app").refusal == .invalidCommand)
    }

    @Test func withoutAnActiveBrokerThereIsNone() {
        var machine = machine()
        for id in BrokerID(1)...3 { machine.setStatus(id, .offline) }
        #expect(find(&machine, "t", "a").refusal == .noGroupLeader)
    }

    @Test func theLevelMustBeThere() {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 4))
        machine.register(1)
        #expect(find(&machine, "t", "a").refusal == .invalidCommand)
    }

    @Test func onlyTheLeaderDeletes() {
        var machine = machine()
        find(&machine, "t", "a")
        #expect(machine.apply(.group(.delete("G_t_a", by: 2))).refusal == .notGroupLeader("G_t_a", leader: 1))
        #expect(machine.apply(.group(.delete("G_t_a", by: 1))) == Outcome(result: .done, changes: [.groupsChanged]))
        #expect(machine.apply(.group(.delete("G_t_a", by: 2))) == Outcome(result: .done))
        #expect(machine.state.groupCount == 0)
    }

    @Test func anotherLeaderByHand() {
        var machine = machine()
        find(&machine, "t", "a")
        machine.setStatus(3, .offline)
        machine.time = 2000
        #expect(machine.apply(.group(.move("G_t_b", to: 2))).refusal == .unknownGroup("G_t_b"))
        #expect(machine.apply(.group(.move("G_t_a", to: 9))).refusal == .unknownBroker(9))
        let fenced = machine.state.broker(3)!
        #expect(machine.apply(.group(.move("G_t_a", to: 3))).refusal == .brokerNotActive(fenced))
        #expect(machine.apply(.group(.move("G_t_a", to: 1))).changes.isEmpty)
        #expect(machine.apply(.group(.move("G_t_a", to: 2))).changes == [.groupsChanged])
        let group = machine.state.group("G_t_a")
        #expect(group?.leader == 2 && group?.createdAt == 1000 && group?.modifiedAt == 2000)
        #expect(machine.state.groupCount(of: 1) == 0 && machine.state.groupCount(of: 2) == 1)
    }

    @Test func aLostBrokersGroupsMoveInItsEntry() {
        var machine = spread()
        let version = machine.state.counters.version
        machine.time = 2000
        let outcome = machine.setStatus(1, .offline)
        #expect(outcome.changes == [.brokerOffline(1), .groupsChanged])
        #expect(machine.state.counters.version == version + 1)
        #expect(leaders(machine) == [2, 2, 3, 3, 2, 3])
        #expect(machine.state.group("G_t_0")?.modifiedAt == 2000 && machine.state.group("G_t_1")?.modifiedAt == 1000)
        // Who comes back gets new ones only.
        machine.setStatus(1, .online)
        #expect(leaders(machine) == [2, 2, 3, 3, 2, 3])
        find(&machine, "t", "6")
        #expect(machine.state.group("G_t_6")?.leader == 1)
    }

    @Test func soWhenItIsUnregistered() {
        var machine = spread()
        machine.apply(.unregisterBroker(2))
        #expect(leaders(machine) == [1, 1, 3, 1, 3, 3])
    }

    @Test func theyWaitWhileNobodyIsActive() {
        var machine = spread()
        for id in BrokerID(1)...3 { machine.setStatus(id, .offline) }
        #expect(leaders(machine) == [3, 3, 3, 3, 3, 3])
        machine.apply(.unregisterBroker(3))
        #expect(leaders(machine) == [3, 3, 3, 3, 3, 3])
        let outcome = machine.setStatus(2, .online)
        #expect(outcome.changes == [.brokerOnline(2), .groupsChanged])
        #expect(leaders(machine) == [2, 2, 2, 2, 2, 2])
        #expect(machine.setStatus(1, .online).changes == [.brokerOnline(1)])
    }

    @Test(arguments: [BrokerState.fenced, .controlledShutdown])
    func statesOfIncarnations(state: BrokerState) {
        var machine = machine(brokers: 2...2)
        func register(_ name: String, successor: Bool = false, replacing: UInt64 = 0) {
            machine.apply(
                .registerBroker(
                    RegisterBroker(
                        id: 1, host: "host1", port: 9092,
                        incarnation: .init(id: String(repeating: name, count: 32), isSuccessor: successor),
                        replacing: replacing)))
        }
        func enter(_ state: BrokerState) {
            let epoch = machine.state.broker(1)!.incarnation!.epoch
            machine.apply(.changeBrokerState(ChangeBrokerState(id: 1, epoch: epoch, state: state, timestamp: 1)))
        }
        register("a")
        find(&machine, "t", "a")
        #expect(leaders(machine) == [2], "a FENCED one gets none")
        enter(.active)
        find(&machine, "t", "b")
        #expect(leaders(machine) == [2, 1])
        enter(state)
        #expect(leaders(machine) == [2, 2])
        machine.apply(.group(.delete("G_t_a", by: 2)))
        register("b", replacing: 2)
        enter(.active)
        find(&machine, "t", "c")
        #expect(machine.state.group("G_t_c")?.leader == 1)
        register("c", successor: true, replacing: machine.state.broker(1)!.incarnation!.epoch)
        #expect(machine.state.group("G_t_c")?.leader == 2, "another process has none of them")
    }

    @Test func theTopicNeedNotExist() {
        var machine = machine()
        machine.create("t")
        find(&machine, "t", "a")
        machine.apply(.deleteTopic(DeleteTopic("t")))
        #expect(machine.state.group("G_t_a") != nil)
    }

    @Test func asManyAsMayBe() {
        var machine = machine()
        for number in 0..<ConsumerGroup.maximumCount { find(&machine, "t", "\(number)") }
        #expect(find(&machine, "t", "more").refusal == .tooManyGroups(limit: ConsumerGroup.maximumCount))
        #expect(find(&machine, "t", "0").refusal == nil)
        let counts = (BrokerID(1)...3).map { machine.state.groupCount(of: $0) }
        #expect(counts == [33_334, 33_333, 33_333])
        machine.setStatus(1, .offline)
        #expect(machine.state.groupCount(of: 2) == 50_000 && machine.state.groupCount(of: 3) == 50_000)
    }

    @Test func rowsAreTheState() throws {
        var machine = spread()
        machine.apply(.group(.delete("G_t_3", by: 1)))
        machine.apply(.group(.move("G_t_0", to: 2)))
        var rows: [Row] = []
        machine.state.forEachRow { rows.append($0) }
        #expect(rows.count == 8)
        var restored = MetadataStateMachine(counters: machine.state.counters)
        for row in rows { try restored.restore(row) }
        try restored.finishRestoration()
        #expect(restored.digest == machine.state.digest && restored.groupCount(of: 2) == 3)
        var stream = RowStream(machine.state)
        #expect(stream.next(maximumBytes: .max) == rows)
        let keys = machine.state.takeChangedRows().map(\.key)
        #expect(keys.suffix(6) == (0..<6).map { RowKey.group("G_t_\($0)") })
    }

    @Test func rowsThatCanNotBeAreRefused() throws {
        var counters = machine().state.counters
        let group = ConsumerGroup(topic: "t", appID: "a", leader: 1, createdAt: 1, modifiedAt: 1)
        let broker = Broker(id: 2, host: "h", port: 1, rack: nil, status: .online, registeredAt: 1)
        var state = MetadataStateMachine(counters: counters)
        try state.restore(.group(group))
        #expect(throws: RestoreError.self) { try state.restore(.group(group)) }
        state = MetadataStateMachine(counters: counters)
        try state.restore(.broker(broker))
        #expect(throws: RestoreError.self) { try state.restore(.group(group)) }
        counters.level = 4
        state = MetadataStateMachine(counters: counters)
        #expect(throws: RestoreError.self) { try state.restore(.group(group)) }
    }

    @Test func followersAreTold() {
        var machine = spread()
        let image = machine.state.changesImage
        var (found, place, pages) = ([String](), ChangesPage.Place?.none, 0)
        repeat {
            let page = image.page(after: 0, from: place, limit: 2)
            found += page.groups.map(\.id)
            (place, pages) = (page.next, pages + 1)
        } while place != nil
        #expect(found == (0..<6).map { "G_t_\($0)" } && pages == 5)
        let version = machine.state.counters.version
        machine.setStatus(3, .offline)
        machine.apply(.group(.delete("G_t_0", by: 1)))
        let page = machine.state.changesImage.page(after: version, from: nil, limit: 100)
        #expect(page.groups.map(\.id) == ["G_t_2", "G_t_5"] && page.removedGroups == ["G_t_0"] && page.next == nil)
    }
}
