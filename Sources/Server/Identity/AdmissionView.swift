import Defects
import FoundationEssentials
import Raft
import Wire

/// ``Admission``'s answers looked at by one node at one moment: the rules.
struct AdmissionView {
    let admission: Admission
    let identity: NodeIdentity
    let now: Instant
    let reach: LogPosition
    let isConfigured: Bool

    private var peers: [NodeID] { identity.ids.filter { $0 != identity.node } }
    private var majority: Int { NodeIdentity.majority(of: identity.ids) }
    private var isPatienceOver: Bool { now >= admission.patienceEnds }
    private var introduced: [Introduction] { peers.compactMap(admission.introduction) }
    private var agreeing: [Introduction] {
        introduced.filter { isConfigured || $0.listVersion == identity.listVersion && !$0.hasConfiguration }
    }

    /// Of the same cluster, by the same list.
    private var fellows: [Introduction] { agreeing.filter { $0.cluster == identity.clusterID } }
    /// Those of them whose word counts.
    private var voters: [Introduction] { fellows.filter(\.speaker.isAdmitted) }

    /// Whether nothing more need be waited for from that member.
    private func isSettled(_ peer: NodeID) -> Bool { admission.answers[peer] != nil || isPatienceOver }

    private var isEverybodyHeard: Bool { peers.allSatisfy(isSettled) }

    // The birth of a cluster

    var birth: Admission.Step {
        let empty = agreeing.filter { isEmptyFellow($0) }.map(\.speaker.node)
        let together = (empty + [identity.node]).sorted()
        switch admission.bootstrap {
        case _ where peers.isEmpty: return .found(founders: together)
        case _ where admission.answers.values.contains(.legacy):
            return .wait("a node of the first release is among the members: waiting for the cluster's leader")
        case .never:
            return .wait(
                "this node is empty and kraft.bootstrap is never: it waits for a member with data\(silence)")
        case .force where isEverybodyHeard: return .found(founders: together)
        case .auto where empty.count == peers.count: return begin(together)
        case .auto where isPatienceOver && together.count >= majority: return begin(together)
        case .auto, .force: break
        }
        guard together.count >= majority || admission.bootstrap == .force else {
            return .wait("this node is empty and starts no cluster before a majority of the members is heard\(silence)")
        }
        let seconds = admission.patienceEnds.since(now).components.seconds + 1
        return .wait("a new cluster is started in \(seconds) s\(silence); end this node now if those have data")
    }

    /// It is as empty as this node, and has written down whom it heard.
    private func isEmptyFellow(_ introduction: Introduction) -> Bool {
        (introduction.cluster == nil || Defect.birthBesideData.isOn)
            && introduction[identity.node]?.directory == identity.directory
    }

    /// One of them gives the cluster its name: the lowest, unless it does not come to it.
    private func begin(_ together: [NodeID]) -> Admission.Step {
        let isOverdue = now >= admission.patienceEnds.advanced(by: admission.patience)
        guard together.first == identity.node || isOverdue else {
            return .wait("node \(together[0]) starts the cluster")
        }
        return .found(founders: together)
    }

    private var silence: String {
        let silent = peers.filter { admission.introduction(of: $0) == nil }
        return silent.isEmpty ? "" : "; not heard: " + Self.list(silent)
    }

    static func list(_ ids: [NodeID]) -> String {
        (ids.count == 1 ? "node " : "nodes ") + ids.map(\.description).joined(separator: ", ")
    }

    // The way into a cluster that lives

    var admittance: Admission.Step {
        if Defect.emptyNodeVotes.isOn { return .admit(floor: .zero, spentTerm: .zero) }
        let mine = identity[identity.node]
        let conflicts = voters.filter { known(by: $0).map { $0 != identity.directory } ?? false }
        if let other = conflicts.first {
            guard admission.mayTakePlace, voters.count >= majority else { return .wait(notLetIn(other)) }
            let highest = voters.compactMap { $0[identity.node]?.generation }.max() ?? 0
            if mine?.generation ?? 0 <= highest { return .takePlace(generation: highest + 1) }
            return .wait("waiting for the others to know directory \(identity.directory)")
        }
        let vouching = voters.filter { known(by: $0) == identity.directory }
        let floor = voters.map(\.reach).max() ?? .zero
        // A founder, whose first directory this is: it has nothing to have forgotten.
        if vouching.contains(where: { $0[identity.node]?.isAdmitted ?? false }) {
            return .admit(floor: floor, spentTerm: .zero)
        }
        let isNewcomer = mine?.generation == 0 && !identity.electors.contains(identity.node)
        let deciding = isNewcomer ? identity.electors : identity.ids
        let count = vouching.count { deciding.contains($0.speaker.node) }
        guard count >= NodeIdentity.majority(of: deciding) else {
            return .wait(
                "this node follows without a vote until a majority of \(Self.list(deciding)) is heard\(silence)")
        }
        return .admit(floor: floor, spentTerm: voters.map(\.term).max() ?? .zero)
    }

    private func known(by introduction: Introduction) -> DirectoryID? { introduction[identity.node]?.directory }

    private func notLetIn(_ other: Introduction) -> String {
        let before = known(by: other).map(\.description) ?? "another"
        return
            "node \(identity.node) was on directory \(before), this is \(identity.directory): it was emptied, copied "
            + "or restored. It follows without a vote. If the directory before is gone for good: write a key, and when "
            + "that is acknowledged start this node with --kraft.rejoin=\(identity.directory)"
    }

    // A list that was changed while the nodes were stopped

