import Logging
import Metadata
import Raft
import Storage
import Wire

// The members follow the latest configuration in the log, committed or not (dissertation §4.1). Before the first one they
// are those of services.json.
extension Node {
    func configurationChanged(_ placed: PlacedConfiguration, isCommitted: Bool) {
        let configuration = placed.configuration
        guard placed.index > .zero else { return }
        if isCommitted {
            logger.info(
                configuration.isJoint ? "👥 the change of the members is agreed on" : "👥 members",
                metadata: [
                    "voters": "\(configuration.voters)", "members": "\(configuration.ids)", "index": "\(placed.index)",
                ])
        }
        followConfiguration()
        guard isCommitted, !configuration.isJoint, wasMember, raft.role != .leader else { return }
        // On another directory than the one that is listed it follows, and is let in again.
        if !configuration.contains(id) { leaveCluster() }
    }

    /// Takes members, addresses and directories from the configuration.
    func followConfiguration() {
        let configuration = raft.configuration
        guard raft.hasConfiguration else { return }
        let own = configuration.member(id, on: identity.directory)
        let isVoter = own.map { $0.role != .learner } ?? false
        let wasVoter = identity.isAdmitted
        if own != nil { wasMember = true }
        // Who left is fed until it knows.
        let departing = raft.followers.map(\.id).filter { !configuration.contains($0) }
        let ids = Set(configuration.ids + departing + [id]).sorted()
        changeIdentity { identity in
            identity.isSettled = true
            identity.members = ids.map { member in
                var known = identity[member] ?? KnownMember(id: member)
                if member == id {
                    known.isAdmitted = isVoter
                    known.directory = identity.directory
                } else if let listed = configuration.members.last(where: { $0.id == member }) {
                    if known.directory != listed.directory {
                        known = KnownMember(id: member, directory: listed.directory)
                    }
                    known.isAdmitted = listed.role != .learner
                }
                return known
            }
        }
        for (member, directory) in guests where identity[member]?.directory == directory { guests[member] = nil }
        updateMembers()
        updateElectorate()
        if isVoter != wasVoter { askEverybody() }
    }

    /// Whom this node talks to, and where.
    func updateMembers() {
        let configuration = raft.configuration
        guard raft.hasConfiguration else { return }
        var present = configuration.members.filter { $0.role != .leaving || !isJoining($0.id, configuration) }.map(
            Member.init)
        for known in members where !present.contains(where: { $0.id == known.id }) {
            if raft.followers.contains(where: { $0.id == known.id }) || known.id == id { present.append(known) }
        }
        if case .contacting(let newcomer, _)? = operation?.phase,
            !present.contains(where: { $0.id == newcomer.id }) || isReplacing(newcomer.id)
        {
            present.removeAll { $0.id == newcomer.id }
            present.append(newcomer)
        }
        present.sort { $0.id < $1.id }
        guard present != members else { return }
        let before = members.map(\.id)
        members = present
        network.membersChanged(members)
        for member in introductionsDue.keys where self.member(member) == nil { introductionsDue[member] = nil }
        for member in members where !before.contains(member.id) {
            introductionsDue[member.id] = (now.instant, .milliseconds(25))
        }
    }

    private func isJoining(_ id: NodeID, _ configuration: Configuration) -> Bool {
        configuration.members.contains { $0.id == id && $0.role == .joining }
    }

    private func isReplacing(_ id: NodeID) -> Bool {
        if case .replace(_, let member)? = operation?.request.change { member.id == id } else { false }
    }

    /// The others agreed that this node is none of them any more. It ends in words, and disturbs nobody.
    func leaveCluster() {
        refuseToGoOn(
            "node \(id) was removed from cluster \(identity.clusterID ?? ""). Its data are not needed there any more. To let "
                + "it in again: empty its data directory, start it, and \"dmq-metadata member add \(id) HOST:PORT\".")
    }
}

extension Member {
    public init(_ member: Configuration.Member) {
        self.init(
            id: member.id, host: member.host, port: member.port,
            url: member.url ?? Self.url(host: member.host, port: member.port))
    }
}

extension Configuration.Member {
    init(_ member: Member, directory: DirectoryID?, role: Configuration.Role) {
        let usual = Member.url(host: member.host, port: member.port)
        self.init(
            id: member.id, directory: directory, role: role, host: member.host, port: member.port,
            url: member.url == usual ? nil : member.url)
    }
}

extension PlacedConfiguration {
    /// What the state holds of the members; `nil` for nothing.
    init?(_ members: Counters.Members?) {
        guard let members, let configuration = Configuration(text: members.text) else { return nil }
        self.init(index: LogIndex(members.index), configuration)
    }
}
