import Defects
import Logging
import Raft
import Wire

// The door: a message is compared with what this node knows of its cluster before anything else looks at it.
extension Node {
    typealias PeerCompletion = @Sendable (Result<MessageCodec.Answer, RequestFailure>) -> Void

    func receive(
        _ request: Raft.Request, from origin: RequestOrigin, connection: UInt64, _ completion: @escaping PeerCompletion
    ) {
        if let ending { return completion(.failure(.unavailable(ending))) }
        guard mayWaitForIdentity else { return completion(.failure(.overloaded)) }
        switch origin {
        case .anybody:
            guard isTrusted(request.author) else {
                measurements.strangersAnswered += 1
                return completion(.success(.reply(harmlessReply(to: request), from: nil)))
            }
            pass(request, from: nil, connection, completion)
        case .legacy(let sender, let cluster): receiveLegacy(request, sender, cluster, connection, completion)
        case .envelope(let envelope):
            if let refusal = refusal(of: envelope) { return refuse(refusal, of: envelope, completion) }
            noteSender(envelope.sender, connection)
            whenIdentityIsDurable { [self] in pass(request, from: speaker, connection, completion) }
        }
    }

    /// A node of the first release, or a person with curl, can not say on which directory it is: believed only for a member
    /// of which nothing better is known.
    private func isTrusted(_ member: NodeID) -> Bool {
        identity[member].map { $0.directory == nil } ?? false && !raft.hasConfiguration
    }

    private func receiveLegacy(
        _ request: Raft.Request, _ sender: NodeID, _ cluster: String?, _ connection: UInt64,
        _ completion: @escaping PeerCompletion
    ) {
        if let own = identity.clusterID, let cluster, own != cluster {
            logRefused(.otherCluster, of: sender, "message of another cluster, \(cluster) instead of \(own)")
            return completion(.failure(.unavailable("this node belongs to cluster \(own)")))
        }
        guard isTrusted(sender) else {
            logRefused(.otherDirectory, of: sender, "a message without directory of a member whose directory is known")
            return completion(.success(.reply(harmlessReply(to: request), from: nil)))
        }
        // A cluster that lives under the first release: this empty node follows it, and votes when all are upgraded.
        if identity.clusterID == nil, let cluster { changeIdentity { $0.clusterID = cluster } }
        admission.heard(.legacy, from: sender)
        whenIdentityIsDurable { [self] in pass(request, from: nil, connection, completion) }
    }

    private func pass(
        _ request: Raft.Request, from speaker: Speaker?, _ connection: UInt64, _ completion: @escaping PeerCompletion
    ) {
        if let ending { return completion(.failure(.unavailable(ending))) }
        lastToken += 1
        let token = RequestToken(lastToken)
        peerReplies[token] = { reply in completion(reply.map { .reply($0, from: speaker) }) }
        askedDigest = request.askedDigest
        step(.request(request, token: token))
        if case .appendEntries(let append) = request, raft.leader == append.leader, raft.currentTerm == append.term {
            heard(append, on: connection)
        }
    }

    /// Why the message does not fit, if so.
    func refusal(of envelope: Envelope) -> Misfit? {
        let sender = envelope.sender
        guard sender.node != id else { return .sameNode }
        guard envelope.receiver == id || Defect.addresseeIgnored.isOn else { return .otherNode }
        if raft.hasConfiguration || envelope.configuration ?? .zero > .zero {
            return refusalByConfiguration(of: envelope)
        }
        guard envelope.listVersion == listVersion, let known = identity[sender.node] else { return .otherList }
        guard let own = identity.clusterID else { return .notIntroduced }
        guard own == envelope.cluster else { return .otherCluster }
        if let wanted = envelope.receiverDirectory, wanted != identity.directory, !Defect.addresseeIgnored.isOn {
            return .movedDirectory
        }
        if let directory = known.directory, directory != sender.directory, !Defect.directoryIgnored.isOn {
            return .otherDirectory
        }
        return refusal(of: sender, known)
    }

    /// Where the members are in the log: whoever knows no less of them than this node may speak (§4.1: a leader that leaves, a
    /// candidate whose entries have not come here); of the others only members.
    private func refusalByConfiguration(of envelope: Envelope) -> Misfit? {
        let sender = envelope.sender
        guard let own = identity.clusterID else { return .notIntroduced }
        guard own == envelope.cluster else { return .otherCluster }
        if let wanted = envelope.receiverDirectory, wanted != identity.directory, !Defect.addresseeIgnored.isOn {
            return .movedDirectory
        }
        let latest = raft.log.configurations.latest
        let isMember = latest.configuration.member(sender.node, on: sender.directory) != nil
        if !isMember, envelope.configuration ?? .zero < latest.index, !Defect.directoryIgnored.isOn {
            return latest.configuration.contains(sender.node) ? .otherDirectory : .notMember
        }
        return identity[sender.node].flatMap { refusal(of: sender, $0) }
    }

