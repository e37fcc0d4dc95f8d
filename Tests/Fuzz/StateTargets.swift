import Metadata
import Raft

@testable import Wire

/// The state machine: no sequence of commands and no rows trap it, and what it says of itself (digest, changed rows,
/// counters, listings) is what a look at all rows says.
enum StateTargets {
    /// The input draws commands from few names, so that they meet.
    static func commands(_ input: inout FuzzInput) {
        var state = MetadataStateMachine()
        var twin = MetadataStateMachine()
        var mirror: [RowKey: Row] = [:]
        var time: Int64 = 0
        while !input.isAtEnd {
            time += 1
            let command = command(&input)
            let (type, data) = CommandCodec.encode(command)
            guard let read = try? CommandCodec.decode(type: type, data: data) else { fail("no payload: \(command)") }
            let before = state
            let outcome = state.apply(command, timestamp: time)
            expect(twin.apply(read, timestamp: time) == outcome, "another outcome of \(read)")
            expect(twin.digest == state.digest, "another digest behind \(read)")
            checkProgress(from: before, to: state, outcome, command)
            guard time % 8 == 0 else { continue }
            for change in state.takeChangedRows() { mirror[change.key] = change.row }
            // Goes on from its rows, as a node does after a restart.
            twin = checkRows(state)
        }
        for change in state.takeChangedRows() { mirror[change.key] = change.row }
        var rows: [RowKey: Row] = [:]
        state.forEachRow { rows[$0.key] = $0 }
        expect(rows == mirror, "the changed rows add up to \(mirror), not to \(rows)")
        _ = checkRows(state)
        checkListings(state)
    }

    /// The input is a snapshot's chunk behind bytes that draw commands for the state it gives.
    static func snapshot(_ input: inout FuzzInput) {
        var commands = FuzzInput(input.take(48))
        guard let chunk = try? SnapshotChunk(decoding: input.rest()) else { return }
        var state = MetadataStateMachine(counters: chunk.header?.counters ?? Counters())
        for row in chunk.rows {
            guard (try? state.restore(row)) != nil else { return }
        }
        // Rows may be missing behind a whole chunk; a state is used only when it is complete.
        guard state.topicNames.allSatisfy({ state.topic($0)!.0.partitionCount == state.topic($0)!.1.count }) else {
            return
        }
        // Nor one whose rows are not the history that its counters tell of.
        guard (try? state.finishRestoration()) != nil else { return }
        var time: Int64 = 0
        while !commands.isAtEnd {
            time += 1
            let command = command(&commands)
            let before = state
            checkProgress(from: before, to: state, state.apply(command, timestamp: time), command)
        }
        _ = checkRows(state)
        _ = state.takeChangedRows()
        checkListings(state)
    }

    // MARK: Properties

    private static func checkProgress(
        from before: MetadataStateMachine, to after: MetadataStateMachine, _ outcome: Outcome, _ command: Command
    ) {
        if case .refused = outcome.result {
            expect(outcome.changes.isEmpty && before.digest == after.digest, "refused, yet changed: \(command)")
        }
        let steps = (
            after.counters.version - before.counters.version, after.counters.revision - before.counters.revision
        )
        expect(steps.0 <= 1 && steps.1 <= 1, "\(steps) versions and revisions by \(command)")
        expect(after.keyCount >= 0 && after.partitionCount >= 0, "\(command)")
    }

    /// The state that the rows give; its digest must be the one that was kept up to date.
    private static func checkRows(_ state: MetadataStateMachine) -> MetadataStateMachine {
        var restored = MetadataStateMachine(counters: state.counters)
        var bytes: [UInt8] = []
        state.forEachRow { RowCodec.encode($0, into: &bytes) }
        do {
            for row in try RowCodec.decode(chunk: bytes) { try restored.restore(row) }
            try restored.finishRestoration()
        } catch {
            fail("a row of its own is refused: \(error)")
        }
        expect(
            restored.digest == state.digest, "the digest \(state.digest) is not that of the rows, \(restored.digest)")
        expect(restored.partitionCount == state.partitionCount, "\(state.partitionCount) partitions counted")
        expect(restored.keyCount == state.keyCount, "\(state.keyCount) keys counted")
        return restored
    }

