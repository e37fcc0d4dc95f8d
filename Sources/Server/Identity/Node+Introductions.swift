import Defects
import Logging
import Raft
import Storage
import Wire

// How nodes come to know each other: each start is told to all members, an empty node learns of a cluster, a new cluster is
// born, a stranger is told why it is one. What follows from the answers is in ``Admission``.
extension Node {
    /// The others, and whoever listens at this node's own address.
    private var asked: [NodeID] { members.map(\.id) }

    /// Asks everybody again whose answer is missing or may have changed.
    func introduceIfDue() {
        guard identityWrites == 0, ending == nil else { return }
        var hasAsked = false
        for peer in asked {
            guard let due = introductionsDue[peer], now.instant >= due.at else { continue }
            introductionsDue[peer] = nil
            introduce(to: peer, pause: due.pause)
            hasAsked = true
        }
        // A node that is alone has nobody's answer to wait for.
        if hasAsked { continueAdmission() }
    }

    private func introduce(to peer: NodeID, pause: Duration) {
        lastIntroductionPause[peer] = pause
        lastIntroduction[peer] = now.instant
        network.introduce(introduction(to: peer), in: envelope(to: peer), to: peer)
    }

    /// Asks `peer` now, or after a pause that grows each time.
    func askAgain(_ peer: NodeID, after pause: Duration) {
        let earlier = introductionsDue[peer]?.at
        let at = now.instant.advanced(by: pause)
        if let earlier, earlier <= at { return }
        introductionsDue[peer] = (at, min(max(pause, .milliseconds(25)) * 2, .milliseconds(500)))
    }

    func askEverybody() {
        for peer in asked where peer != id {
            introductionsDue[peer] = nil
            askAgain(peer, after: .zero)
        }
    }

    // What others say of themselves

    func receive(
        _ other: Introduction, in envelope: Envelope, connection: UInt64, _ completion: @escaping PeerCompletion
    ) {
        if let ending { return completion(.failure(.unavailable(ending))) }
        guard mayWaitForIdentity else { return completion(.failure(.overloaded)) }
        noteAbilities(other)
        var refusal = refusal(ofIntroduction: other, in: envelope)
        if refusal == nil { noteIntroduced(other, connection) }
        if refusal == .otherDirectory, let rival = takeGuest(other) { refusal = rival }
        learn(other, refusal)
        if let refusal, !isThisProcess(other.speaker) {
            let isFed = guests[other.speaker.node] == other.speaker.directory
            let isOrdinary = isFed || refusal == .notMember
            logRefused(
                refusal, of: other.speaker.node, describe(refusal, other.speaker), level: isOrdinary ? .warning : .error
            )
        }
        whenIdentityIsDurable { [self] in
            let dialect = other.abilities == nil ? introduction : introduction(to: other.speaker.node)
            completion(.success(.introduction(IntroductionReply(introduction: dialect, refusal: refusal))))
        }
    }

    /// Who speaks the words of this release is spoken to in them, and what it can is known.
    func noteAbilities(_ other: Introduction) {
        let sender = other.speaker.node
        // Anybody can claim any id: nothing is kept of those that this node does not talk to.
        guard member(sender) != nil else { return }
        abilities[sender] = other.abilities
        if other.abilities == nil { outdated.insert(sender) } else { outdated.remove(sender) }
    }

    /// As ``refusal(of:)``, but for the one question that is allowed to those who do not fit yet.
    private func refusal(ofIntroduction other: Introduction, in envelope: Envelope) -> Misfit? {
        let sender = other.speaker
        guard sender.node != id else { return .sameNode }
        guard envelope.receiver == id else { return .otherNode }
        if raft.hasConfiguration || other.hasConfiguration {
            if let own = identity.clusterID, let theirs = other.cluster, own != theirs { return .otherCluster }
            guard let known = identity[sender.node] else { return raft.hasConfiguration ? .notMember : nil }
            guard raft.hasConfiguration, !Defect.directoryIgnored.isOn else { return nil }
            return known.directory == sender.directory ? self.refusal(of: sender, known) : .otherDirectory
        }
        guard other.listVersion == listVersion, let known = identity[sender.node] else { return .otherList }
        if let own = identity.clusterID, let theirs = other.cluster, own != theirs, !gives(wayTo: other) {
            return .otherCluster
        }
        // Nothing was promised yet to whoever was written down before the cluster was born.
        guard identity.clusterID != nil else { return nil }
        // One that was merely heard first gives way to the one that a majority admitted: it can not have been admitted too.
        let isOnlyHeard =
            sender.isAdmitted && !known.isAdmitted && other.generation == known.generation
            && other.cluster == identity.clusterID
        if let directory = known.directory, directory != sender.directory, other.generation <= known.generation,
            !isOnlyHeard, !Defect.directoryIgnored.isOn
        {
            return .otherDirectory
        }
        return self.refusal(of: sender, known)
    }

