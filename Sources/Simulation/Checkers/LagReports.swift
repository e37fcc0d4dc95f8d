import Metadata
import Raft
import Server

extension LagReport {
    /// What was not done, though the report was answered with `result`. Each partition must have been as the report asks for,
    /// or such that it may not be (contract §5), at some version since `first`.
    func neglected(_ result: CommandResult, since first: UInt64, _ model: Model) -> String? {
        let versions = model.clusters[Int(first)...]
        guard ModelAnswer(result) == .done else {
            if ModelAnswer(result) == .refused("unknownBroker"), versions.contains(where: { $0.broker(broker) == nil })
            {
                return nil
            }
            let isStale = { (cluster: ClusterModel) in cluster.broker(broker)?.process?.epoch != epoch }
            if ModelAnswer(result) == .refused("staleBrokerEpoch"), versions.contains(where: isStale) { return nil }
            return "the report of broker \(broker) is answered with \(result)"
        }
        for lag in partitions {
            guard let wanted = lag.wantsInSync else { continue }
            let isDone = versions.contains { cluster in
                guard let partition = cluster.partition(lag.topic, lag.partition) else { return true }
                // From level 4 on.
                if model.level >= 4 {
                    if let epoch = lag.leaderEpoch, epoch != partition.epoch { return true }
                    if wanted, partition.leader.flatMap({ cluster.broker($0) })?.process != nil { return true }
                }
                return wanted
                    ? !partition.mayJoin(broker, mayLead: cluster.mayLead(broker)) : !partition.mayLeave(broker)
            }
            if !isDone { return "broker \(broker) asks: \(lag); nothing came of it since version \(first)" }
        }
        return nil
    }

    func asks(for update: UpdateInSyncReplicas) -> Bool {
        (epoch == nil || epoch == update.epoch)
            && update.changes.allSatisfy { change in
                partitions.contains {
                    $0.topic == change.topic && $0.partition == change.partition && $0.wantsInSync == change.isInSync
                        && $0.leaderEpoch == change.leaderEpoch
                }
            }
    }
}

extension LagReport.PartitionLag {
    /// `nil` between the two limits: it stays as it is.
    fileprivate var wantsInSync: Bool? {
        if isOutOfSync || offsetLag > 4000 || timeSinceCaughtUp > 10_000 { return false }
        return offsetLag < 100 && timeSinceCaughtUp < 1000 ? true : nil
    }
}

/// Whatever in-sync replicas change by a report, their broker asked for.
final class LagReports: Checker {
    let invariant = "Lag reports do what they ask for"
    let kinds: [Observation.Kind] = [.committed]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .committed(let entry, _, _, _) = observation else { return nil }
        switch cluster.ledger.lastCommand {
        case .updateInSyncReplicas(let update) where !cluster.brokers.hasAsked(for: update):
            return "broker \(update.broker) did not ask for entry \(entry.position): \(update.changes)"
        case .alterPartitions(let alteration) where !cluster.brokers.hasSent(alteration):
            return "broker \(alteration.broker) did not send entry \(entry.position): \(alteration.changes)"
        default: return nil
        }
    }
}
