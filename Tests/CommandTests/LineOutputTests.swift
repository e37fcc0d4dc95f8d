import Dispatch
import Glibc
import Synchronization
import Testing

@testable import dmq_metadata

@Suite struct LineOutputTests {
    /// What a pipe's reader has read, on a thread of its own, from the moment that it begins.
    private final class Reader: Sendable {
        private let bytes = Mutex<[UInt8]>([])
        private let group = DispatchGroup()

        init(_ descriptor: Int32) {
            DispatchQueue(label: "test.reader").async(group: group) { [self] in
                guard case .success(let all) = readToEnd(descriptor) else { return }
                bytes.withLock { $0 = all }
            }
        }

        /// After the end of the pipe.
        var lines: [String] {
            group.wait()
            return String(decoding: bytes.withLock { $0 }, as: UTF8.self).split(separator: "\n").map(String.init)
        }
    }

    private static let line = String(repeating: "x", count: 1000)

    @Test func readerWhoDoesNotReadLosesLinesAndIsTold() throws {
        let pipe = try TestPipe()
        let output = LineOutput(descriptor: pipe.writeEnd)
        output.describeLoss { "lost \($0)" }
        // Twice what the queue holds, beside the 64 KiB of the pipe.
        let count = 2 * LineOutput.capacity / (Self.line.utf8.count + LineOutput.lineOverhead) + 100
        for number in 0..<count { output.writeLine("\(number) \(Self.line)") }
        let lost = output.lostLines
        #expect(lost > 0 && lost < count)

        let reader = Reader(pipe.readEnd)
        output.flush(limit: .seconds(60))
        output.writeLine("again")
        output.flush(limit: .seconds(60))
        #expect(pipe.closeAndForget())
        // Numbers in order; where some are missing, a line that says how many.
        var next = 0
        for line in reader.lines.dropLast() {
            let words = line.split(separator: " ")
            if words[0] == "lost" {
                next += try #require(Int(words[1]))
            } else {
                #expect(words[0] == "\(next)")
                next += 1
            }
        }
        #expect(next == count)
        #expect(reader.lines.last == "again")
        #expect(output.lostLines == lost)
    }

    @Test func lossIsToldInItsPlace() {
        var queue = LineQueue()
        let long = String(repeating: "x", count: LineOutput.capacity - 10 * LineOutput.lineOverhead)
        func append(_ text: String) -> Bool { queue.append(text) { "lost \($0)" } }
        func next() -> String? { queue.next { "lost \($0)" } }
        #expect(append("a"))
        #expect(append(long))
        #expect(!append(long))
        #expect(!append(long))
        #expect(append("b"))
        #expect(!append(long))
        #expect([next(), next(), next(), next(), next(), next()] == ["a", long, "lost 2\n", "b", "lost 1\n", nil])
        #expect(append("c"))
        #expect([next(), next()] == ["c", nil])
    }

    @Test func queueHoldsExactlyItsCapacity() {
        var queue = LineQueue()
        let whole = String(repeating: "x", count: LineOutput.capacity - LineOutput.lineOverhead)
        #expect(!queue.append(whole + "x") { _ in "" })
        _ = queue.next { _ in "" }
        #expect(queue.append(whole) { _ in "" })
        #expect(!queue.append("") { _ in "" })
    }

    @Test func waitForAReaderIsLimited() throws {
        let pipe = try TestPipe()
        let output = LineOutput(descriptor: pipe.writeEnd)
        for _ in 0..<100 { output.writeLine(Self.line) }
        output.flush(limit: .milliseconds(1))
        let reader = Reader(pipe.readEnd)
        output.flush(limit: .seconds(60))
        #expect(pipe.closeAndForget())
        #expect(reader.lines.count == 100)
    }

    @Test func whatCanNotBeWrittenIsAFailure() {
        let full = open("/dev/full", O_WRONLY)
        defer { close(full) }
        #expect(throws: CommandFailure(.ioError, "standard output: No space left on device")) {
            try StandardOutput.write([65], to: full)
        }
    }
}
