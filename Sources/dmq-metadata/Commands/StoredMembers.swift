import FoundationEssentials
import Raft
import Server
import Storage

/// The list of members in a data directory, for people who stopped its node.
enum StoredMembers {
    static func change(directory: String, servicesFile: String) throws(CommandFailure) -> String {
        let ids = try ServicesFile.members(of: servicesFile).map(\.id)
        do throws(StorageError) {
            guard
                let change = try NodeStore.changeMembers(directory: directory, to: ids, newDirectory: .random())
            else {
                return "\(directory): holds no node's data, so there is nothing to change"
            }
            let before = list(change.before)
            return change.before == change.after
                ? "node \(change.node): members \(before), as before"
                : "node \(change.node): members \(before) → \(list(change.after))"
        } catch {
            throw CommandFailure(error)
        }
    }

    private static func list(_ ids: [NodeID]) -> String { ids.map(\.description).joined(separator: ", ") }

    static func show(directory: String) throws(CommandFailure) -> String {
        let found = try DataVerification.soundData(directory: directory)
        var table = Table("MEMBER", "DIRECTORY", "VOTE", "START")
        for member in found.members {
            table.add(
                "\(member.id)", member.directory.map(String.init(describing:)) ?? "unknown",
                member.isAdmitted ? "yes" : "no", member.run.map { "\($0.number)" } ?? "-")
        }
        var lines = [
            "node      \(found.node.map(String.init(describing:)) ?? "none")",
            "directory \(found.directoryName)",
            "cluster   \(found.clusterName)",
        ]
        if let copy = found.copy { lines.append("copy      \(copy)") }
        return (lines + [found.members.isEmpty ? "no members are stored yet" : table.text]).joined(separator: "\n")
    }
}
