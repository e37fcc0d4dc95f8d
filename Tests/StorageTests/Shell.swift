import Foundation
import Glibc
import Testing

/// Somebody's `sqlite3 -readonly`, which waits at its prompt after each answer, in a transaction or not.
final class Shell {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received = Data()

    init(_ database: String) throws {
        // What is written to a shell that has gone must not end the tests.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", "-readonly", database]
        (process.standardInput, process.standardOutput, process.standardError) = (input, output, output)
        try process.run()
    }

    deinit { close() }

    var processID: Int32 { process.processIdentifier }

    /// Its answer, errors as well.
    @discardableResult
    func ask(_ sql: String) throws -> String {
        let end = "end of the answer\n"
        try input.fileHandleForWriting.write(contentsOf: Data("\(sql);\n.print \(end)".utf8))
        while true {
            if let text = String(data: received, encoding: .utf8), text.hasSuffix(end) {
                received = Data()
                return text.dropLast(end.count).trimmingCharacters(in: .newlines)
            }
            let more = output.fileHandleForReading.availableData
            try #require(!more.isEmpty, "the shell has gone")
            received += more
        }
    }

    func close() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }
}
