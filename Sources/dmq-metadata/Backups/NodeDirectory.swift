import FoundationEssentials
import Glibc
import Raft
import Server
import Storage

/// Where a node's data are when nobody says it: the unit's place where it is installed, else where `serve` has it.
enum NodeDirectory {
    static func path(of node: UInt64, given: String?) -> String {
        if let given { return given }
        for parent in ["/var/lib/private/dmq-metadata", "/var/lib/dmq-metadata"] where access(parent, F_OK) == 0 {
            return "\(parent)/\(node)"
        }
        return "data/node\(node)"
    }

    /// The time in the name of a file or of a place that things are moved to.
    static var stamp: String {
        String(
            Timestamp.format(.milliseconds(RunningNode.unixMilliseconds)).prefix(19).filter { $0 != "-" && $0 != ":" })
            + "Z"
    }
}

/// Shows rows on a terminal, once that takes longer than a moment.
struct RowProgress {
    let text: String
    private let began = ContinuousClock.now

    init(_ text: String) { self.text = text }

    func show(_ rows: Int) {
        if ContinuousClock.now - began > .seconds(1) { LineOutput.standardError.showProgress("\(text): \(rows) rows") }
    }

    func end() { LineOutput.standardError.showProgress(nil) }
}

/// Storage's errors as ways to end a command.
func asFailure<Result>(_ body: () throws(StorageError) -> Result) throws(CommandFailure) -> Result {
    do throws(StorageError) { return try body() } catch { throw CommandFailure(error) }
}
