import Testing

@testable import Metadata

/// What a stop check says beforehand, and what then happens.
@Suite struct StopCheckTests {
    private struct Loss: Equatable {
        var leaderless: [PartitionSearch.Place] = []
        var belowMinISR: [PartitionSearch.Place] = []
        var moves = 0

        /// By a look at all partitions.
        init(from before: MetadataStateMachine, to after: MetadataStateMachine) {
            for (old, new) in zip(before.topics, after.topics) {
                for (was, now) in zip(old.partitions, new.partitions) {
                    let place = PartitionSearch.Place(topic: old.topic.name, partition: was.id)
                    if was.leader != now.leader { moves += 1 }
                    if was.leader != nil, now.leader == nil { leaderless.append(place) }
                    let condition = PartitionCondition.underMinISR
                    if !condition.holds(for: was, in: old.topic), condition.holds(for: now, in: new.topic) {
                        belowMinISR.append(place)
                    }
                }
            }
        }

        init(_ check: StopCheck) {
            (leaderless, belowMinISR, moves) = (check.leaderless.first, check.belowMinISR.first, check.moves)
        }
    }

    @Test(arguments: 0..<200) func aStopCheckIsTheLossOfAllInAnyOrder(seed: Int) {
        var (state, generator) = RandomCommandTests.Generator.state(seed: seed)
        let ids = state.brokers.map(\.id)
        for _ in 0..<8 {
            let lost = ids.filter { _ in generator.number(0...2) == 0 }
            let check = state.stopCheck(lost)
            var fork = state
            for id in lost.shuffled(using: &generator.random) {
                for command in fork.commandsOfLoss(of: id, at: 9) {
                    #expect(fork.apply(command, timestamp: 9).refusal == nil)
                }
            }
            #expect(Loss(check) == Loss(from: state, to: fork), "\(lost)")
            #expect(check.leaderless.count == check.leaderless.first.count)
            #expect(check.belowMinISR.count == check.belowMinISR.first.count)
            #expect(check.before == state.topics.counts && check.version == state.counters.version)
            #expect(fork.brokers.allSatisfy { !lost.contains($0.id) || $0.status == .offline })
        }
    }

    @Test func noMoreAreNamedThanTheLimit() {
        for count in [StopCheck.maximumListed, StopCheck.maximumListed + 1] {
            var machine = Machine()
            machine.register(1)
            machine.create("b", partitions: count - 1)
            machine.create("a", partitions: 1)
            let check = machine.state.stopCheck([1])
            #expect(check.leaderless.count == count && check.moves == count && check.belowMinISR.count == 0)
            #expect(check.leaderless.first.count == StopCheck.maximumListed)
            #expect(check.leaderless.first.first == PartitionSearch.Place(topic: "a", partition: 0))
            #expect(!check.isSafe)
        }
    }

    @Test func whatWasSoBeforeIsNotCausedByIt() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        machine.create("t", partitions: 2)
        machine.setStatus(1, .offline)
        let check = machine.state.stopCheck([1])
        #expect(check.isSafe && check.moves == 0 && check.before[.offline] == 1)
        #expect(machine.state.stopCheck([1, 2]).leaderless.count == 1)
        #expect(machine.state.stopCheck([]).isSafe)
    }

    @Test func selections() throws {
        var machine = Machine()
        machine.register(2, rack: "a")
        machine.register(1, rack: "a")
        machine.register(3)
        #expect(try machine.state.brokers(.rack("a")) == [1, 2])
        #expect(try machine.state.brokers(.listed([3, 1, 3])) == [1, 3])
        #expect(throws: BrokerSelection.Flaw.unknownBroker(4)) { try machine.state.brokers(.listed([3, 4])) }
        #expect(throws: BrokerSelection.Flaw.emptyRack("b")) { try machine.state.brokers(.rack("b")) }
    }
}

extension RandomCommandTests.Generator {
    /// A state that random commands have led to, at a level with incarnations and elections.
    static func state(seed: Int) -> (MetadataStateMachine, RandomCommandTests.Generator) {
        var generator = Self(random: SeededGenerator(seed: UInt64(seed)))
        var state = MetadataStateMachine()
        _ = state.apply(.raiseLevel(to: 4), timestamp: 0)
        // Most brokers are there, so that most commands do something.
        for id in 1...6 where generator.number(0...4) > 0 {
            let rack = ["r1", "r2", nil][generator.number(0...2)]
            _ = state.apply(
                .registerBroker(RegisterBroker(id: BrokerID(id), host: "h", port: 1, rack: rack)), timestamp: 0)
        }
        for step in 0..<generator.number(20...120) {
            _ = state.apply(generator.command(at: state.counters.revision), timestamp: Int64(step))
            generator.topics = state.topics.map { ($0.topic.name, $0.topic.id, $0.partitions) }
            generator.epochOf = state.brokers.reduce(into: [:]) { $0[$1.id] = $1.incarnation?.epoch }
            generator.epochs = state.brokers.compactMap(\.incarnation?.epoch)
        }
        return (state, generator)
    }
}
