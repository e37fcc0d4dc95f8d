import Testing

@testable import Metadata

@Suite struct ChangeHistoryTests {
    private var machine = Machine()
    private var history = ChangeHistory(behind: Counters(), maximumChanges: 8)

    private mutating func record(_ change: (inout Machine) -> Outcome) {
        let outcome = change(&machine)
        history.record(outcome, counters: machine.state.counters)
    }

    private func versions(_ history: ChangeHistory, after version: UInt64) -> [UInt64]? {
        history.entries(after: version).map { $0.map(\.version) }
    }

    @Test mutating func isResumedFromAnyVersionItHas() {
        for id: BrokerID in 1...3 { record { $0.register(id) } }
        record { $0.register(3) }
        record { $0.put("/a", "1") }
        record { $0.setStatus(2, .offline) }
        #expect(versions(history, after: 0) == [1, 2, 3, 4])
        #expect(versions(history, after: 3) == [4])
        #expect(history.entries(after: 3)?.first?.changes == [.brokerOffline(2)])
        #expect(versions(history, after: 4) == [])
        #expect(versions(history, after: 5) == nil, "nobody can be ahead")
    }

    @Test mutating func isBoundedByChanges() {
        for id: BrokerID in 1...12 { record { $0.register(id) } }
        // A broker is registered, and ONLINE.
        #expect(history.floor == 8)
        #expect(versions(history, after: 7) == nil)
        #expect(versions(history, after: 8) == Array(9...12))
        // A broker that fails changes all that it led.
        record { $0.create("t", partitions: 12, replicas: 1) }
        record { $0.create("u", partitions: 120, replicas: 1) }
        record { $0.setStatus(1, .offline) }
        #expect(history.floor == 15, "what does not fit at all is told by the state only")
        record { $0.register(20) }
        #expect(versions(history, after: 15) == [16])
    }

    @Test mutating func beginsBehindARestoredState() {
        let history = ChangeHistory(behind: Counters(version: 7, revision: 9))
        #expect(versions(history, after: 6) == nil)
        #expect(versions(history, after: 7) == [])
    }

    @Test mutating func longHistoriesKeepTheirPlace() {
        record { $0.register(1) }
        for number in 2...5000 {
            record { $0.setStatus(1, number % 2 == 0 ? .offline : .online) }
            #expect(history.last == UInt64(number))
        }
        #expect(versions(history, after: 4995) == [4996, 4997, 4998, 4999, 5000])
    }
}
