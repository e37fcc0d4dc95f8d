import Logging
import Raft
import Wire

// An operator changes the members: one change at a time, carried out by the leader that took it. What is in the log any
// leader finishes; a learner that was to become a voter stays one if its leader dies, and the verb is typed again.
extension Node {
    typealias MembershipCompletion = (Result<MembershipProgress, MembershipFailure>) -> Void

    /// How long a newcomer is waited for, so that a wrong address changes nothing.
    private var contactPatience: Duration { settings.raft.electionTimeout }

    func change(_ request: MembershipRequest, _ completion: @escaping MembershipCompletion) {
        if let outOfService { return completion(.failure(.unavailable(outOfService))) }
        guard raft.role == .leader, raft.isLeaderReady, !raft.isTransferringLeadership else {
            return completion(.failure(.notLeader(leader: otherLeader)))
        }
        if case .transferLeadership(let target) = request.change { return transfer(to: target, request, completion) }
        guard operation == nil else {
            return completion(
                .failure(.refused(.changeInProgress, "another change is under way: \(operationText ?? "")")))
        }
        if case .setFeature(let name, let level) = request.change {
            return setFeature(name, level, request, completion)
        }
        guard raft.hasConfiguration else {
            return completion(
                .failure(
                    .refused(
                        .featureNotEnabled,
                        "the members of this cluster are those of services.json. Once all nodes run this release: "
                            + "\"dmq-metadata feature upgrade kraft.version=1\"")))
        }
        do { try begin(request, completion) } catch { completion(.failure(error)) }
    }

    private func begin(_ request: MembershipRequest, _ completion: @escaping MembershipCompletion)
        throws(MembershipFailure)
    {
        let configuration = raft.configuration
        func known(_ member: NodeID) throws(MembershipFailure) {
            guard !configuration.contains(member) else { return }
            throw .refused(
                .unknownMember, "node \(member) is no member; the members are \(AdmissionView.list(configuration.ids))")
        }
        var operation = MembershipOperation(
            request: request, phase: .changing(from: .zero), completion: completion)
        switch request.change {
        case .add(let member, let asLearner):
            try check(member)
            if let listed = configuration.members.first(where: { $0.id == member.id }) {
                guard listed.host == member.host, listed.port == member.port else {
                    throw .refused(
                        .idInUse,
                        "node \(member.id) is a member at \(listed.host):\(listed.port); to move it: member move")
                }
                if listed.role == .voter || asLearner { return tellWhenInForce(request, completion) }
                operation.phase = .catchingUp(member.id)
            } else {
                try checkAddress(of: member, configuration)
                operation.phase = .contacting(member, until: now.instant.advanced(by: contactPatience))
            }
        case .promote(let member):
            try known(member)
            if configuration.members.contains(where: { $0.id == member && $0.role == .voter }) {
                return tellWhenInForce(request, completion)
            }
            operation.phase = .catchingUp(member)
        case .replace(let old, let member):
            try check(member)
            if !configuration.contains(old), configuration.contains(member.id) {
                return tellWhenInForce(request, completion)
            }
            try known(old)
            guard old != member.id else {
                throw .refused(
                    .idInUse, "a member that comes on an empty directory is let in by itself: start it, and wait")
            }
            if configuration.contains(member.id) {
                operation.phase = .catchingUp(member.id)
            } else {
                try checkAddress(of: member, configuration)
                operation.phase = .contacting(member, until: now.instant.advanced(by: contactPatience))
            }
        case .remove(let member):
            if !configuration.contains(member) { return tellWhenInForce(request, completion) }
        case .move(let member):
            try check(member)
            try known(member.id)
        case .setVoters(let ids):
            for member in ids { try known(member) }
            if configuration.voters == ids.sorted() { return tellWhenInForce(request, completion) }
        case .transferLeadership, .setFeature: preconditionFailure("no change of the members")
        }
        if request.isDryRun {
            if case .changing = operation.phase, let refusal = raft.refusal(of: target(of: request.change)) {
                throw failure(refusal)
            }
            return completion(.success(.done))
        }
        self.operation = operation
        if case .changing = operation.phase { propose(target(of: request.change)) }
        updateMembers()
        if !request.waits { tell(.success(.begun)) }
        continueMembership()
    }

