import Defects
import Logging
import Metadata
import Raft

// What brokers ask, and who of them is there.
extension Node {
    func beginLeadingBrokers() {
        isLeading = true
        // One that is FENCED may be about to know enough.
        let present = metadata.brokers.filter { $0.status == .online || $0.state == .fenced && $0.incarnation != nil }
            .map(\.id)
        let awaited = Defect.heartbeatsNotRebuilt.isOn ? [] : present
        heartbeats.rebuild(online: awaited, now: now.instant, checkInterval: settings.brokerCheckInterval)
        leaseTimes.beginLeading()
        balance.begin(now: now.instant, interval: settings.leaderRebalanceInterval)
        logger.info("🔧 heartbeat state rebuilt for \(present.count) brokers")
        announceLeadership(to: present)
        raiseLevelOfNewCluster()
    }

    func endLeadingBrokers() {
        isLeading = false
        heartbeats.clear()
        leaseTimes.endLeading()
        balance.end()
        reassignmentProgress = ReassignmentProgress()
        pushes = BrokerPushes()
        pushBodies = nil
        network.forgetBrokers()
    }

    // Heartbeats

    public func lastHeartbeat(of broker: BrokerID) -> Duration? {
        isLeading ? heartbeats.age(of: broker, now: now.instant) : nil
    }

    /// A heartbeat is answered only by a leader that a majority has confirmed after it came: no broker may be told that
    /// it is seen by a controller that was replaced meanwhile. Until then it keeps the broker from being taken for silent.
    func heartbeat(
        _ heartbeat: Heartbeat, _ completion: @escaping (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        let broker = heartbeat.broker
        var heartbeat = heartbeat
        // Nobody has one yet, and a node of the release before would not look at it.
        if !metadata.knowsIncarnations { heartbeat.epoch = nil }
        if Defect.heartbeatUnconfirmed.isOn, raft.role == .leader, metadata.broker(broker)?.status == .online {
            heartbeats.touch(broker, now: now.instant)
            return acknowledge(heartbeat, completion)
        }
        // Of a process that was replaced nothing counts.
        let isPresent = metadata.broker(broker)?.incarnation?.epoch == heartbeat.epoch
        if isPresent { heartbeats.arrived(broker) }
        confirm { [unowned self, heartbeat] confirmation in
            if isPresent { heartbeats.settled(broker) }
            if case .failure(let failure) = confirmation {
                measurements.heartbeatFailures += 1
                return completion(.failure(failure))
            }
            guard let known = metadata.broker(broker) else {
                return refuse(heartbeat, .unknownBroker(broker), completion)
            }
            if known.incarnation != nil || heartbeat.epoch != nil { return beat(heartbeat, of: known, completion) }
            let isOnline = known.status == .online && !heartbeats.isExpiring(broker)
            if isOnline || Defect.heartbeatBringsNobodyBack.isOn {
                if isLeading, !Defect.heartbeatNotCounted.isOn {
                    heartbeats.touch(broker, knows: heartbeat.metadataVersion, now: now.instant)
                }
                acknowledge(heartbeat, completion)
            } else {
                bringOnline(heartbeat, completion)
            }
        }
    }

    func acknowledge(
        _ heartbeat: Heartbeat, _ completion: (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        measurements.heartbeatSuccesses += 1
        let version = Defect.heartbeatVersionZero.isOn ? 0 : metadata.counters.version
        completion(
            .success(
                .acknowledged(
                    HeartbeatAnswer(
                        version: version, term: raft.currentTerm,
                        incarnation: metadata.broker(heartbeat.broker)?.incarnation))))
    }

    func refuse(
        _ heartbeat: Heartbeat, _ refusal: Refusal, _ completion: (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        measurements.heartbeatFailures += 1
        completion(.success(.refused(refusal)))
    }

    /// The broker is back: that is committed before it is told so.
    private func bringOnline(
        _ heartbeat: Heartbeat, _ completion: @escaping (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        let update = UpdateBrokerStatus(id: heartbeat.broker, status: .online, timestamp: now.unixMilliseconds)
        change(.updateBrokerStatus(update), for: heartbeat, completion)
    }

    /// Acknowledges the heartbeat when what it leads to is committed.
    func change(
        _ command: Command, for heartbeat: Heartbeat,
        _ completion: @escaping (Result<HeartbeatOutcome, RequestFailure>) -> Void
    ) {
        submit(command) { [unowned self] result in
            switch result {
            case .success(.refused(let refusal)): refuse(heartbeat, refusal, completion)
            case .success where raft.role != .leader:
                // The next leader committed it, and counts the broker's time from now on.
                measurements.heartbeatFailures += 1
                completion(.failure(.notLeader(leader: otherLeader)))
            case .success:
                // Another process may have registered behind it.
                let present = metadata.broker(heartbeat.broker)?.incarnation?.epoch
                guard present == heartbeat.epoch else {
                    return refuse(heartbeat, .staleBrokerEpoch(heartbeat.broker, present: present), completion)
                }
                if isLeading {
                    heartbeats.touch(heartbeat.broker, knows: heartbeat.metadataVersion, now: now.instant)
                }
                acknowledge(heartbeat, completion)
            case .failure(let failure):
                measurements.heartbeatFailures += 1
                completion(.failure(failure))
            }
        }
    }

    func expireBrokers() {
        guard isLeading else { return }
        let expired = heartbeats.expire(
            now: now.instant, timeout: settings.brokerTimeout, checkInterval: settings.brokerCheckInterval)
        for (broker, silence) in expired {
            // One that is FENCED is only not awaited any more.
            guard let known = metadata.broker(broker), known.status == .online else {
                forget(broker)
                continue
            }
            logger.warning(
                "⚠️ broker missed its heartbeat",
                metadata: ["broker": "\(broker)", "silentMs": "\(silence.wholeNanoseconds / 1_000_000)"])
            measurements.brokersExpired += 1
            submit(expiry(of: known)) { [unowned self] result in
                // One whose outcome is not known is in the log, and takes the broker OFFLINE when it is committed.
                if case .failure(.notLeader) = result { heartbeats.expiryFailed(broker) }
            }
        }
    }

    private func expiry(of broker: Broker) -> Command {
        let time = now.unixMilliseconds
        guard let incarnation = broker.incarnation else {
            return .updateBrokerStatus(UpdateBrokerStatus(id: broker.id, status: .offline, timestamp: time))
        }
        return .changeBrokerState(
            ChangeBrokerState(id: broker.id, epoch: incarnation.epoch, state: .fenced, timestamp: time))
    }
}
