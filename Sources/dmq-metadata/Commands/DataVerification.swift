import Raft
import Storage

/// Storage's check of a data directory, as the command prints it.
enum DataVerification {
    static func verify(directory: String, progress: (_ rows: Int) -> Void) throws(CommandFailure) -> String {
        guard case .bytes = readFile(directory + "/node.db") else {
            throw CommandFailure(.ioError, "\(directory): there is no readable node.db in it")
        }
        return ""
    }
}
