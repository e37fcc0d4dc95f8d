import Metadata
import Testing

@testable import Server

/// The steps of a rehearsal.
@Suite struct RehearsalStepTests {
    /// Brokers 1 to 3, of which 3 has an incarnation, and a topic of six partitions, each on two of them.
    private static func state() -> MetadataStateMachine {
        var state = MetadataStateMachine()
        let incarnation = RegisterBroker.Incarnation(id: String(repeating: "a", count: 32))
        let commands: [Command] = [
            .raiseLevel(to: 4), .registerBroker(RegisterBroker(id: 1, host: "h", port: 1, rack: "a")),
            .registerBroker(RegisterBroker(id: 2, host: "h", port: 2, rack: "b")),
            .registerBroker(RegisterBroker(id: 3, host: "h", port: 3, rack: "c", incarnation: incarnation)),
            .changeBrokerState(ChangeBrokerState(id: 3, epoch: 3, state: .active, timestamp: 0)),
            .createTopic(CreateTopic(name: "t", partitionCount: 6, replicationFactor: 2)),
        ]
        for command in commands { _ = state.apply(command, timestamp: 0) }
        return state
    }

    @Test func whoIsLostComesBackAndLeadsAgain() {
        let state = Self.state()
        var rehearsal = Rehearsal(of: state, at: 7)
        let before = rehearsal.scene
        let lost = rehearsal.run(.lose(.listed([3])))
        #expect(lost.flaw == nil && lost.difference.changed == 4 && lost.difference.moves == 2)
        #expect(lost.scene.counts[.underReplicated] == 4 && lost.scene.brokers[2].state == .fenced)
        #expect(lost.scene.brokers[2].leaders == 0)
        let back = rehearsal.run(.bringBack(.listed([3])))
        // Until it has caught up it is in no ISR.
        #expect(back.flaw == nil && back.difference.changed == 0 && back.scene.brokers[2].state == .active)
        #expect(rehearsal.run(.electPreferred).difference.changed == 0)
        let inSync = UpdateInSyncReplicas(
            broker: 3,
            changes: (0..<6).map { UpdateInSyncReplicas.Change(topic: "t", partition: $0, isInSync: true) })
        #expect(rehearsal.run(.command(.updateInSyncReplicas(inSync))).scene.counts[.underReplicated] == 0)
        #expect(rehearsal.run(.electPreferred).difference.moves == 2)
        #expect(rehearsal.scene == before)
        #expect(rehearsal.run(.lose(.rack("a"))).scene.brokers[0].state == .fenced)
        #expect(state.counters == Self.state().counters && state.digest == Self.state().digest)
    }

    @Test func aStepIsDoneAltogetherOrNot() {
        var rehearsal = Rehearsal(of: Self.state(), at: 7)
        let before = rehearsal.scene
        #expect(rehearsal.run(.lose(.listed([1, 4]))).flaw == .brokers(.unknownBroker(4)))
        #expect(rehearsal.scene == before)
        #expect(rehearsal.run(.command(.deleteTopic(DeleteTopic("none")))).flaw == .refused(.unknownTopic("none")))
    }

    @Test func noMoreRowsThanTheLimit() {
        // Four replicas, four partitions that change, the broker's own row, and the command.
        for (limit, flaw) in [(10, nil), (9, Rehearsal.Flaw.tooManyRows)] {
            var rehearsal = Rehearsal(of: Self.state(), at: 7, maximumRows: limit)
            let act = rehearsal.run(.lose(.listed([3])))
            #expect(act.flaw == flaw && act.scene.brokers[2].state == (flaw == nil ? .fenced : .active))
            // Nothing is left.
            #expect(rehearsal.run(.lose(.listed([1]))).flaw == .tooManyRows)
        }
    }

    @Test func manyElectionsAreManyCommands() {
        var state = Self.state()
        _ = state.apply(.createTopic(CreateTopic(name: "u", partitionCount: 7000, replicationFactor: 2)), timestamp: 0)
        let others: [Command] = [
            .updateBrokerStatus(UpdateBrokerStatus(id: 1, status: .offline, timestamp: 0)),
            .updateBrokerStatus(UpdateBrokerStatus(id: 1, status: .online, timestamp: 0)),
            .updateInSyncReplicas(
                UpdateInSyncReplicas(
                    broker: 1,
                    changes: (0..<7000).map { UpdateInSyncReplicas.Change(topic: "u", partition: $0, isInSync: true) })),
        ]
        for command in others { _ = state.apply(command, timestamp: 0) }
        var rehearsal = Rehearsal(of: state, at: 7)
        let act = rehearsal.run(.electPreferred)
        #expect(act.flaw == nil && act.difference.changed > 2000 && act.difference.first.count == 128)
        #expect(act.difference.moves == act.difference.changed)
        let version = rehearsal.state.counters.version - state.counters.version
        #expect(version == (act.difference.changed + 999) / 1000)
    }
}
