import Defects
import Logging
import Metadata
import Raft

// What brokers ask, and who of them is there.
extension Node {
    func beginLeadingBrokers() {
        isLeading = true
        let online = metadata.brokers.filter { $0.status == .online }.map(\.id)
        let awaited = Defect.heartbeatsNotRebuilt.isOn ? [] : online
        heartbeats.rebuild(online: awaited, now: now.instant, checkInterval: settings.brokerCheckInterval)
        leaseTimes.beginLeading()
        logger.info("🔧 heartbeat state rebuilt for \(online.count) brokers")
        announceLeadership(to: online)
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
        _ broker: BrokerID, _ completion: @escaping (Result<HeartbeatAnswer?, RequestFailure>) -> Void
    ) {
        if Defect.heartbeatUnconfirmed.isOn, raft.role == .leader, metadata.broker(broker)?.status == .online {
            heartbeats.touch(broker, now: now.instant)
            return acknowledgeHeartbeat(completion)
        }
        heartbeats.arrived(broker)
        confirm { [unowned self] confirmation in
            heartbeats.settled(broker)
            if case .failure(let failure) = confirmation {
                measurements.heartbeatFailures += 1
                return completion(.failure(failure))
            }
            guard let known = metadata.broker(broker) else {
                measurements.heartbeatFailures += 1
                return completion(.success(nil))
            }
            let isOnline = known.status == .online && !heartbeats.isExpiring(broker)
            if isOnline || Defect.heartbeatBringsNobodyBack.isOn {
                if isLeading, !Defect.heartbeatNotCounted.isOn { heartbeats.touch(broker, now: now.instant) }
                acknowledgeHeartbeat(completion)
            } else {
                bringOnline(broker, completion)
            }
        }
    }

    private func acknowledgeHeartbeat(_ completion: (Result<HeartbeatAnswer?, RequestFailure>) -> Void) {
        measurements.heartbeatSuccesses += 1
        let version = Defect.heartbeatVersionZero.isOn ? 0 : metadata.counters.version
        completion(.success(HeartbeatAnswer(version: version, term: raft.currentTerm)))
    }

    /// The broker is back: that is committed before it is told so.
    private func bringOnline(
        _ broker: BrokerID, _ completion: @escaping (Result<HeartbeatAnswer?, RequestFailure>) -> Void
    ) {
        let update = UpdateBrokerStatus(id: broker, status: .online, timestamp: now.unixMilliseconds)
        submit(.updateBrokerStatus(update)) { [unowned self] result in
            switch result {
            case .success(.refused(.unknownBroker)): completion(.success(nil))
            case .success where raft.role != .leader:
                // The next leader committed it, and counts the broker's time from now on.
                measurements.heartbeatFailures += 1
                completion(.failure(.notLeader(leader: otherLeader)))
            case .success:
                if isLeading { heartbeats.touch(broker, now: now.instant) }
                acknowledgeHeartbeat(completion)
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
            logger.warning(
                "⚠️ broker missed its heartbeat",
                metadata: ["broker": "\(broker)", "silentMs": "\(silence.wholeNanoseconds / 1_000_000)"])
            measurements.brokersExpired += 1
            let update = UpdateBrokerStatus(id: broker, status: .offline, timestamp: now.unixMilliseconds)
            submit(.updateBrokerStatus(update)) { [unowned self] result in
                // One whose outcome is not known is in the log, and takes the broker OFFLINE when it is committed.
                if case .failure(.notLeader) = result { heartbeats.expiryFailed(broker) }
            }
        }
    }

    // Lag reports

    func reportLag(_ report: LagReport, _ completion: @escaping PendingWrites.Completion) {
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            guard let broker = metadata.broker(report.broker) else {
                return completion(.success(.refused(.unknownBroker(report.broker))))
            }
            let changes = isrChanges(report.partitions, of: broker)
            guard !changes.isEmpty, !Defect.lagReportsIgnored.isOn else { return completion(.success(.done)) }
            submit(
                .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker.id, changes: changes)), completion)
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
        case .inSync where !isMember && partition.replicas.contains(broker.id) && broker.status == .online:
            return true
        default: return nil
        }
    }
}
