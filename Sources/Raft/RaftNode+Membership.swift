import Defects

// Changes of the members (dissertation chapter 4): joint consensus (§4.3) for every change of voters, one entry for
// everything else. A leader has committed an entry of its own term first, and one change is under way at a time.

/// Why the members can not be changed as wanted. Nothing happened.
public enum ReconfigurationRefusal: Error, Equatable, Sendable {
    case notLeader
    /// The opening entry of the leader's term is not committed yet.
    case notReady
    /// The change at this index is not committed, or joint, or leadership is being handed over.
    case changeInProgress(LogIndex)
    /// What is wrong with what is wanted.
    case invalid(String)
    /// They would hold up every commit.
    case notCaughtUp([NodeID])
    /// Of so many voters only these were heard, less than a majority.
    case wouldLoseQuorum(heard: [NodeID], voters: [NodeID])
}

extension RaftNode {
    /// The latest in the log, committed or not: it counts from the moment it is there (§4.1).
    public var configuration: Configuration {
        if Defect.configurationCountsWhenCommitted.isOn { return log.configurations.at(commitIndex).configuration }
        return log.configurations.latest.configuration
    }
    /// Whether the members are in the log; else they are those of the list that the cluster was started with.
    public var hasConfiguration: Bool { log.configurations.latest.index > .zero }
    /// All that have a vote, this node included if it has one, in ascending order.
    public var voters: [NodeID] { configuration.voters }

    // Counting

    var quorum: Quorum { leadership?.quorum ?? presentQuorum }

    private var presentQuorum: Quorum {
        let own: Halves = Defect.outsideLeaderCountsItself.isOn ? [.incoming, .outgoing] : halves(of: id)
        return Quorum(configuration, own: own)
    }

    /// In which sets of voters the word of that node counts, as what it is at present: a directory that is none of the
    /// configuration's has forgotten votes and entries, whatever its id is.
    func halves(of node: NodeID) -> Halves {
        guard node == id || !nonVoting.contains(node) else { return [] }
        let present = node == id ? directory : directories[node]
        return halves(of: node, on: present, in: configuration)
    }

    private func halves(of node: NodeID, on present: DirectoryID?, in configuration: Configuration) -> Halves {
        var halves: Halves = []
        for member in configuration.members where member.id == node {
            let isIt = member.directory == nil || present == nil && node == id || member.directory == present
            if isIt { halves.formUnion(member.halves) }
        }
        return halves
    }

    /// Whether this node may be needed as a leader: as a voter; or as one that its latest configuration leaves out, as long
    /// as that may still give way to the one before (§4.2.2).
    var isElectable: Bool {
        if !halves(of: id).isEmpty { return true }
        let history = log.configurations
        guard history.latest.index > commitIndex, let before = history.previous else { return false }
        return !halves(of: id, on: directory, in: before.configuration).isEmpty
    }

    /// The members, or who of them answers, are others than before.
    mutating func recount() {
        guard let current = leadership else { return }
        let configuration = configuration
        var peers = current.peers
        for position in peers.indices {
            peers[position].halves = halves(of: peers[position].id)
            peers[position].isDeparting = !configuration.contains(peers[position].id)
        }
        for member in configuration.ids where member != id && !peers.contains(where: { $0.id == member }) {
            peers.append(
                Progress(id: member, halves: halves(of: member), nextIndex: log.last.index.next, at: now.instant))
        }
        leadership?.peers = peers.sorted { $0.id < $1.id }
        let quorum = presentQuorum
        leadership?.count(by: quorum, at: now.instant)
    }

    /// Who left is fed until it knows, or is not heard any more.
    mutating func dropDeparted() {
        let latest = log.configurations.latest.index
        guard latest <= commitIndex, var peers = leadership?.peers else { return }
        let (now, timeout) = (now.instant, settings.electionTimeout)
        peers.removeAll { $0.isDeparting && $0.mayBeForgotten(knowing: latest, silentFor: timeout, at: now) }
        leadership?.peers = peers
    }

    // Changing

