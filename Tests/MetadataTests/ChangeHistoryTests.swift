import Testing

@testable import Metadata

@Suite struct ChangeHistoryTests {
    private var machine = Machine()
    private var history = ChangeHistory(
        behind: Counters(), maximumMetadataChanges: 8, maximumKeyChanges: 8, maximumBytes: 4096)

    private mutating func record(_ change: (inout Machine) -> Outcome) {
        let outcome = change(&machine)
        history.record(outcome, counters: machine.state.counters)
    }

    private func numbers(_ ring: ChangeRing, after number: UInt64) -> [UInt64]? {
        ring.entries(after: number).map { $0.map(\.number) }
    }

    @Test mutating func isResumedFromAnyNumberItHas() {
        for id: BrokerID in 1...3 { record { $0.register(id) } }
        record { $0.register(3) }
        record { $0.put("/a", "1") }
        record { $0.setStatus(2, .offline) }
        #expect(numbers(history.metadata, after: 0) == [1, 2, 3, 4])
        #expect(numbers(history.metadata, after: 3) == [4])
        #expect(history.metadata.entries(after: 3)?.first?.changes == [.brokerOffline(2)])
        #expect(numbers(history.metadata, after: 4) == [])
        #expect(numbers(history.metadata, after: 5) == nil, "nobody can be ahead")
        #expect(numbers(history.keys, after: 0) == [1], "keys have a history of their own")
    }

    @Test mutating func aSweepCountsAsItsKeys() {
        for number in 0..<8 { record { $0.put("/a/\(number % 4)/\(number)") } }
        record { $0.delete("/a/1", recursive: true) }
        #expect(history.keys.floor == 2 && history.keys.last == 9, "two keys push two others out")
        for number in 0..<4 { record { $0.put("/a/9/\(number)") } }
        record { $0.delete("/a", recursive: true) }
        #expect(history.keys.floor == 14, "ten are more than are kept")
    }

    @Test mutating func isBoundedByChanges() {
        for number in 0..<20 { record { $0.put("/\(number)") } }
        #expect(history.keys.floor == 12)
        #expect(numbers(history.keys, after: 11) == nil)
        #expect(numbers(history.keys, after: 12) == Array(13...20))
        record { $0.delete("/", recursive: true) }
        #expect(history.keys.floor == 21, "what does not fit at all is told by the state only")
        #expect(numbers(history.keys, after: 21) == [])
        record { $0.put("/a") }
        #expect(numbers(history.keys, after: 21) == [22])
    }

    @Test mutating func isBoundedByBytes() {
        let value = String(repeating: "x", count: 900)
        for _ in 0..<6 { record { $0.put("/a", value) } }
        // A change of a key holds both its values.
        #expect(numbers(history.keys, after: history.keys.floor) == [5, 6])
        #expect(history.keys.byteCount <= 4096)
        record { $0.put("/b", String(repeating: "x", count: 5000)) }
        #expect(history.keys.floor == 7)
        #expect(history.keys.byteCount == 0)
    }

    @Test mutating func beginsBehindARestoredState() {
        let history = ChangeHistory(behind: Counters(version: 7, revision: 9))
        #expect(numbers(history.metadata, after: 6) == nil)
        #expect(numbers(history.metadata, after: 7) == [])
        #expect(numbers(history.keys, after: 9) == [])
    }

    @Test mutating func longHistoriesKeepTheirPlace() {
        for number in 0..<5000 {
            record { $0.put("/\(number % 3)") }
            #expect(history.keys.last == UInt64(number + 1))
        }
        #expect(numbers(history.keys, after: 4995) == [4996, 4997, 4998, 4999, 5000])
    }
}
