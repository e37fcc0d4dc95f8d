import FoundationEssentials
import Raft
import Storage

/// Storage's check of a data directory, as the command prints it.
enum DataVerification {
    static func verify(directory: String, progress: (_ rows: Int) -> Void) throws(CommandFailure) -> String {
        describe(try soundData(directory: directory, progress: progress), directory: directory)
    }

    /// What the check found, if it found nothing wrong.
    static func soundData(
        directory: String, progress: (_ rows: Int) -> Void = { _ in }
    ) throws(CommandFailure) -> Verification {
        let verification: Verification
        do throws(StorageError) {
            verification = try Verification.verify(directory: directory, progress: progress)
        } catch {
            throw CommandFailure(error)
        }
        guard verification.isSound else {
            throw CommandFailure(.dataError, verification.findings.joined(separator: "\n"))
        }
        return verification
    }

    private static func describe(_ found: Verification, directory: String) -> String {
        let log = found.entries == 0 ? "empty" : "\(found.logBase.index.next) to \(found.lastLog.index)"
        var lines = [
            "\(directory): sound",
            "node      \(found.node.map(String.init(describing:)) ?? "none") of cluster \(found.clusterName)",
            "directory \(found.directoryName)",
            "members   \(members(found))",
            "term      \(found.hardState.currentTerm), vote for \(found.hardState.votedFor.map(String.init(describing:)) ?? "nobody")",
            "log       \(log) (\(found.entries) entries)",
            "state     \(found.rows) rows as of entry \(found.applied.index), digest \(found.digest)",
            "files     node.db \(found.databaseBytes) bytes, node.db-wal \(found.walBytes) bytes",
        ]
        if let copy = found.copy { lines.append("copy      \(copy)") }
        if found.tornFrames > 0 {
            lines.append("torn      \(found.tornFrames) frames of a last write that was never acknowledged (harmless)")
        }
        return lines.joined(separator: "\n")
    }

    private static func members(_ found: Verification) -> String {
        guard !found.members.isEmpty else { return "none yet" }
        return found.members.map { member in
            let directory = member.directory.map(String.init(describing:)) ?? "unknown"
            return "\(member.id) (directory \(directory)\(member.isAdmitted ? "" : ", without a vote"))"
        }.joined(separator: ", ")
    }
}

// For people.
extension Verification {
    var directoryName: String {
        directoryID.map(String.init(describing:)) ?? "without a name: written by an earlier release"
    }

    var clusterName: String {
        let name = clusterID ?? "without a name"
        guard let bornAt else { return name }
        return "\(name), born \(Date(timeIntervalSince1970: Double(bornAt) / 1000).formatted(.iso8601))"
    }
}