    /// Whether the start of a known directory is the latest, and the only one.
    func refusal(of sender: Speaker, _ known: KnownMember) -> Misfit? {
        guard let run = known.run, run != sender.run, known.directory == sender.directory, !Defect.runIgnored.isOn
        else { return nil }
        if sender.run.number <= run.number { return .olderRun }
        let isRival = contacts.isAnotherAlive(
            sender.node, than: sender.run, within: settings.raft.electionTimeout, at: now.instant)
        return isRival ? .rivalRun : nil
    }

    private func refuse(_ refusal: Misfit, of envelope: Envelope, _ completion: PeerCompletion) {
        let sender = envelope.sender
        logRefused(refusal, of: sender.node, "message refused: \(describe(refusal, sender))")
        let dialect = envelope.configuration == nil ? introduction : introduction(to: sender.node)
        completion(.success(.introduction(IntroductionReply(introduction: dialect, refusal: refusal))))
    }

    func describe(_ refusal: Misfit, _ sender: Speaker) -> String {
        switch refusal {
        case .otherNode: "it is for another node than this one"
        case .sameNode: "another process says that it is node \(id)"
        case .otherCluster: "it is of another cluster"
        case .otherList: "it goes by another list of members"
        case .otherDirectory: "directory \(sender.directory) is not the one that is known for node \(sender.node)"
        case .movedDirectory: "it is for another directory of this node"
        case .olderRun: "start \(sender.run) of node \(sender.node) is not its latest"
        case .rivalRun: "another process on the data of node \(sender.node) is alive"
        case .notMember: "node \(sender.node) is no member of the cluster"
        case .notIntroduced: "this node belongs to no cluster yet"
        }
    }

    /// Writes down what is new about a sender that fits.
    func noteSender(_ sender: Speaker, _ connection: UInt64? = nil) {
        contacts.heard(sender.node, sender.run, at: now.instant, connection: connection)
        guard var known = identity[sender.node] else { return }
        if guests[sender.node] != nil, !raft.hasConfiguration || known.directory == sender.directory {
            guests[sender.node] = nil
            updateElectorate()
        }
        if raft.hasConfiguration {
            // Directories and votes are the configuration's to give.
            guard known.directory == sender.directory else { return }
        } else {
            known.directory = sender.directory
            known.isAdmitted = known.isAdmitted || sender.isAdmitted
        }
        known.run = sender.run
        if known != identity[sender.node] { changeIdentity { $0[sender.node] = known } }
    }

    /// Tells the state of things and changes nothing.
    private func harmlessReply(to request: Raft.Request) -> Reply {
        let term = raft.currentTerm
        return switch request {
        case .requestVote(let vote):
            .requestVote(RequestVoteReply(term: term, voteGranted: false, isPreVote: vote.isPreVote))
        case .appendEntries: .appendEntries(AppendEntriesReply(term: term, success: false, matchIndex: .zero))
        case .installSnapshot:
            .installSnapshot(InstallSnapshotReply(term: term, nextSequence: 0, isInstalled: false))
        case .timeoutNow: .timeoutNow(TimeoutNowReply(term: term))
        }
    }

    // Answers

    /// Whether this is the directory that was asked.
    private func isPresent(_ speaker: Speaker, _ known: KnownMember) -> Bool {
        if Defect.directoryIgnored.isOn { return true }
        guard speaker.directory == guests[speaker.node] ?? known.directory else { return false }
        guard guests[speaker.node] == nil else { return true }
        guard refusal(of: speaker, known) == nil else { return false }
        noteSender(speaker)
        return true
    }

    /// Whether the answer is that of the node that was asked, on the directory that is known for it.
    func isExpected(_ speaker: Speaker?, from peer: NodeID) -> Bool {
        guard let speaker else { return isTrusted(peer) || admission.answers[peer] == .legacy }
        if Defect.addresseeIgnored.isOn { return true }
        guard speaker.node == peer, let known = identity[peer] else { return false }
        if raft.hasConfiguration { return isPresent(speaker, known) }
        if Defect.directoryIgnored.isOn { return true }
        if let guest = guests[peer], guest == speaker.directory { return true }
        if let directory = known.directory, directory != speaker.directory { return false }
        guard refusal(of: speaker, known) == nil else { return false }
        if guests[peer] == nil { noteSender(speaker) }
        return true
    }
}

extension Raft.Request {
    /// The node that the message says it is from.
    public var author: NodeID {
        switch self {
        case .requestVote(let request): request.candidate
        case .appendEntries(let request): request.leader
        case .installSnapshot(let request): request.leader
        case .timeoutNow(let request): request.leader
        }
    }
}
