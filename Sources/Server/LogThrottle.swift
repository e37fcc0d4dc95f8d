import Logging
import Raft
import Wire

/// Bounds what others can make this node log: of each kind of line the first at once, then one in ten seconds, with the
/// number of those that were left out.
struct LogThrottle {
    enum Kind: Hashable {
        case refusedMessage, contradiction, digests, unreadableChunk, unknownPartition, shortLog
        /// Of one member; strangers are all the same.
        case misfit(Misfit, of: NodeID?)
        /// What this node waits for, without the numbers in it.
        case waiting(String)
    }

    static let pause: Duration = .seconds(10)

    private var lines: [Kind: (notBefore: Instant, suppressed: Int)] = [:]

    /// How many lines of this kind were left out before this one; `nil` if this one is to be left out too.
    mutating func admit(_ kind: Kind, at now: Instant) -> Int? {
        let line = lines[kind]
        if let line, now < line.notBefore {
            lines[kind]?.suppressed += 1
            return nil
        }
        lines[kind] = (now.advanced(by: Self.pause), 0)
        return line?.suppressed ?? 0
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
