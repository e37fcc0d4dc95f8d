import Metadata
import Raft
import Server

// An operator puts the members into the log, as the README says for a cluster whose nodes all run this release.
extension Operator {
    /// Asks until it is done.
    func putMembersIntoLog() {
        cluster.timeline.schedule(after: random.time(milliseconds: 300...5000)) { [self] in
            if cluster.listed.contains(where: { $0.process?.raft.hasConfiguration ?? false }) {
                return cluster.counts.count(.membersInLog)
            }
            cluster.leader?.post(
                .changeMembers(MembershipRequest(.setFeature("kraft.version", level: 1))) { [cluster] result in
                    cluster.trace.note(.phase, "members into the log: \(result)")
                })
            putMembersIntoLog()
        }
    }

    /// Whether the cluster has agreed, where the members are in the log, on the directories that are there, and on nothing
    /// else since: between two configurations a majority of each is needed, of the one before also on a directory that is lost.
    var areAllVotersInLog: Bool {
        guard let members = cluster.ledger.metadata.counters.members,
            let configuration = Configuration(text: members.text)
        else { return true }
        return cluster.listed.allSatisfy { node in
            let member = configuration.member(node.id, on: node.image.identity?.directory)
            return member?.role == .voter && !node.isChangingMembers(after: cluster.ledger.last)
        }
    }
}

extension SimulatedNode {
    /// Whether it has a configuration behind what is known to be committed.
    fileprivate func isChangingMembers(after committed: LogIndex) -> Bool {
        if let process, process.raft.log.configurations.latest.index > committed { return true }
        return image.entries.contains { $0.index > committed && $0.type == LogEntry.configuration }
    }
}