    mutating func reconfigure(to target: Configuration, isForced: Bool, _ effects: inout EffectBuffer) {
        if let refusal = refusal(of: target, isForced: isForced) {
            effects.emit(.reconfigurationRefused(refusal))
            return
        }
        effects.emit(.reconfiguring(from: log.last.index.next))
        let isSimple = configuration.hasVoters(of: target) || Defect.singleStepSwap.isOn
        append(isSimple ? target : configuration.joint(with: target), &effects)
    }

    /// Why these can not become the members now; `nil` if they can.
    public func refusal(of target: Configuration, isForced: Bool = false) -> ReconfigurationRefusal? {
        guard let leadership else { return .notLeader }
        guard isLeaderReady else { return .notReady }
        let latest = log.configurations.latest
        let isBusy = latest.index > commitIndex || latest.configuration.isJoint
        guard !isBusy, leadership.transfer == nil else { return .changeInProgress(latest.index) }
        if let fault = target.fault { return .invalid(fault) }
        guard !target.isJoint else { return .invalid("a joint configuration is not for asking") }
        if let nameless = target.members.first(where: { $0.directory == nil }) {
            return .invalid("the directory of node \(nameless.id) is not known")
        }
        guard !configuration.hasVoters(of: target) else { return nil }
        if !isForced {
            let late = target.members.filter { $0.role == .voter && !isCaughtUp($0) }
            guard late.isEmpty else { return .notCaughtUp(late.map(\.id)) }
        }
        return isForced ? nil : quorumLost(by: target)
    }

    /// Whether it has a vote already, or its log follows this one's.
    private func isCaughtUp(_ member: Configuration.Member) -> Bool {
        if configuration.member(member.id, on: member.directory)?.role == .voter || member.id == id { return true }
        if Defect.promotesWithoutCatchUp.isOn { return true }
        guard directories[member.id] == member.directory || directories.isEmpty,
            let peer = leadership?.peers.first(where: { $0.id == member.id })
        else { return false }
        return peer.state == .replicate && peer.catchUp.isDone
    }

    /// Whoever does not answer now would not answer then either.
    private func quorumLost(by target: Configuration) -> ReconfigurationRefusal? {
        guard let leadership else { return .notLeader }
        let voters = target.voters
        let heard = voters.filter { voter in
            if voter == id { return true }
            guard let position = leadership.position(of: voter) else { return false }
            return leadership.hasHeard(position, within: settings.electionTimeout, at: now.instant)
        }
        return heard.count >= Quorum.size(of: voters.count) ? nil : .wouldLoseQuorum(heard: heard, voters: voters)
    }

    private mutating func append(_ configuration: Configuration, _ effects: inout EffectBuffer) {
        precondition(configuration.fault == nil, "a configuration with \(configuration.fault ?? "")")
        let before = log.configurations.latest
        precondition(
            before.index == .zero || before.configuration.mayBeFollowed(by: configuration)
                || Defect.singleStepSwap.isOn,
            "voters \(before.configuration.voters) can not be followed by \(configuration.voters)")
        append([Proposal(type: LogEntry.configuration, data: Array(configuration.text.utf8))])
        let known = leadership?.peers.map(\.id) ?? []
        recount()
        replicateToAll(&effects)
        for peer in configuration.ids where peer != id && !known.contains(peer) { resumeProbe(of: peer, &effects) }
    }

    /// A joint configuration is left as soon as it is committed, also by a leader that found it in its log (§4.3); and a
    /// leader that is no voter any more goes when that is committed, not before (§4.2.2).
    mutating func continueReconfiguration(_ effects: inout EffectBuffer) {
        let latest = log.configurations.latest
        guard hasConfiguration, let leadership, leadership.transfer == nil, isLeaderReady,
            latest.index <= commitIndex || Defect.jointLeftUncommitted.isOn && latest.configuration.isJoint
        else { return }
        if Defect.newLeaderForgetsJoint.isOn, log.term(at: latest.index) != currentTerm { return }
        if latest.configuration.isJoint {
            append(latest.configuration.settled, &effects)
            advanceCommit(&effects)
        } else if halves(of: id).isEmpty, !Defect.removedLeaderStays.isOn {
            noticeCommit(&effects)
            abdicate(&effects)
        }
    }
}