    /// A member that comes on another directory is fed, if it belongs to no other cluster, and counts for nothing. Two that
    /// are alive on different directories are two machines with one id.
    private func takeGuest(_ other: Introduction) -> Misfit? {
        let sender = other.speaker
        // Who believes to be a member by older entries than this node's learns from the newer ones that it is none there.
        guard other.cluster == nil || other.cluster == identity.clusterID, !sender.isAdmitted || raft.hasConfiguration
        else { return nil }
        let isRival = contacts.isAnotherAlive(
            sender.node, than: sender.run, within: settings.raft.electionTimeout, at: now.instant)
        if isRival { return .rivalRun }
        if guests[sender.node] != sender.directory {
            guests[sender.node] = sender.directory
            updateElectorate()
        }
        return nil
    }

    /// Writes down whom an introduction that fits is from.
    private func noteIntroduced(_ other: Introduction, _ connection: UInt64?) {
        let sender = other.speaker
        contacts.heard(sender.node, sender.run, at: now.instant, connection: connection)
        guard var known = identity[sender.node] else { return }
        if guests[sender.node] == sender.directory || known.directory == sender.directory {
            guests[sender.node] = nil
        }
        if raft.hasConfiguration {
            guard known.directory == sender.directory else { return }
        } else {
            if known.directory != sender.directory { known.isAdmitted = sender.isAdmitted }
            known.directory = sender.directory
            known.generation = max(known.generation, other.generation)
            known.isAdmitted = known.isAdmitted || sender.isAdmitted
        }
        known.run = sender.run
        changeIdentity { $0[sender.node] = known }
        updateElectorate()
    }

    /// Takes what `other` said, whether it asked or answered.
    private func learn(_ other: Introduction, _ refusal: Misfit?) {
        let sender = other.speaker.node
        guard sender != id else { return meetDouble(other) }
        guard refusal != .otherNode else { return }
        if other.hasConfiguration { return learnOfMembers(other) }
        guard identity[sender] != nil else { return }
        if other.listVersion == listVersion, let cluster = other.cluster {
            if identity.clusterID == nil && !Defect.birthBesideData.isOn
                || cluster != identity.clusterID && gives(wayTo: other)
            {
                join(other)
            }
        }
        if isReplaced(by: other) { return }
        if refusal == nil || refusal == .otherDirectory { followWord(of: other) }
        admission.heard(.introduced(other), from: sender)
        continueAdmission()
    }

    /// Of a cluster whose members are in its log. A node that is one of them, and is empty or of a cluster that nothing was
    /// written in, belongs to it; the log tells the rest.
    private func learnOfMembers(_ other: Introduction) {
        if let cluster = other.cluster, cluster != identity.clusterID,
            identity.clusterID == nil || gives(wayTo: other)
        {
            if other[id] != nil {
                logger.info(
                    "📎 joining a cluster", metadata: ["cluster": "\(cluster)", "heardFrom": "\(other.speaker.node)"])
                var own = identity[id] ?? KnownMember(id: id, directory: identity.directory, run: identity.run)
                own.isAdmitted = false
                changeIdentity { identity in
                    identity.clusterID = cluster
                    identity.bornAt = other.bornAt
                    identity.electors = []
                    identity.members = other.members.map { $0.id == id ? own : $0 }
                }
                loseVote()
                updateElectorate()
                askEverybody()
            } else {
                log(
                    .waiting("no member"), .warning,
                    "⏳ node \(id) is no member of cluster \(cluster). On a node of it: \"dmq-metadata member add \(id) HOST:PORT\""
                )
            }
        }
        if isReplaced(by: other) { return }
        if identity[other.speaker.node] != nil { admission.heard(.introduced(other), from: other.speaker.node) }
        continueAdmission()
    }

    /// Two clusters may be begun by nodes that did not hear each other. One that nothing was written in gives way.
    private func gives(wayTo other: Introduction) -> Bool {
        guard raft.log.last == .zero, raft.role != .leader, let own = identity.clusterID, let theirs = other.cluster
        else {
            return false
        }
        let ours = max(raft.log.last, identity.floor)
        if other.reach != ours { return other.reach > ours }
        return other.term == raft.currentTerm ? theirs < own : other.term > raft.currentTerm
    }

    /// An empty node becomes one of a cluster that it hears of; it has no vote in it yet, unless it is a founder.
    private func join(_ other: Introduction) {
        logger.info(
            "📎 joining a cluster",
            metadata: ["cluster": "\(other.cluster ?? "")", "heardFrom": "\(other.speaker.node)"])
        let own = identity[id]
        changeIdentity { identity in
            identity.clusterID = other.cluster
            identity.bornAt = other.bornAt
            identity.electors = other.electors
            identity.isSettled = other.isSettled
            identity.floor = max(identity.floor, other.reach)
            identity.members = identity.members.map { known in
                guard known.id != id, let theirs = other[known.id] else { return known }
                return theirs.isAdmitted || known.directory == nil ? theirs : known
            }
            let isKnown = other[id]?.directory == identity.directory && other[id]?.isAdmitted == true
            identity[id] = KnownMember(
                id: id, directory: identity.directory, generation: own?.generation ?? 0, isAdmitted: isKnown,
                run: identity.run)
        }
        loseVote()
        updateElectorate()
        askEverybody()
    }

