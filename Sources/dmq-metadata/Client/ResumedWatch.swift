import FoundationEssentials
import HTTP

/// A watch of keys that goes on where it was, on any node, when the one that told it has ended.
struct ResumedWatch {
    /// Path and query of the watch, without where it begins.
    let path: String
    private var position: Position
    /// The beginning of a line.
    private var rest: [UInt8] = []

    /// What has been told. A node that takes over tells the last revision again, as far as it was told too.
    private struct Position {
        /// All up to there; `nil` until a node has said where the watch begins.
        var complete: UInt64?
        /// How many changes of the revision behind it.
        var told = 0
        /// How many of them will come again.
        var repeated = 0
    }

    init(path: String, after revision: UInt64?) {
        self.path = path
        position = Position(complete: revision)
    }

    /// Begins it, or goes on.
    mutating func request() -> ClientRequest {
        rest = []
        position.repeated = position.told
        return .get(path + (position.complete.map { "&after=\($0)" } ?? ""))
    }

    /// - Parameter tell: Called for each line that is new, with what it says.
    mutating func take(
        _ bytes: [UInt8], _ tell: (String, WatchLineAnswer) throws(CommandFailure) -> Void
    ) throws(CommandFailure) {
        rest += bytes
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let line = String(decoding: rest[..<end], as: UTF8.self)
            rest.removeSubrange(...end)
            guard let answer = try? JSONDecoder().decode(WatchLineAnswer.self, from: Data(line.utf8)) else {
                throw CommandFailure(.failure, "a line of the server is not what was expected: \(line.prefix(200))")
            }
            if note(answer) { try tell(line, answer) }
        }
    }

    /// False for what has been told before.
    private mutating func note(_ line: WatchLineAnswer) -> Bool {
        if let revision = line.modRevision {
            if position.complete.map({ revision > $0 + 1 }) ?? true {
                position = Position(complete: revision - 1)
            } else if position.repeated > 0 {
                position.repeated -= 1
                return false
            }
            position.told += 1
        } else if let revision = line.revision, position.complete.map({ revision > $0 }) ?? true {
            position = Position(complete: revision)
        }
        return true
    }
}