    /// Page by page there is what there is at once, in order.
    private static func checkListings(_ state: MetadataStateMachine) {
        for directory in ["/", "/a", "/a/b"].map({ Key(validated: Array($0.utf8)) }) {
            for isRecursive in [true, false] {
                let whole = state.list(
                    below: directory, isRecursive: isRecursive, after: nil, limit: .max, byteLimit: .max)
                var entries: [Listing.Entry] = []
                var after: Key?
                repeat {
                    let page = state.list(
                        below: directory, isRecursive: isRecursive, after: after, limit: 2, byteLimit: 20)
                    expect(page.next == nil || !page.entries.isEmpty, "an empty page that is not the last")
                    entries += page.entries
                    after = page.next
                } while after != nil
                expect(entries == whole.entries, "\(entries) page by page, \(whole.entries) at once")
            }
        }
    }

    // MARK: Drawing

    static func command(_ input: inout FuzzInput) -> Command {
        switch input.choice(18) {
        case 0:
            return .noop(clusterID: input.flag() ? String(repeating: "a", count: 32) : nil)
        case 1, 2:
            return .registerBroker(
                RegisterBroker(
                    id: broker(&input), host: input.flag() ? "host" : "moved", port: 1,
                    rack: [nil, "r1", "r2"][input.choice(3)]))
        case 3: return .unregisterBroker(broker(&input))
        case 4:
            return .updateBrokerStatus(
                UpdateBrokerStatus(id: broker(&input), status: input.flag() ? .online : .offline, timestamp: 0))
        case 5:
            return .createTopic(
                CreateTopic(
                    name: topic(&input), partitionCount: 1 + input.choice(5), replicationFactor: 1 + input.choice(4)))
        case 6: return .deleteTopic(DeleteTopic(topic(&input)))
        case 7:
            let changes = (0..<input.choice(5)).map { _ in
                UpdateInSyncReplicas.Change(topic: topic(&input), partition: input.choice(6), isInSync: input.flag())
            }
            return .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker(&input), changes: changes))
        case 11: return .raiseLevel(to: 1 + input.choice(5))
        case 12:
            let (topic, appID) = (topic(&input), ["a", "b_a", "a_b"][input.choice(3)])
            switch input.choice(4) {
            case 0: return .group(.move(ConsumerGroup.id(topic: topic, appID: appID), to: broker(&input)))
            case 1: return .group(.delete(ConsumerGroup.id(topic: topic, appID: appID), by: broker(&input)))
            default: return .group(.find(topic: topic, appID: appID))
            }
        case 13:
            return .allocateProducerIDs(
                AllocateProducerIDs(broker: broker(&input), count: UInt64(1 + input.choice(9))))
        case 8, 9, 10:
            return .put(Put(key: key(&input), value: input.take(input.choice(20)), precondition: precondition(&input)))
        case 14:
            return .createPartitions(
                CreatePartitions(
                    topic: topic(&input), partitionCount: 1 + input.choice(6),
                    assignments: input.flag() ? nil : [[broker(&input)], [broker(&input)]]))
        case 16:
            return .restrictBroker(
                RestrictBroker(
                    id: broker(&input), restriction: input.flag() ? .cordoned : .maintenance, isOn: input.flag(),
                    isForced: input.flag()))
        case 15:
            let moves = (0..<input.choice(4)).map { _ in
                AlterReassignments.Move(
                    topic: .name(topic(&input)), partition: input.choice(6),
                    replicas: input.flag() ? nil : (0..<input.choice(5)).map { _ in broker(&input) })
            }
            return .alterReassignments(AlterReassignments(moves, mayChangeReplicationFactor: input.flag()))
        default:
            return .delete(Delete(key: key(&input), isRecursive: input.flag(), precondition: precondition(&input)))
        }
    }

    private static func broker(_ input: inout FuzzInput) -> BrokerID { BrokerID(1 + input.choice(6)) }

    private static func topic(_ input: inout FuzzInput) -> String { ["a", "b", "c", "d"][input.choice(4)] }

    private static func key(_ input: inout FuzzInput) -> Key {
        let choice = input.byte()
        let names = ["a", "b", "a-", "a0", "a\n", "ü", "é", "e\u{301}"]
        let segments = (0..<1 + Int(choice & 3)).map { _ in names[input.choice(names.count)] }
        return Key(validated: Array(segments.map { "/" + $0 }.joined().utf8))
    }

    private static func precondition(_ input: inout FuzzInput) -> Precondition {
        switch input.choice(8) {
        case 0: .absent
        case 1: .modRevision(UInt64(input.byte()))
        default: .none
        }
    }
}
