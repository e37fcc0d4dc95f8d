import Metadata
import Raft
import Server

// What brokers say of who is in sync: followers by their lag, leaders by what they have seen.
extension SimulatedBrokers {
    // Followers

    func reportLag(_ index: Int, epoch: UInt64?) {
        let id = all[index].id
        let newest = newestEpochs[id] ?? 0
        var lags: [LagReport.PartitionLag] = []
        for (name, partition) in cluster.ledger.model.cluster.namedPartitions {
            guard partition.leader == id || partition.followers.contains(id) else { continue }
            lags.append(lag(name.topic, name.number, in: random.chance(300) ? partition.epoch : nil))
        }
        lags.insert(lag("no-such-topic", 0), at: random.below(lags.count + 1))
        let node = cluster.nodes[all[index].guess]
        let report = LagReport(broker: id, epoch: epoch, partitions: lags)
        all[index].reports.append(report)
        if all[index].reports.count > 40 { all[index].reports.removeFirst() }
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .lagReport(report, $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.broker, node: node.id, UInt64(id), "broker \(id) reports lag: \(outcome)")
            guard case .answered(.success(let result)) = outcome else { return }
            if result == .done, let epoch, epoch < newest {
                cluster.violated(
                    "A process that was replaced is refused",
                    "broker \(id) of epoch \(epoch) reports lag, after \(newest) was told that it has the id")
            }
            if let text = report.neglected(result, since: asked.version, cluster.ledger.model) {
                cluster.violated("Lag reports do what they ask for", text)
            }
        }
    }

    /// On both sides of each limit, and at it.
    private func lag(_ topic: String, _ partition: Int, in leaderEpoch: Int? = nil) -> LagReport.PartitionLag {
        let isBehind = random.chance(400)
        return LagReport.PartitionLag(
            topic: topic, partition: partition,
            offsetLag: isBehind ? random.pick([4000, 4001, 5000]) : random.pick([0, 0, 50, 99, 100, 200]),
            timeSinceCaughtUp: isBehind ? random.pick([0, 10_000, 10_001]) : random.pick([0, 0, 999, 1000]),
            isOutOfSync: random.chance(50), leaderEpoch: leaderEpoch)
    }

    /// Whether one of its late reports asks for all of that.
    func hasAsked(for update: UpdateInSyncReplicas) -> Bool {
        guard let reports = all.first(where: { $0.id == update.broker })?.reports else { return false }
        return reports.contains { $0.asks(for: update) }
    }

    // Leaders

    /// It knows the partitions that it leads as they were at a version, and followers that have caught up since.
    func alterPartitions(_ index: Int, epoch: UInt64, knows version: UInt64) {
        let id = all[index].id
        guard let known = cluster.ledger.model.cluster(at: version) else { return }
        let newest = newestEpochs[id] ?? 0
        let alteration = AlterPartitions(broker: id, epoch: epoch, changes: changes(of: id, known, version))
        all[index].alterations.append(alteration)
        if all[index].alterations.count > 40 { all[index].alterations.removeFirst() }
        let node = cluster.nodes[all[index].guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .alterPartitions(alteration, $0)
        } completion: { [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.broker, node: node.id, UInt64(id), "broker \(id) alters partitions: \(outcome)")
            guard case .answered(.success(let result)) = outcome else { return }
            if case .partitions = result, epoch < newest {
                cluster.violated(
                    "A process that was replaced is refused",
                    "broker \(id) of epoch \(epoch) alters partitions, after \(newest) was told that it has the id")
            }
            if !alteration.explains(result, since: asked.version, cluster.ledger.model) {
                cluster.violated("Leaders are told the truth", "\(alteration) is answered \(result)")
            }
        }
    }

    /// Some of what no leader would ask for is among them.
    private func changes(of id: BrokerID, _ known: ClusterModel, _ version: UInt64) -> [AlterPartitions.Change] {
        var changes: [AlterPartitions.Change] = []
        // When it last heard from its followers.
        let seen = cluster.ledger.model.cluster(at: version - min(version, UInt64(random.below(15)))) ?? known
        for topic in known.topics {
            for (number, partition) in topic.partitions.enumerated() {
                guard partition.leader == id || partition.replicas.contains(id) && random.chance(50) else { continue }
                let members = partition.replicas.filter { $0 == id || random.chance(700) }
                changes.append(
                    AlterPartitions.Change(
                        topic: topic.id.flatMap { random.chance(600) ? .id($0) : nil } ?? .name(topic.name),
                        partition: random.chance(20) ? 99 : number, leaderEpoch: partition.epoch,
                        partitionEpoch: partition.changes,
                        inSync: (random.chance(30) ? members + [id] : members).map { member in
                            AlterPartitions.Member(
                                member, epoch: random.chance(700) ? seen.broker(member)?.process?.epoch : nil)
                        }))
            }
        }
        return changes
    }

    /// Whether one of its late reports says that.
    func hasSent(_ alteration: AlterPartitions) -> Bool {
        all.first { $0.id == alteration.broker }?.alterations.contains(alteration) ?? false
    }
}

extension AlterPartitions {
    /// Whether it comes to that by the rules, at some version since.
    fileprivate func explains(_ result: CommandResult, since first: UInt64, _ model: Model) -> Bool {
        let answer = ModelAnswer(result)
        return model.clusters[Int(first)...].contains { cluster in
            var cluster = cluster
            return cluster.alter(self) == answer
        }
    }
}