    /// What is asked for stands in the latest configuration. Until that is committed a majority of the one before may still be
    /// needed, so who was removed must not be switched off yet.
    private func tellWhenInForce(_ request: MembershipRequest, _ completion: @escaping MembershipCompletion) {
        let latest = raft.log.configurations.latest
        let isInForce = latest.index <= raft.commitIndex && !latest.configuration.isJoint
        if isInForce || request.isDryRun { return completion(.success(.done)) }
        operation = MembershipOperation(
            request: request, phase: .changing(from: latest.index), completion: completion)
        if !request.waits { tell(.success(.begun)) }
        continueMembership()
    }

    private func check(_ member: Member) throws(MembershipFailure) {
        guard (1...9999).contains(member.id.number) else { throw .refused(.invalid, "node ids are 1 to 9999") }
        guard Configuration.isPlain(member.host), !member.host.isEmpty, Configuration.isPlain(member.url),
            member.port > 0
        else { throw .refused(.invalid, "\(member.host):\(member.port) is no address") }
    }

    private func checkAddress(of member: Member, _ configuration: Configuration) throws(MembershipFailure) {
        if let other = configuration.members.first(where: { $0.host == member.host && $0.port == member.port }) {
            throw .refused(.idInUse, "node \(other.id) is at \(member.host):\(member.port)")
        }
    }

    /// What is wanted in the end.
    private func target(of change: MembershipChange) -> Configuration {
        let present = raft.configuration
        var members = present.members
        func promote(_ id: NodeID) {
            for position in members.indices where members[position].id == id { members[position].role = .voter }
        }
        switch change {
        case .add(let member, _): promote(member.id)
        case .promote(let id): promote(id)
        case .remove(let id): members.removeAll { $0.id == id }
        case .replace(let old, let member):
            promote(member.id)
            members.removeAll { $0.id == old }
        case .move(let member):
            for position in members.indices where members[position].id == member.id {
                let old = members[position]
                members[position] = Configuration.Member(member, directory: old.directory, role: old.role)
            }
        case .setVoters(let ids):
            for id in ids { promote(id) }
            members.removeAll { $0.role == .voter && !ids.contains($0.id) }
        case .transferLeadership, .setFeature: break
        }
        return Configuration(members, features: present.features)
    }

    // Step by step

    /// Goes on with what is under way, as far as it can be now. Asked after every batch.
    func continueMembership() {
        guard operation != nil || !guests.isEmpty else { return }
        guard raft.role == .leader, ending == nil else { return end(.failure(.outcomeUnknown)) }
        readmit()
        guard let operation else { return }
        switch operation.phase {
        case .contacting(let member, let deadline): contact(member, until: deadline)
        case .changing(let from):
            let latest = raft.log.configurations.latest
            guard latest.index >= from, latest.index <= raft.commitIndex, !latest.configuration.isJoint else { return }
            changed(operation)
        case .catchingUp(let member):
            guard raft.configuration.contains(member) else {
                return end(.failure(.refused(.unknownMember, "node \(member) is no member any more")))
            }
            let wanted = target(of: operation.request.change)
            switch raft.refusal(of: wanted, isForced: operation.request.isForced) {
            case nil: propose(wanted)
            case .notCaughtUp, .changeInProgress, .notReady: break
            case let refusal?: end(.failure(failure(refusal)))
            }
        }
    }

    /// The entry is committed: either all is done, or the newcomer is a learner now.
    private func changed(_ operation: MembershipOperation) {
        let newcomer: NodeID? =
            switch operation.request.change {
            case .add(let member, asLearner: false), .replace(_, let member): member.id
            default: nil
            }
        guard let newcomer, raft.configuration.members.contains(where: { $0.id == newcomer && $0.role == .learner })
        else { return end(.success(.done)) }
        self.operation?.phase = .catchingUp(newcomer)
    }

    private func contact(_ member: Member, until deadline: Instant) {
        guard let found = newcomer, found.speaker.node == member.id else {
            if now.instant >= deadline {
                end(.failure(.refused(.unreachable, "no node \(member.id) answers at \(member.host):\(member.port)")))
            }
            return
        }
        guard found.cluster == nil || found.cluster == identity.clusterID else {
            return end(
                .failure(
                    .refused(
                        .foreignCluster,
                        "node \(member.id) at \(member.host):\(member.port) belongs to cluster \(found.cluster ?? "")"))
            )
        }
        if let lacking = lacking(found.abilities) { return end(.failure(.refused(.unsupportedLevel, lacking))) }
        let present = raft.configuration
        propose(
            Configuration(
                present.members
                    + [Configuration.Member(member, directory: found.speaker.directory, role: .learner)],
                features: present.features))
    }

