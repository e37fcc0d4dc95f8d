import Defects
import Logging
import Metadata
import Raft
import Wire

// Who is in sync: as the leaders of partitions say, or, where these can not, their followers.
extension Node {
    // Leaders

    /// What changes nothing is answered without an entry.
    func alterPartitions(_ alteration: AlterPartitions, _ completion: @escaping PendingWrites.Completion) {
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            guard metadata.drawsTopicIDs else {
                return completion(.failure(.levelTooLow(needed: MetadataStateMachine.topicIDLevel)))
            }
            guard let broker = metadata.broker(alteration.broker) else {
                return completion(.success(.refused(.unknownBroker(alteration.broker))))
            }
            let present = broker.incarnation?.epoch
            guard present == alteration.epoch || Defect.staleEpochAltersPartitions.isOn else {
                measurements.staleBrokerEpochs += 1
                return completion(.success(.refused(.staleBrokerEpoch(broker.id, present: present))))
            }
            if let result = metadata.resultIfUnchanged(alteration) { return completion(.success(result)) }
            submit(Proposal(.alterPartitions(alteration)), completion)
        }
    }

    // Followers

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
            noteProgress(lag, of: broker.id, partition)
            guard metadata.isOfPresentLeadership(lag.leaderEpoch, partition),
                let isInSync = lag.verdict.change(of: partition, on: broker),
                !isInSync || !metadata.saysWhoIsInSync(partition.leader)
            else { continue }
            changes.append(
                UpdateInSyncReplicas.Change(
                    topic: lag.topic, partition: lag.partition, isInSync: isInSync, leaderEpoch: lag.leaderEpoch))
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