    /// What the members before committed, a majority of them has; and whoever of them still leads by the old list needs
    /// one of that majority, which answers it no longer.
    var settlement: Admission.Step {
        if let other = fellows.first(where: { $0.speaker.isAdmitted && $0.isSettled }) {
            return .settle(floor: other.reach, spentTerm: other.term)
        }
        let deciding = fellows.filter { $0.speaker.isAdmitted && identity.electors.contains($0.speaker.node) }
        let own = identity.electors.contains(identity.node) ? 1 : 0
        guard deciding.count + own >= NodeIdentity.majority(of: identity.electors) else {
            return .wait(
                "the list of members was changed: this node has no vote until a majority of "
                    + "\(Self.list(identity.electors)) is heard to go by the new one\(silence)")
        }
        return .settle(
            floor: max(reach, deciding.map(\.reach).max() ?? .zero), spentTerm: deciding.map(\.term).max() ?? .zero)
    }

    // The vote of this start

    var vote: Admission.Step {
        guard !admission.mayVote else { return .wait(nil) }
        // Who first makes its start known comes too late for the election that it has forgotten.
        if Defect.voteForgottenAtRestart.isOn { return .grantVote }
        let unaware = peers.filter { peer in
            guard let introduction = admission.introduction(of: peer) else { return !isSettled(peer) }
            // Of another list or cluster it has no say here; nor has it without a vote, no more than if it were silent.
            let hasSay = voters.contains { $0.speaker.node == peer } && !(isBehind(introduction) && isKnown)
            return hasSay ? introduction[identity.node]?.run != identity.run : !isPatienceOver
        }
        return unaware.isEmpty
            ? .grantVote : .wait("no vote before this start is known to \(Self.list(unaware))")
    }

    /// Whether it knows another directory of this member, or none, only because its log ends before the entry that made this
    /// one a voter. It can not write this start down before a leader sends it that entry, and without the votes that would
    /// wait for it there may be no leader: with `isKnown` it counts as silent.
    ///
    /// Why that is safe:
    /// - Whose answers are lost is not waited for either, so nothing follows that could not follow before. That there is one leader
    ///   for each term, and that it has all that was committed, rests on the votes of configurations (§3.6.3, §4.3), whose
    ///   voters are directories: it counts no vote of this one for the one before.
    /// - Its log ends before this node's (§3.6.1), so every committed entry of it is here, too (§3.5, §3.6.3), and by what
    ///   comes later this directory is the voter: no agreement that gave its place away is known there. A directory that
    ///   was not let in goes on waiting.
    /// - It never wrote down a start of this directory, so it could not tell an old copy by its number. Who knows the
    ///   directory can, and is waited for; one of those at least must be heard.
    /// - What it does know keeps its weight: that another process on this node's data is alive.
    private func isBehind(_ other: Introduction) -> Bool {
        isConfigured && identity.isAdmitted && other.reach < reach && known(by: other) != identity.directory
            && !admission.isRivalled(by: other.speaker.node)
    }

    /// Whether somebody whose word counts knows this start.
    private var isKnown: Bool {
        voters.contains { known(by: $0) == identity.directory && $0[identity.node]?.run == identity.run }
    }

    /// Everybody was heard or is away, and nobody who has the cluster's data has a vote.
    var isAlone: Bool { isEverybodyHeard && !fellows.contains { $0.speaker.isAdmitted } }

    // Contradictions

    /// Why this node can not be right as it is, if a majority can not agree with it any more.
    var contradiction: String? {
        // A cluster that nothing was written in gives way, sooner or later: neither is one to another like that.
        let isWritten = max(reach, identity.floor) > .zero
        let foreign = introduced.filter { other in
            guard let cluster = other.cluster, let own = identity.clusterID else { return false }
            let isComparable = isConfigured || other.hasConfiguration || other.listVersion == identity.listVersion
            return cluster != own && isWritten && other.reach > .zero && isComparable
        }
        // An empty node that was given another list is the one to stop.
        let odd = introduced.filter {
            $0.listVersion != identity.listVersion && !isConfigured && !$0.hasConfiguration
                && ($0.cluster != nil || identity.clusterID == nil)
        }
        let others = foreign.count + odd.count
        guard others > 0 else { return nil }
        let isOutvoted = others > identity.ids.count - majority
        let alike = agreeing.filter { !foreign.contains($0) }.count
        guard isOutvoted || isPatienceOver && alike + 1 < majority else { return nil }
        return odd.first.map(otherList) ?? foreign.first.map(otherCluster)
    }

    private func otherList(_ other: Introduction) -> String {
        "the members of this node are \(identity.ids.map(\.description).joined(separator: ", ")), those of node "
            + "\(other.speaker.node) at \(other.place) are "
            + "\(other.members.map(\.id.description).joined(separator: ", ")). Give all nodes the same services.json; "
            + "a cluster that has data changes its list by \"dmq-metadata members set\" on every node while all are stopped."
    }

    private func otherCluster(_ other: Introduction) -> String {
        let own = (identity.clusterID ?? "", identity.bornAt)
        let theirs = (other.cluster ?? "", other.bornAt)
        var age = ""
        if let born = own.1, let otherBorn = theirs.1 {
            age = born <= otherBorn ? " This node's is the older." : " Theirs is the older."
        }
        return
            "the data here are of cluster \(own.0), born \(Self.date(own.1)), those of node \(other.speaker.node) at "
            + "\(other.place) of cluster \(theirs.0), born \(Self.date(theirs.1)).\(age) Nothing was changed. Decide "
            + "which data are wanted, and move the others away."
    }

    private static func date(_ unixMilliseconds: Int64?) -> String {
        guard let unixMilliseconds else { return "at an unknown time" }
        return Date(timeIntervalSince1970: Double(unixMilliseconds) / 1000).formatted(.iso8601)
    }
}
