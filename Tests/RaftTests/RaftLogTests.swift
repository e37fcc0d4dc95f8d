import Testing

@testable import Raft

/// The log against a dumb one: a dictionary, and a list of what each write carried.
@Suite struct RaftLogTests {
    struct DumbLog {
        var base = LogPosition.zero
        var entries: [UInt64: LogEntry] = [:]
        var writes: [UInt64: UInt64] = [:]
        var persisted: UInt64 = 0

        var last: UInt64 { entries.keys.max() ?? base.index.number }
        var durable: UInt64 {
            var index = base.index.number
            while let write = writes[index + 1], write <= persisted { index += 1 }
            return index
        }
        func term(_ index: UInt64) -> UInt64? {
            index == base.index.number ? base.term.number : entries[index]?.term.number
        }
    }

    @Test(arguments: 1...25) func agreesWithADumbLog(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var log = RaftLog()
        var dumb = DumbLog()
        var write: UInt64 = 0
        for _ in 0..<200 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0..<5:
                write += 1
                let first = dumb.last + 1
                let term = max(log.last.term.number, 1) + UInt64.random(in: 0...1, using: &random)
                let new = (first..<first + UInt64.random(in: 1...4, using: &random)).map { entry($0, term, [1, 2]) }
                log.append(new, write: WriteID(write))
                for entry in new {
                    dumb.entries[entry.index.number] = entry
                    dumb.writes[entry.index.number] = write
                }
            case 5 where dumb.last > dumb.durable:
                let from = UInt64.random(in: dumb.base.index.number + 1...dumb.last + 1, using: &random)
                log.truncate(from: LogIndex(from))
                for index in from..<max(from, dumb.last + 1) {
                    dumb.entries[index] = nil
                    dumb.writes[index] = nil
                }
            case 6..<8 where write > dumb.persisted:
                dumb.persisted = UInt64.random(in: dumb.persisted...write, using: &random)
                log.persisted(through: WriteID(dumb.persisted))
            case 8:
                let through = UInt64.random(in: dumb.base.index.number...dumb.durable, using: &random)
                log.compact(through: LogIndex(through))
                if let term = dumb.term(through) {
                    for index in dumb.base.index.number...through {
                        dumb.entries[index] = nil
                        dumb.writes[index] = nil
                    }
                    dumb.base = position(term, through)
                }
            default: break
            }
            compare(log, dumb)
        }
    }

    /// One expectation for all: thousands of them would take most of the time.
    func compare(_ log: RaftLog, _ dumb: DumbLog) {
        var differences: [String] = []
        func check(_ holds: Bool, _ what: @autoclosure () -> String) { if !holds { differences.append(what()) } }
        check(log.base == dumb.base && log.last.index.number == dumb.last, "bounds")
        check(log.durableIndex.number == dumb.durable, "durable \(log.durableIndex), not \(dumb.durable)")
        check(log.byteCount == dumb.entries.values.reduce(0) { $0 + $1.size }, "bytes")
        for index in 0...dumb.last + 2 {
            check(log.term(at: LogIndex(index))?.number == dumb.term(index), "term at \(index)")
            if let found = dumb.entries[index] {
                check(log[LogIndex(index)] == found, "entry \(index)")
                check(log.write(of: LogIndex(index)).number == dumb.writes[index], "write of \(index)")
            }
        }
        let terms = log.last.term.number
        for term in terms - min(terms, 3)...terms + 1 {
            let last = (dumb.base.index.number...dumb.last).last { dumb.term($0) == term && $0 > 0 }
            let found = log.lastIndex(of: Term(term), before: LogIndex(dumb.last + 5))?.number
            check(found == last, "last of term \(term)")
        }
        #expect(differences.isEmpty)
    }

    @Test func sliceIsBoundedButNeverEmpty() {
        let log = RaftLog(entries: (1...10).map { entry($0, 1, [UInt8](repeating: 0, count: 36)) })
        func count(_ from: UInt64, _ entries: Int, _ bytes: Int) -> Int {
            log.slice(from: LogIndex(from), maximumCount: entries, maximumBytes: bytes).count
        }
        #expect(count(1, 4, 10_000) == 4)
        #expect(count(1, 100, 300) == 3)
        #expect(count(1, 100, 1) == 1)
        #expect(count(9, 100, 10_000) == 2)
        #expect(count(11, 100, 10_000) == 0)
    }

    @Test func resetForgetsPendingWrites() {
        var log = RaftLog()
        log.append([entry(1, 1)], write: WriteID(1))
        log.reset(to: position(3, 9), PlacedConfiguration())
        log.persisted(through: WriteID(1))
        #expect(log.last == position(3, 9) && log.durableIndex == LogIndex(9) && log.byteCount == 0)
        #expect(log.firstIndex == LogIndex(10) && log.contains(position(3, 9)) && !log.contains(LogIndex(9)))
    }

    @Test func firstIndexOfATerm() {
        let log = RaftLog(base: position(2, 4), entries: [entry(5, 2), entry(6, 3), entry(7, 3), entry(8, 5)])
        #expect([5, 6, 7, 8].map { log.firstIndex(ofTermAt: LogIndex($0)).number } == [5, 6, 6, 8])
    }
}
