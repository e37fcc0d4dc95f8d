/// The process's ways to end (sysexits.h).
enum ExitStatus: Int32, Sendable {
    case success = 0
    /// The server refused, or what was asked for is not so.
    case failure = 1
    case usage = 64
    case dataError = 65
    case unavailable = 69
    case ioError = 74
    case temporaryFailure = 75
    case configuration = 78
}

/// Why a command ends without success: what the operator reads, and what the shell gets.
struct CommandFailure: Error, Equatable, Sendable, CustomStringConvertible {
    var status: ExitStatus
    var description: String

    init(_ status: ExitStatus, _ description: String) {
        self.status = status
        self.description = description
    }

    init(_ error: ConfigurationError) { self.init(.configuration, error.description) }
}
