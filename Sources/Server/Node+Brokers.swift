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
        logger.info("🔧 heartbeat state rebuilt for \(present.count) brokers")
        announceLeadership(to: present)
        raiseLevelOfNewCluster()
    }

    func endLeadingBrokers() {
        isLeading = false
        heartbeats.clear()
        leaseTimes.endLeading()
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

    // Lag reports

    func reportLag(_ report: LagReport, _ completion: @escaping PendingWrites.Completion) {
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            guard let broker = metadata.broker(report.broker) else {
                return completion(.success(.refused(.unknownBroker(report.broker))))
            }
            let present = broker.incarnation?.epoch
            if metadata.knowsIncarnations, report.epoch != present, !Defect.staleEpochReportsLag.isOn {
                return completion(.success(.refused(.staleBrokerEpoch(broker.id, present: present))))
            }
            let changes = isrChanges(report.partitions, of: broker)
            guard !changes.isEmpty, !Defect.lagReportsIgnored.isOn else { return completion(.success(.done)) }
            submit(
                .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker.id, epoch: present, changes: changes)),
                completion)
        }
    }

    /// What the lags ask for. Whether it may be is decided again when it is applied.
    private func isrChanges(
        _ lags: [LagReport.PartitionLag], of broker: Broker
    ) -> [UpdateInSyncReplicas.Change] {
        var changes: [UpdateInSyncReplicas.Change] = []
        var unknown: [LagReport.PartitionLag] = []
        for lag in lags {
            guard let partition = metadata.partition(lag.topic, lag.partition) else {
                unknown.append(lag)
                continue
            }
            guard let isInSync = lag.verdict.change(of: partition, on: broker) else { continue }
            changes.append(
                UpdateInSyncReplicas.Change(topic: lag.topic, partition: lag.partition, isInSync: isInSync))
        }
        if let first = unknown.first {
            log(
                .unknownPartition, .warning, "⚠️ lag report names unknown partitions",
                [
                    "broker": "\(broker.id)", "count": "\(unknown.count)", "topic": "\(first.topic)",
                    "partition": "\(first.partition)",
                ])
        }
        return changes
    }
}

extension LagReport.PartitionLag {
    enum Verdict { case inSync, outOfSync, between }

    /// Two thresholds, so that a replica at the edge does not flap.
    var verdict: Verdict {
        if offsetLag > (Defect.lagLimitMoved.isOn ? 4500 : 4000) || timeSinceCaughtUp > 10_000 || isOutOfSync {
            return .outOfSync
        }
        return offsetLag < (Defect.caughtUpTooEarly.isOn ? 1000 : 100) && timeSinceCaughtUp < 1000 ? .inSync : .between
    }
}

extension LagReport.PartitionLag.Verdict {
    /// Whether the broker is to be in sync, if that is to change.
    fileprivate func change(of partition: Partition, on broker: Broker) -> Bool? {
        let isMember = partition.inSyncReplicas.contains(broker.id)
        switch self {
        case .outOfSync where isMember && partition.leader != broker.id && partition.inSyncReplicas.count > 1:
            return Defect.lagReportsInverted.isOn
        case .inSync where !isMember && partition.replicas.contains(broker.id) && broker.state == .active:
            return true
        default: return nil
        }
    }
}
