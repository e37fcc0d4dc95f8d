import Defects
import Metadata
import Raft
import Wire

// Brokers with an incarnation: of two processes with one id one is heard, and a process that stops hands over first.
extension Node {
    // Registration

    func register(
        _ registration: BrokerRegistration,
        _ completion: @escaping (Result<RegistrationOutcome, RequestFailure>) -> Void
    ) {
        let id = registration.broker.id
        let knowsIncarnation = registration.incarnation != nil || metadata.broker(id)?.incarnation != nil
        guard metadata.knowsIncarnations, knowsIncarnation else {
            return propose(registration.broker, completion)
        }
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            admit(registration, completion)
        }
    }

    /// The order of these is the contract's.
    private func admit(
        _ registration: BrokerRegistration,
        _ completion: @escaping (Result<RegistrationOutcome, RequestFailure>) -> Void
    ) {
        if registration.incarnation != nil, let cluster = registration.clusterID,
            cluster != metadata.counters.clusterID
        {
            return completion(.success(.otherCluster(metadata.counters.clusterID)))
        }
        var broker = registration.broker
        let existing = metadata.broker(broker.id)
        broker.replacing = existing?.incarnation?.epoch ?? 0
        guard let id = registration.incarnation else {
            if let existing, existing.incarnation != nil, let remaining = remainingSession(of: existing) {
                return completion(.success(.duplicate(existing, remaining: remaining)))
            }
            return propose(broker, completion)
        }
        let isSuccessor = existing.map { registration.isSuccessor(of: $0) } ?? false
        if let existing, existing.incarnation?.id != id, !isSuccessor, !Defect.replacesActiveBroker.isOn,
            let remaining = remainingSession(of: existing)
        {
            return completion(.success(.duplicate(existing, remaining: remaining)))
        }
        broker.incarnation = RegisterBroker.Incarnation(
            id: id, isSuccessor: isSuccessor, fetches: registration.fetches)
        propose(broker, completion)
    }

    private func propose(
        _ broker: RegisterBroker, _ completion: @escaping (Result<RegistrationOutcome, RequestFailure>) -> Void
    ) {
        submit(Proposal(.registerBroker(broker))) { [unowned self] result in
            switch result {
            case .success(.broker(let broker, let isNew)): completion(.success(.registered(broker, isNew: isNew)))
            case .success(.refused(.duplicateRegistration(let existing))):
                completion(.success(.duplicate(existing, remaining: remainingSession(of: existing) ?? .zero)))
            case .success(.refused(let refusal)): completion(.success(.refused(refusal)))
            case .success(let other): preconditionFailure("a registration came to \(other)")
            case .failure(let failure): completion(.failure(failure))
            }
        }
    }

    /// How long the process that is registered may still be taken for alive; `nil` if it is gone, or wants to go.
    private func remainingSession(of broker: Broker) -> Duration? {
        let age = heartbeats.age(of: broker.id, now: now.instant)
        switch broker.state {
        case .active: return max(.zero, settings.brokerTimeout - (age ?? .zero))
        case .fenced:
            guard let age, age < settings.brokerTimeout else { return nil }
            return settings.brokerTimeout - age
        case .controlledShutdown, .shutdown: return nil
        }
    }

    // Heartbeats

    /// A heartbeat that names an epoch, or of a broker that has one.
    func beat(
        _ heartbeat: Heartbeat, of known: Broker,
        _ completion: @escaping (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        guard let incarnation = known.incarnation,
            incarnation.epoch == heartbeat.epoch || Defect.staleEpochRenewsSession.isOn
        else {
            measurements.staleBrokerEpochs += 1
            return refuse(
                heartbeat, .staleBrokerEpoch(known.id, present: known.incarnation?.epoch), completion)
        }
        if isLeading {
            heartbeats.touch(known.id, knows: heartbeat.metadataVersion, now: now.instant)
            // One that is FENCED and was silent for too long is told again what it lacks.
            if known.state != .shutdown, !pushes.tells(known.id) {
                welcome(known.id)
            }
        }
        guard let next = nextState(of: known, incarnation, heartbeat) else {
            return acknowledge(heartbeat, completion)
        }
        let change = ChangeBrokerState(
            id: known.id, epoch: incarnation.epoch, state: next, timestamp: now.unixMilliseconds)
        self.change(.changeBrokerState(change), for: heartbeat, completion)
    }

    /// Where the heartbeat leads; `nil` if it leaves all as it is.
    private func nextState(
        of broker: Broker, _ incarnation: BrokerIncarnation, _ heartbeat: Heartbeat
    ) -> BrokerState? {
        let isActiveWanted = !heartbeat.wantsFence && !heartbeat.wantsShutdown
        let isCaughtUp = heartbeat.metadataVersion ?? 0 >= incarnation.epoch || Defect.activeBeforeCaughtUp.isOn
        switch incarnation.state {
        case .fenced: return isActiveWanted && isCaughtUp ? .active : nil
        // A FENCED of it is on its way through the log.
        case .active where heartbeats.isExpiring(broker.id) && isActiveWanted: return .active
        case .active where heartbeat.wantsFence: return .fenced
        case .active: return heartbeat.wantsShutdown ? .controlledShutdown : nil
        case .controlledShutdown:
            let version = incarnation.shutdownVersion ?? 0
            return allOthersKnow(version, but: broker.id) || Defect.shutdownBeforeOthersKnow.isOn ? .shutdown : nil
        case .shutdown: return nil
        }
    }

    /// Whether every ACTIVE broker has heard of the version: one with an incarnation says so, another one took a push.
    private func allOthersKnow(_ version: UInt64, but id: BrokerID) -> Bool {
        // Mostly it is the same one that is waited for, however many want to stop.
        if let last = lastWaitedFor.flatMap(metadata.broker), last.id != id, !knows(last, version) { return false }
        lastWaitedFor = metadata.brokers.first { $0.id != id && !knows($0, version) }?.id
        return lastWaitedFor == nil
    }

    private func knows(_ broker: Broker, _ version: UInt64) -> Bool {
        guard broker.state == .active else { return true }
        let said = heartbeats.metadataVersion(of: broker.id)
        return max(said, broker.incarnation == nil ? pushes.version(of: broker.id) : 0) >= version
    }
}

extension BrokerRegistration {
    /// Whether the process that is registered can not be running any more: it showed what only that one had, or listens where
    /// only one process can.
    fileprivate func isSuccessor(of existing: Broker) -> Bool {
        if let incarnation = existing.incarnation { return incarnation.id == successorOf }
        return existing.host == broker.host && existing.port == broker.port
    }
}
