import Metadata
import Testing

/// From when on which level holds.
@Suite struct FeatureLevelTests {
    private func lists(_ machine: inout Machine, _ topic: String) -> [[BrokerID]] {
        machine.create(topic, partitions: 3, replicas: 2)
        return machine.state.topic(topic)!.1.map(\.replicas)
    }

    @Test func placementNeedsLevelFour() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.apply(.raiseLevel(to: 3))
        #expect(machine.apply(.raiseLevel(of: .placement, to: 2)).refusal == .invalidCommand)
        #expect(machine.state.counters.placementLevel == 1)
        machine.apply(.raiseLevel(to: 4))
        #expect(machine.apply(.raiseLevel(of: .placement, to: 3)).refusal == .invalidCommand)
        #expect(lists(&machine, "a") == [[1, 2], [2, 3], [3, 1]])
        #expect(lists(&machine, "b") == [[1, 2], [2, 3], [3, 1]], "until it is raised all stays")
        #expect(machine.apply(.raiseLevel(of: .placement, to: 2)).refusal == nil)
        #expect(lists(&machine, "c") == [[1, 2], [2, 3], [3, 1]])
        #expect(lists(&machine, "d") == [[1, 3], [2, 1], [3, 2]])
        #expect(machine.apply(.raiseLevel(of: .placement, to: 1)).refusal == .invalidCommand)
        #expect(machine.state.counters.placementLevel == 2 && machine.state.counters.level == 4)
    }

    @Test func aStateThatIsRestoredGoesOnAtItsLevel() throws {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        machine.apply(.raiseLevel(to: 4))
        machine.apply(.raiseLevel(of: .placement, to: 2))
        _ = lists(&machine, "a")
        var copy = Machine()
        copy.state = MetadataStateMachine(counters: machine.state.counters)
        for row in machine.rows { try copy.state.restore(row) }
        try copy.state.finishRestoration()
        #expect(copy.state.digest == machine.state.digest)
        #expect(lists(&copy, "b") == [[1, 3], [2, 1], [3, 2]])
    }

    /// Also of the level that was one before there was another: nodes of both releases compare digests.
    @Test func onlyAHigherLevelCountsInTheDigest() {
        var counters = Counters(version: 3)
        counters.level = 4
        let before = MetadataStateMachine(counters: counters).digest
        #expect(before.description == "fffaaaf5b9bc87b832433b62a454cc87")
        counters.placementLevel = 2
        #expect(MetadataStateMachine(counters: counters).digest != before)
    }
}