    private func propose(_ target: Configuration) {
        step(.reconfigure(target, isForced: operation?.request.isForced ?? false))
    }

    func reconfiguring(from index: LogIndex) {
        newcomer = nil
        operation?.phase = .changing(from: index)
    }

    func reconfigurationRefused(_ refusal: ReconfigurationRefusal) {
        // One that nobody asked for is tried again.
        guard operation != nil else { return }
        if case .changeInProgress = refusal, case .contacting? = operation?.phase { return }
        end(.failure(failure(refusal)))
    }

    private func end(_ result: Result<MembershipProgress, MembershipFailure>) {
        tell(result)
        guard operation != nil else { return }
        operation = nil
        newcomer = nil
        if raft.role == .leader { updateMembers() }
    }

    private func tell(_ result: Result<MembershipProgress, MembershipFailure>) {
        let completion = operation?.completion
        operation?.completion = nil
        completion?(result)
    }

    private func failure(_ refusal: ReconfigurationRefusal) -> MembershipFailure {
        switch refusal {
        case .notLeader, .notReady: .notLeader(leader: otherLeader)
        case .changeInProgress(let index): .refused(.changeInProgress, "the change at entry \(index) is under way")
        case .invalid(let text): .refused(.invalid, text)
        case .notCaughtUp(let ids): .refused(.notCaughtUp, "\(AdmissionView.list(ids)): not as far as the others")
        case .wouldLoseQuorum(let heard, let voters):
            .refused(
                .wouldLoseQuorum,
                "of the \(voters.count) voters \(voters) only \(heard) answer, \(voters.count / 2 + 1) are needed")
        }
    }

    // A member that comes on another directory

    /// A voter whose directory was emptied is fed as a guest, and let in again by the protocol once it follows: it is exchanged for
    /// what it was, by majorities of both.
    private func readmit() {
        guard operation == nil, raft.hasConfiguration, raft.isLeaderReady else { return }
        let present = raft.configuration
        for (member, directory) in guests.sorted(by: { $0.key < $1.key }) {
            guard let position = present.members.firstIndex(where: { $0.id == member && $0.directory != directory })
            else { continue }
            var members = present.members
            members[position].directory = directory
            let wanted = Configuration(members, features: present.features)
            guard raft.refusal(of: wanted, isForced: false) == nil else { continue }
            logger.info(
                "🔓 a member comes on a new directory", metadata: ["node": "\(member)", "directory": "\(directory)"])
            return step(.reconfigure(wanted, isForced: false))
        }
    }

    // Leadership

    private func transfer(to target: NodeID?, _ request: MembershipRequest, _ completion: MembershipCompletion) {
        if let target {
            if target == id { return completion(.success(.done)) }
            guard raft.configuration.voters.contains(target) else {
                return completion(.failure(.refused(.unknownMember, "node \(target) is no voter")))
            }
        }
        if !request.isDryRun { step(.transferLeadership(to: target)) }
        completion(.success(.begun))
    }

    // What people see

    var operationText: String? {
        guard let operation else { return nil }
        switch operation.phase {
        case .contacting(let member, _): return "asking node \(member.id) at \(member.host):\(member.port) who it is"
        case .changing(let index): return "waiting for entry \(index) to be committed"
        case .catchingUp(let id):
            let match = raft.followers.first { $0.id == id }?.matchIndex ?? .zero
            return "node \(id) is catching up: \(match) of \(raft.log.last.index)"
        }
    }

    var membership: MembershipView {
        let placed = raft.log.configurations.latest
        let listed =
            raft.hasConfiguration
            ? placed.configuration.members
            : members.map { Configuration.Member($0, directory: identity[$0.id]?.directory, role: .voter) }
        let followers = raft.followers
        return MembershipView(
            clusterID: identity.clusterID, configurationIndex: placed.index,
            isCommitted: placed.index <= raft.commitIndex, isJoint: placed.configuration.isJoint,
            features: finalizedFeatures, leader: raft.leader, lastIndex: raft.log.last.index, operation: operationText,
            rows: listed.map { member in
                let follower = followers.first { $0.id == member.id }
                let abilities = member.id == id ? ownAbilities : abilities[member.id]
                return MembershipView.Row(
                    member: member, matchIndex: member.id == id ? raft.log.durableIndex : follower?.matchIndex,
                    lastContactMs: follower?.lastContact.map {
                        Int64(now.instant.since($0).wholeNanoseconds / 1_000_000)
                    }, features: abilities?.features ?? [], build: abilities?.build)
            })
    }
}
