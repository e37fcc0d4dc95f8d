import Logging
import Raft

/// Bounds what others can make this node log: of each kind of line the first at once, then one in ten seconds, with the
/// number of those that were left out.
struct LogThrottle {
    enum Kind: Int, CaseIterable {
        case refusedMessage, foreignMessage, contradiction, digests, unreadableChunk, unknownPartition
    }

    static let pause: Duration = .seconds(10)

    private struct Line {
        var notBefore: Instant?
        var suppressed = 0
    }

    private var lines = Array(repeating: Line(), count: Kind.allCases.count)

    /// How many lines of this kind were left out before this one; `nil` if this one is to be left out too.
    mutating func admit(_ kind: Kind, at now: Instant) -> Int? {
        let line = lines[kind.rawValue]
        if let notBefore = line.notBefore, now < notBefore {
            lines[kind.rawValue].suppressed += 1
            return nil
        }
        lines[kind.rawValue] = Line(notBefore: now.advanced(by: Self.pause))
        return line.suppressed
    }
}

extension Node {
    /// Logs a line that others can cause as often as they like.
    func log(
        _ kind: LogThrottle.Kind, _ level: Logger.Level, _ message: @autoclosure () -> String,
        _ metadata: @autoclosure () -> Logger.Metadata = [:]
    ) {
        guard let suppressed = throttle.admit(kind, at: now.instant) else { return }
        var fields = metadata()
        if suppressed > 0 { fields["suppressed"] = "\(suppressed)" }
        logger.log(level: level, "\(message())", metadata: fields)
    }
}
