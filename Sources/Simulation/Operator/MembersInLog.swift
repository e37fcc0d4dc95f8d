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
}
