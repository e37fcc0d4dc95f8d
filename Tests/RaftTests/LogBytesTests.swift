import Testing

@testable import Raft

@Suite struct LogBytesTests {
    @Test("the bytes behind an index are those of the entries behind it, whatever was cut off at either end")
    func bytesBehind() {
        var log = RaftLog()
        func check() {
            var sum = 0
            for index in (log.base.index.number...log.last.index.number).reversed() {
                #expect(log.bytes(behind: LogIndex(index)) == sum)
                if index > log.base.index.number { sum += log[LogIndex(index)].size }
            }
            #expect(log.byteCount == sum)
        }
        check()
        log.append((1...9).map { entry($0, 1, [UInt8](repeating: 0, count: Int($0))) }, write: WriteID(1))
        check()
        log.truncate(from: LogIndex(7))
        check()
        log.persisted(through: WriteID(1))
        log.compact(through: LogIndex(3))
        check()
        log.append([entry(7, 2, [1, 2, 3])], write: WriteID(2))
        check()
        log.truncate(from: LogIndex(4))
        check()
        log.reset(to: position(3, 20), PlacedConfiguration())
        check()
    }
}
