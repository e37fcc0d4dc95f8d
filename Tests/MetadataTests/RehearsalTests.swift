import Testing

@testable import Metadata

/// What a fork says beforehand, and what then happens.
@Suite struct RehearsalTests {
    /// I17: with nothing between, what the fork says is what happens. Keys play no part in what is asked of brokers and topics.
    @Test(arguments: 0..<60) func aForkSaysWhatHappens(seed: Int) {
        var (state, generator) = RandomCommandTests.Generator.state(seed: seed)
        for step in 0..<60 {
            let command = generator.command(at: state.counters.revision)
            let before = state
            var fork = command.needsKeys ? state : state.withoutKeys
            let said = fork.apply(command, timestamp: Int64(step))
            #expect(state.digest == before.digest && state.counters == before.counters)
            #expect(state.apply(command, timestamp: Int64(step)) == said, "\(command)")
            #expect(state.counters == fork.counters && Self.rows(state) == Self.rows(fork))
            guard !command.needsKeys else { continue }
            checkDifference(fork.takeDifference(from: before), before, fork)
        }
    }

    /// Of brokers, topics and partitions.
    private static func rows(_ state: MetadataStateMachine) -> [Row] {
        state.brokers.map { .broker($0) }
            + state.topics.flatMap { rows in
                [.topic(rows.topic)] + rows.partitions.map { .partition(topic: rows.topic.name, $0) }
            }
    }

    private func checkDifference(
        _ difference: StateDifference, _ before: MetadataStateMachine, _ after: MetadataStateMachine
    ) {
        var expected: [StateDifference.Row] = []
        for name in Set(before.topicNames + after.topicNames).sorted() {
            let (old, new) = (before.topic(name)?.1 ?? [], after.topic(name)?.1 ?? [])
            for id in 0..<max(old.count, new.count) {
                let (was, now) = (id < old.count ? old[id] : nil, id < new.count ? new[id] : nil)
                if was != now { expected.append(.init(topic: name, id: id, before: was, after: now)) }
            }
        }
        #expect(difference.first == expected && difference.changed == expected.count)
        let moves = expected.count { row in
            row.before != nil && row.after != nil && row.before?.leader != row.after?.leader
        }
        #expect(difference.moves == moves)
    }

    @Test(arguments: 0..<60) func whoIsLostComesBack(seed: Int) {
        var (state, _) = RandomCommandTests.Generator.state(seed: seed)
        for id in state.brokers.map(\.id) {
            for command in state.commandsOfReturn(of: id, at: 1) {
                #expect(state.apply(command, timestamp: 1).refusal == nil)
            }
            #expect(state.broker(id)?.state == .active)
            for command in state.commandsOfLoss(of: id, at: 2) {
                #expect(state.apply(command, timestamp: 2).refusal == nil)
            }
            #expect(state.broker(id)?.state == .fenced)
        }
        #expect(state.commandsOfLoss(of: 99, at: 0).isEmpty && state.commandsOfReturn(of: 99, at: 0).isEmpty)
    }
}
