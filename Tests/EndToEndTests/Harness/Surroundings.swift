import Foundation
import Glibc
import Testing

/// What the tests are told from outside.
enum Surroundings {
    /// The program under test: `DMQ_BINARY`, else the one that was built along with the tests.
    static let binary: String = {
        if let path = variable("DMQ_BINARY") { return URL(fileURLWithPath: path).path }
        let tests = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? "."
        return URL(fileURLWithPath: tests).deletingLastPathComponent().appendingPathComponent("dmq-metadata").path
    }()

    static let isContinuousIntegration = variable("CI") != nil

    static func variable(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    static func number(_ name: String, default value: Int) -> Int { variable(name).flatMap { Int($0) } ?? value }

    /// What a test needs of the machine and does not have: a failure where it must be there, else a printed skip.
    static func skip(_ reason: String) throws {
        if isContinuousIntegration { throw Failure("this must not be missing in CI: \(reason)") }
        try Test.cancel("\(reason)")
    }
}

struct Failure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Looks for something, again and again, up to a deadline. An error of the transport is "not yet".
@discardableResult
func eventually<Value>(
    _ what: String, within patience: Duration = .seconds(60), _ look: () throws -> Value?
) throws -> Value {
    let deadline = ContinuousClock.now + patience
    var reason = ""
    repeat {
        do {
            if let value = try look() { return value }
        } catch let error as TransportError {
            reason = " (\(error))"
        }
        pause(milliseconds: 20)
    } while ContinuousClock.now < deadline
    throw Failure("not within \(patience): \(what)\(reason)")
}

func eventually(_ what: String, within patience: Duration = .seconds(60), that look: () throws -> Bool) throws {
    try eventually(what, within: patience) { try look() ? true : nil }
}

/// Between two looks.
func pause(milliseconds: Int32) { poll(nil, 0, milliseconds) }

/// Remembers that the running test recorded an issue, so that the nodes' logs can be shown with it.
enum Issues {
    static let count = Count()

    final class Count: @unchecked Sendable {
        private let lock = NSLock()
        private var number = 0
        var now: Int { lock.withLock { number } }
        func increment() { lock.withLock { number += 1 } }
    }
}

extension Trait where Self == IssueHandlingTrait {
    static var noticingIssues: Self {
        .compactMapIssues { issue in
            Issues.count.increment()
            return issue
        }
    }
}
