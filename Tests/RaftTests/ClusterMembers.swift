@testable import Raft

// Members that come and go, and disks that are lost.
extension Cluster {
    /// An operator wants other members, whatever state the cluster is in.
    func changeMembers() {
        guard let leader, let raft = process(leader)?.raft.configuration else { return }
        let wanted: Configuration
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<2: wanted = pinned(raft)
        case 2..<4: wanted = with(learner: pick(voters)!, raft)
        default: wanted = anyVoters()
        }
        step(leader, .reconfigure(wanted, isForced: chance(0.2)))
    }

    private func member(_ id: NodeID, _ role: Configuration.Role) -> Configuration.Member {
        Configuration.Member(id: id, directory: members[at(id)].directory, role: role)
    }

    /// The same ids, on the directories where they are now.
    private func pinned(_ configuration: Configuration) -> Configuration {
        Configuration(configuration.ids.map { member($0, .voter) })
    }

    private func with(learner: NodeID, _ configuration: Configuration) -> Configuration {
        var members = configuration.members
        if !configuration.contains(learner) { members.append(member(learner, .learner)) }
        return Configuration(members)
    }

    private func anyVoters() -> Configuration {
        let chosen = voters.filter { _ in chance(0.6) }
        let learners = voters.filter { !chosen.contains($0) && chance(0.4) }
        return Configuration(
            (chosen.isEmpty ? [voters[0]] : chosen).map { member($0, .voter) }
                + learners.map { member($0, .learner) })
    }

    /// A disk may be lost when the cluster can spare it: three voters or more, all of them where they should be, and no
    /// change under way.
    func loseDisk() {
        guard let leader, let process = process(leader) else { return }
        let latest = process.raft.log.configurations.latest
        let voters = latest.configuration.members.filter { $0.role == .voter }
        let isWhole = voters.allSatisfy { voter in
            voter.directory == members[at(voter.id)].directory
                && (members[at(voter.id)].process?.raft.log.configurations.latest == latest)
                && (members[at(voter.id)].process?.raft.log.durableIndex ?? .zero) >= process.raft.commitIndex
        }
        guard latest.index > .zero, latest.index <= process.raft.commitIndex, !latest.configuration.isJoint,
            voters.count >= 3, isWhole, let lost = pick(voters)?.id
        else { return }
        lose(lost)
    }

    /// Goes on asking until nobody is missing, as the leader of a cluster does that lets emptied members in again.
    func repairMembers() {
        guard let leader, let raft = process(leader)?.raft.configuration else { return }
        step(leader, .reconfigure(pinned(raft), isForced: false))
    }
}