    /// Until the members of the cluster that this node goes over to know its start.
    private func loseVote() {
        guard admission.mayVote else { return }
        admission.mayVote = false
        step(.suffrage(Suffrage(mayVote: false)))
    }

    /// Who has no vote knows of the others what those say that have one: they may have let somebody go meanwhile.
    private func followWord(of other: Introduction) {
        guard !identity.isAdmitted, other.speaker.isAdmitted, other.cluster == identity.clusterID,
            identity.clusterID != nil, other.listVersion == listVersion
        else { return }
        changeIdentity { identity in
            identity.electors = other.electors
            identity.isSettled = other.isSettled
            identity.members = identity.members.map { known in
                guard known.id != id, known.id != other.speaker.node, let theirs = other[known.id] else { return known }
                return theirs
            }
        }
        updateElectorate()
    }

    // Answers to what this node asked

    func introduced(to peer: NodeID, _ outcome: IntroductionOutcome) {
        guard ending == nil else { return }
        let pause = lastIntroductionPause[peer] ?? .milliseconds(50)
        switch outcome {
        case .answered(let reply):
            noteAbilities(reply.introduction)
            if case .contacting(let member, _)? = operation?.phase, member.id == peer { newcomer = reply.introduction }
            answered(reply, by: peer, pause)
        case .outdated:
            // Once: one that understands neither is asked again after a while.
            if outdated.insert(peer).inserted {
                askAgain(peer, after: .zero)
            } else {
                askAgain(peer, after: .milliseconds(500))
            }
        case .absent:
            contacts.lost(peer)
            if peer != id { admission.heard(.absent, from: peer) }
            if peer != id { askAgain(peer, after: pause) }
            continueAdmission()
        case .legacy:
            if peer != id { admission.heard(.legacy, from: peer) }
            if peer != id, !admission.mayVote { askAgain(peer, after: .milliseconds(500)) }
            continueAdmission()
        case .silent:
            // Of an empty node nothing is known any more; a fellow has written down what it answered.
            if identity.clusterID == nil, peer != id { admission.forget(peer) }
            askAgain(peer, after: pause)
            continueAdmission()
        }
    }

    private func answered(_ reply: IntroductionReply, by peer: NodeID, _ pause: Duration) {
        let other = reply.introduction
        let isDouble = other.speaker.node == id
        if isDouble || other.speaker.node == peer {
            let askedAt = lastIntroduction[peer] ?? admission.startedAt
            if admission.isRivalled(reply.refusal == .rivalRun, by: peer, askedAt: askedAt, at: now.instant) {
                return giveVoteUp(
                    "node \(id) runs elsewhere as well: node \(peer) at \(other.place) hears it. Two machines have one id; "
                        + "give this one its own, with an empty directory, or stop the other.")
            }
            if reply.refusal == nil || reply.refusal == .rivalRun { noteAnswerer(other) }
            if reply.refusal == .notMember, wasMember, let index = other.abilities?.configuration,
                index > raft.log.configurations.latest.index
            {
                return leaveCluster()
            }
            if reply.refusal == .movedDirectory, !other.speaker.isAdmitted || raft.hasConfiguration {
                _ = takeGuest(other)
            }
            learn(other, reply.refusal)
        }
        if other.speaker.node != peer {
            logRefused(
                .otherNode, of: peer,
                "the address of node \(peer) is answered by node \(other.speaker.node), at \(other.place)")
            askAgain(peer, after: .milliseconds(500))
        } else if !admission.mayVote || reply.refusal != nil, !isDouble {
            askAgain(peer, after: identity.clusterID == nil ? .milliseconds(250) : pause)
        }
        continueAdmission()
    }

    /// Whoever answers fits as well as whoever asks.
    private func noteAnswerer(_ other: Introduction) {
        let asking = Envelope(
            sender: other.speaker, cluster: other.cluster, receiver: id, receiverDirectory: nil,
            listVersion: other.listVersion)
        if refusal(ofIntroduction: other, in: asking) == nil { noteIntroduced(other, nil) }
    }

    /// A request of this node did not fit there.
    func refused(_ reply: IntroductionReply, by peer: NodeID) {
        guard let refusal = reply.refusal else { return }
        answered(reply, by: peer, .milliseconds(50))
        guard ending == nil, refusal != .notIntroduced else { return }
        logRefused(
            refusal, of: peer,
            "node \(reply.introduction.speaker.node) at \(reply.introduction.place) refuses a message of this node")
        askAgain(peer, after: .milliseconds(100))
    }
}
