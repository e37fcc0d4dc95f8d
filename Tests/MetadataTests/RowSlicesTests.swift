import Testing

@testable import Metadata

/// Rows that are handed out bit by bit, against all of them at once.
@Suite struct RowSlicesTests {
    private func apply(_ commands: [Command], to state: inout MetadataStateMachine) {
        for command in commands { _ = state.apply(command, timestamp: 1) }
    }

    private func put(_ key: String, _ value: Int = 0) -> Command {
        .put(Put(key: Key(validated: Array(key.utf8)), value: [UInt8](repeating: 1, count: value)))
    }

    private func filled(keys: Int) -> MetadataStateMachine {
        var state = MetadataStateMachine()
        let brokers = (1...3).map { Command.registerBroker(RegisterBroker(id: Int64($0), host: "h", port: 1)) }
        let topics = ["b", "a", "c"].map { CreateTopic(name: $0, partitionCount: 4, replicationFactor: 2) }
        apply(brokers + topics.map { .createTopic($0) }, to: &state)
        apply((0..<keys).map { put("/k/\(($0 * 7919) % keys)", $0 % 50) }, to: &state)
        return state
    }

    private func rows(_ state: MetadataStateMachine) -> [Row] {
        var rows: [Row] = []
        state.forEachRow { rows.append($0) }
        return rows
    }

    @Test(arguments: [1, 300, 4000, 1 << 30]) func aStreamIsAllRowsInOrder(bytes: Int) {
        let state = filled(keys: 500)
        var stream = RowStream(state)
        var chunks: [[Row]] = []
        while case let chunk = stream.next(maximumBytes: bytes), !chunk.isEmpty { chunks.append(chunk) }
        #expect(chunks.flatMap { $0 } == rows(state))
        #expect(chunks.allSatisfy { $0.count == 1 || $0.reduce(0) { $0 + $1.size } <= bytes })
        #expect(stream.next(maximumBytes: bytes).isEmpty)
        var empty = RowStream(MetadataStateMachine())
        #expect(empty.next(maximumBytes: bytes).isEmpty)
    }

    @Test func aStreamIsOfItsMoment() {
        var state = filled(keys: 500)
        let expected = rows(state)
        var stream = RowStream(state)
        var taken = stream.next(maximumBytes: 2000)
        apply([put("/k/0", 77), put("/a"), .deleteTopic(DeleteTopic("a")), .unregisterBroker(1)], to: &state)
        while case let chunk = stream.next(maximumBytes: 2000), !chunk.isEmpty {
            apply([put("/k/\(taken.count)", 99), put("/z\(taken.count)")], to: &state)
            taken += chunk
        }
        #expect(taken == expected)
    }

    @Test func aSubtreeIsCountedUpToALimit() {
        let state = filled(keys: 100)
        let (all, root) = (Key(validated: Array("/k".utf8)), Key(validated: Array("/".utf8)))
        #expect(state.count(in: .subtree(of: all), isAbove: 99) && !state.count(in: .subtree(of: all), isAbove: 100))
        #expect(state.count(in: .subtree(of: root), isAbove: 99))
        #expect(!state.count(in: .subtree(of: Key(validated: Array("/j".utf8))), isAbove: 0))
        #expect(state.count(in: .subtree(of: all)) == 100 && state.count(in: .range(from: [0x30], before: nil)) == 0)
    }

    /// The same rows as the list has, whatever happens to the state meanwhile; each portion is sorted.
    @Test(arguments: [false, true]) func changesAreThoseOfTheirMoment(areKeysOld: Bool) {
        var state = filled(keys: 20_000)
        if areKeysOld {
            _ = state.takeChangedRows()
            apply((0..<5000).map { put("/k/\($0 * 5)") }, to: &state)
        }
        var twin = state
        apply(
            [
                .delete(Delete(key: Key(validated: Array("/k".utf8)), isRecursive: true)), put("/k/1"),
                .deleteTopic(DeleteTopic("b")),
            ],
            to: &state)
        twin = state
        let expected = twin.takeChangedRows()
        #expect(expected.count { if case .keyValue = $0.key { true } else { false } } >= 20_000)
        var changes = state.takeRowChanges()
        #expect(state.changedRowCount == 0)
        var taken: [RowChange] = []
        while let change = changes.next() {
            if taken.count % 1000 == 0 { apply([put("/k/\(taken.count)", 3), put("/k/1", 9)], to: &state) }
            taken.append(change)
        }
        #expect(
            Dictionary(taken.map { ($0.key, $0.row) }) { $1 }
                == Dictionary(uniqueKeysWithValues: expected.map { ($0.key, $0.row) }))
        #expect(Array(RowChanges(expected)) == expected)
        #expect(Array(RowChanges()).isEmpty)
    }
}
