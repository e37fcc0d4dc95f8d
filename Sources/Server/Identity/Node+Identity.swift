import Defects
import Logging
import Raft
import Storage
import Wire

// Who this node is, and what it has written down about the others. Nothing is promised by it before it is durable.
extension Node {
    /// How this process names itself.
    var speaker: Speaker {
        Speaker(node: id, directory: identity.directory, run: identity.run, isAdmitted: identity.isAdmitted)
    }

    func envelope(to peer: NodeID) -> Envelope {
        Envelope(
            sender: speaker, cluster: identity.clusterID, receiver: peer,
            receiverDirectory: guests[peer] ?? identity[peer]?.directory, listVersion: listVersion,
            configuration: outdated.contains(peer) ? nil : raft.log.configurations.latest.index)
    }

    /// What `peer` is told of this node, in words that it knows.
    func introduction(to peer: NodeID) -> Introduction {
        var introduction = introduction
        if !outdated.contains(peer) { introduction.abilities = ownAbilities }
        return introduction
    }

    var introduction: Introduction {
        Introduction(
            speaker: speaker, cluster: identity.clusterID, bornAt: identity.bornAt,
            members: identity.members.filter { !raft.hasConfiguration || raft.configuration.contains($0.id) },
            electors: identity.electors, isSettled: identity.isSettled,
            generation: identity[id]?.generation ?? 0, reach: max(raft.log.last, identity.floor),
            term: raft.currentTerm, startedAt: startedAt, place: settings.place)
    }

    /// Writes a changed identity down.
    func changeIdentity(_ change: (inout NodeIdentity) -> Void) {
        let before = identity
        change(&identity)
        guard identity != before else { return }
        identityWrites += 1
        disk.store(identity)
    }

    /// Whether more messages may wait for what is being written down: a disk that stands still must not fill the memory.
    var mayWaitForIdentity: Bool { waitingForIdentity.count < 1024 }

    /// Does `body` once everything that was written down so far is durable.
    func whenIdentityIsDurable(_ body: @escaping () -> Void) {
        if identityWrites == 0 { body() } else { waitingForIdentity.append(body) }
    }

    func identityStored() {
        precondition(identityWrites > 0, "an identity was stored that nobody wrote")
        identityWrites -= 1
        guard identityWrites == 0 else { return }
        updateElectorate()
        let waiting = waitingForIdentity
        waitingForIdentity = []
        for body in waiting { whenIdentityIsDurable(body) }
        continueAdmission()
    }

    /// Tells the core whose votes and acknowledgements count.
    func updateElectorate() {
        // With members in the log the core counts by their directories.
        let nonVoting =
            raft.hasConfiguration
            ? [] : identity.members.filter { $0.id != id && (!$0.isAdmitted || guests[$0.id] != nil) }.map(\.id)
        let directories = presentDirectories
        // Unknown to known is no change of mind.
        let replaced = identity.ids.filter { member in
            guard let before = fedDirectories[member] else { return false }
            return before != directories[member]
        }
        guard nonVoting != self.nonVoting || !replaced.isEmpty || directories != fedDirectories else { return }
        self.nonVoting = nonVoting
        fedDirectories = directories
        step(.electorate(nonVoting: nonVoting, directories: directories, replaced: replaced))
    }

    /// On which directory each of the others answers, as far as that is known.
    private var presentDirectories: [NodeID: DirectoryID] {
        var present: [NodeID: DirectoryID] = [:]
        for member in identity.members where member.id != id {
            present[member.id] = guests[member.id] ?? member.directory
        }
        return present
    }

    /// The node must not go on with these data, or by this list (exit 78).
    func refuseToGoOn(_ text: String) { fail(.foreign("\(settings.place): \(text)"), reason: text) }

    /// The node must not go on, for its directory runs elsewhere as well, or did: what it promised there is not known here.
    /// Another start would have a later number than any that the others heard of, and pass; so first the vote is given up.
    func giveVoteUp(_ text: String) {
        guard ending == nil, identity.isAdmitted, !Defect.voteKeptAtFork.isOn else { return refuseToGoOn(text) }
        farewell = text
        let directory = DirectoryID(high: random.next(), low: random.next())
        changeIdentity { $0.becomeCopy(on: directory) }
        whenIdentityIsDurable { [self] in refuseToGoOn(text) }
    }

    /// Counts a message that does not fit, and logs it at a bounded rate.
    func logRefused(
        _ refusal: Misfit, of peer: NodeID, _ text: @autoclosure () -> String, level: Logger.Level = .error
    ) {
        measurements.refusals[refusal, default: 0] += 1
        let isMember = identity[peer] != nil
        log(
            .misfit(refusal, of: isMember ? peer : nil), level, "\(level == .error ? "❌" : "⚠️") \(text())",
            ["peer": "\(peer)", "reason": "\(refusal.name)"])
    }
}
