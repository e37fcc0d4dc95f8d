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
        network.introduce(introduction, in: envelope(to: peer), to: peer)
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
        var refusal = refusal(ofIntroduction: other, in: envelope)
        if refusal == nil { noteIntroduced(other, connection) }
        if refusal == .otherDirectory, let rival = takeGuest(other) { refusal = rival }
        learn(other, refusal)
        if let refusal, !isThisProcess(other.speaker) {
            let isFed = guests[other.speaker.node] == other.speaker.directory
            logRefused(
                refusal, of: other.speaker.node, describe(refusal, other.speaker), level: isFed ? .warning : .error)
        }
        whenIdentityIsDurable { [self] in
            completion(.success(.introduction(IntroductionReply(introduction: introduction, refusal: refusal))))
        }
    }

    /// As ``refusal(of:)``, but for the one question that is allowed to those who do not fit yet.
    private func refusal(ofIntroduction other: Introduction, in envelope: Envelope) -> Misfit? {
        let sender = other.speaker
        guard sender.node != id else { return .sameNode }
        guard envelope.receiver == id else { return .otherNode }
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
        guard other.cluster == nil || other.cluster == identity.clusterID, !sender.isAdmitted else { return nil }
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
        if known.directory != sender.directory { known.isAdmitted = sender.isAdmitted }
        known.directory = sender.directory
        known.generation = max(known.generation, other.generation)
        known.run = sender.run
        known.isAdmitted = known.isAdmitted || sender.isAdmitted
        changeIdentity { $0[sender.node] = known }
        updateElectorate()
    }

    /// Takes what `other` said, whether it asked or answered.
    private func learn(_ other: Introduction, _ refusal: Misfit?) {
        let sender = other.speaker.node
        guard sender != id else { return meetDouble(other) }
        guard refusal != .otherNode, identity[sender] != nil else { return }
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
        if admission.mayVote {
            admission.mayVote = false
            step(.suffrage(Suffrage(mayVote: false)))
        }
        updateElectorate()
        askEverybody()
    }

    /// It listens at its own address, as it should.
    private func isThisProcess(_ other: Speaker) -> Bool {
        other.node == id && other.directory == identity.directory && other.run == identity.run
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

    /// Another process has this node's id: the newer stops, the older says so.
    private func meetDouble(_ other: Introduction) {
        guard !isThisProcess(other.speaker) else { return }
        // Clocks may be wrong: where the others know one of the two, that is the older.
        let isNewer =
            identity.isAdmitted == other.speaker.isAdmitted
            ? (startedAt, identity.run.nonce) > (other.startedAt, other.speaker.run.nonce) : other.speaker.isAdmitted
        if isNewer {
            let text =
                "node \(id) runs already at \(other.place), on directory \(other.speaker.directory), start "
                + "\(other.speaker.run). Two machines have one id: give this one its own, with an empty directory."
            if other.speaker.directory == identity.directory { giveVoteUp(text) } else { refuseToGoOn(text) }
        } else {
            logRefused(
                .sameNode, of: id,
                "another process says that it is node \(id): at \(other.place), on directory "
                    + "\(other.speaker.directory), start \(other.speaker.run); this one is at \(settings.place). Stop it."
            )
        }
    }

    /// This directory's place was given to another, or a later start of it is known: it is an old copy.
    private func isReplaced(by other: Introduction) -> Bool {
        guard other.cluster == identity.clusterID, identity.clusterID != nil, let known = other[id],
            let own = identity[id]
        else { return false }
        if own.isAdmitted, let directory = known.directory, directory != identity.directory,
            known.generation > own.generation
        {
            refuseToGoOn(
                "node \(other.speaker.node) at \(other.place) knows node \(id) by directory \(directory), which took the "
                    + "place of this one, \(identity.directory). Nothing was changed; move this directory away.")
            return true
        }
        guard known.directory == identity.directory, let run = known.run, run != identity.run,
            run.number >= identity.run.number, !Defect.runIgnored.isOn
        else { return false }
        giveVoteUp(
            "this is start \(identity.run) of directory \(identity.directory), but node \(other.speaker.node) at "
                + "\(other.place) has heard start \(run): this is an older copy, or the directory runs elsewhere. It has "
                + "no vote any more; its data are as they were.")
        return true
    }

    // Answers to what this node asked

    func introduced(to peer: NodeID, _ outcome: IntroductionOutcome) {
        guard ending == nil else { return }
        let pause = lastIntroductionPause[peer] ?? .milliseconds(50)
        switch outcome {
        case .answered(let reply): answered(reply, by: peer, pause)
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
            if reply.refusal == .movedDirectory, !other.speaker.isAdmitted { _ = takeGuest(other) }
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

    // What follows

    /// Does what the answers allow, step by step.
    func continueAdmission() {
        while ending == nil, identityWrites == 0 {
            let next = admission.step(
                of: identity, at: now.instant, reach: raft.log.last, hasLeader: raft.leader != nil && admission.mayVote)
            switch next {
            case .wait(let text): return waitForOthers(text)
            case .found(let founders): found(founders)
            case .takePlace(let generation):
                changeIdentity { $0[id]?.generation = generation }
                askEverybody()
            case .admit(let floor, let spentTerm):
                logger.info("🔓 this directory has the node's vote", metadata: ["floor": "\(floor)"])
                self.spentTerm = max(self.spentTerm, spentTerm)
                changeIdentity { identity in
                    identity.floor = max(identity.floor, floor)
                    identity[id]?.isAdmitted = true
                }
                askEverybody()
            case .settle(let floor, let spentTerm):
                self.spentTerm = max(self.spentTerm, spentTerm)
                changeIdentity { identity in
                    identity.floor = max(identity.floor, floor)
                    identity.isSettled = true
                }
                askEverybody()
            case .grantVote: grantVote()
            case .stop(let text): return refuseToGoOn(text)
            }
        }
    }

    private func found(_ founders: [NodeID]) {
        admission.hasFounded = true
        let isNew = identity.clusterID == nil
        let name = DirectoryID(high: random.next(), low: random.next()).description
        changeIdentity { identity in
            if identity.clusterID == nil {
                identity.clusterID = name
                identity.bornAt = now.unixMilliseconds
            }
            identity.electors = founders
            identity.isSettled = true
            for member in identity.members where member.id != id {
                let speaker = founders.contains(member.id) ? admission.introduction(of: member.id)?.speaker : nil
                identity[member.id] = KnownMember(
                    id: member.id, directory: speaker?.directory, isAdmitted: speaker != nil, run: speaker?.run)
            }
            identity[id]?.isAdmitted = true
        }
        logger.info(
            isNew
                ? "🐣 a cluster is born; from now on kraft.bootstrap may be never on all nodes"
                : "🐣 the cluster goes on by this node's word alone; the others may come on new directories",
            metadata: ["cluster": "\(identity.clusterID ?? "")", "founders": "\(AdmissionView.list(founders))"])
        updateElectorate()
        askEverybody()
    }

    private func grantVote() {
        admission.mayVote = true
        setOpeningData()
        step(.suffrage(Suffrage(mayVote: true, floor: identity.floor, spentTerm: spentTerm)))
    }

    /// Says at a bounded rate what this node waits for.
    private func waitForOthers(_ text: String?) {
        waitingFor = text
        guard let text, now.instant >= admission.startedAt.advanced(by: .milliseconds(500)) else { return }
        // Without the seconds that it counts down.
        let kind = String(text.prefix(40).filter { !$0.isNumber })
        log(.waiting(kind), .warning, "⏳ \(text)")
    }
}
