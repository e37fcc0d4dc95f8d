import Defects
import Logging
import Metadata
import Raft

// Telling brokers of changes, as the leader.
extension Node {
    private func update(_ kind: PushKind, _ contents: PushContents = PushContents()) -> PushUpdate? {
        guard let controller = member(id) else { return nil }
        let version = metadata.counters.version
        return PushUpdate(
            kind, version: Defect.pushNamesOlderVersion.isOn && version > 0 ? version - 1 : version,
            controller: controller, term: raft.currentTerm,
            timestamp: now.unixMilliseconds, contents)
    }

    private var onlineBrokers: [Broker] { metadata.brokers.filter { $0.status == .online } }

    private var allPartitions: [(topic: String, partition: Partition)] {
        metadata.topicNames.flatMap { name in
            (metadata.topic(name)?.1 ?? []).map { (topic: name, partition: $0) }
        }
    }

    private func enqueue(_ update: PushUpdate?, for broker: BrokerID) {
        guard let update else { return }
        if pushes.enqueue(update, for: broker) { enqueueFullSnapshot(for: broker) }
    }

    private func enqueueForAll(_ update: PushUpdate?) {
        for broker in onlineBrokers { enqueue(update, for: broker.id) }
    }

    private func enqueueFullSnapshot(for broker: BrokerID) {
        let contents = PushContents(
            brokers: Defect.fullSnapshotOfOnlineOnly.isOn ? onlineBrokers : metadata.brokers,
            partitions: Defect.fullSnapshotWithoutPartitions.isOn ? [] : allPartitions)
        guard !Defect.fullSnapshotMissing.isOn, let snapshot = update(.fullSnapshot, contents) else { return }
        _ = pushes.enqueue(snapshot, for: broker)
    }

    func announceLeadership(to brokers: [BrokerID]) {
        for broker in brokers where !Defect.controllerChangeNotPushed.isOn {
            enqueue(update(.controllerChanged), for: broker)
        }
        logger.info("📢 controller change pushed", metadata: ["brokers": "\(brokers.count)", "controller": "\(id)"])
    }

    /// Turns what one command changed into updates, all of the same version.
    func observe(_ changes: [Change]) {
        guard !changes.isEmpty else { return }
        var brokersChanged = false
        var cameOnline: [BrokerID] = []
        var leaders: [(topic: String, partition: Partition)] = []
        var inSync: [(topic: String, partition: Partition)] = []
        for change in changes {
            switch change {
            case .brokerRegistered, .brokerMoved: brokersChanged = true
            case .brokerOnline(let broker):
                brokersChanged = true
                cameOnline.append(broker)
            case .brokerOffline(let broker), .brokerUnregistered(let broker):
                brokersChanged = !Defect.deathsNotPushed.isOn
                heartbeats.remove(broker)
                pushes.drop(broker)
            case .topicCreated where Defect.createdTopicsNotPushed.isOn: break
            case .topicDeleted where Defect.deletedTopicsNotPushed.isOn: break
            case .topicCreated(let name):
                let partitions = (metadata.topic(name)?.1 ?? []).map { (topic: name, partition: $0) }
                let contents = PushContents(brokers: onlineBrokers, partitions: partitions)
                enqueueForAll(update(.topicCreated, contents))
            case .topicDeleted(let name): enqueueForAll(update(.topicDeleted, PushContents(deletedTopics: [name])))
            case .leaderChanged(let topic, let partition): append(topic, partition, to: &leaders)
            case .inSyncReplicasChanged(let topic, let partition): append(topic, partition, to: &inSync)
            case .keyPut, .keyDeleted: break
            }
        }
        for broker in cameOnline { heartbeats.touch(broker, now: now.instant) }
        if brokersChanged { enqueueForAll(update(.brokerUpdate, PushContents(brokers: metadata.brokers))) }
        if !leaders.isEmpty, !Defect.leadersNotPushed.isOn {
            enqueueForAll(update(.leaderUpdate, PushContents(partitions: leaders)))
        }
        if !inSync.isEmpty, !Defect.inSyncReplicasNotPushed.isOn {
            enqueueForAll(update(.isrUpdate, PushContents(partitions: inSync)))
        }
        for broker in cameOnline { enqueueFullSnapshot(for: broker) }
    }

    private func append(_ topic: String, _ id: Int, to list: inout [(topic: String, partition: Partition)]) {
        guard let partition = metadata.topic(topic)?.1.first(where: { $0.id == id }) else { return }
        list.append((topic, partition))
    }

    func sendPushes() {
        guard isLeading, !Defect.pushesNeverSent.isOn else { return }
        for delivery in pushes.due(now: now.instant) {
            guard let broker = metadata.broker(delivery.broker) else { continue }
            network.push(delivery.body, to: broker, attempt: delivery.attempt)
        }
    }

    func pushFinished(_ broker: BrokerID, attempt: UInt64, taken: Bool) {
        if taken { measurements.pushesTaken += 1 } else { measurements.pushesFailed += 1 }
        pushes.finished(broker, attempt: attempt, taken: taken, now: now.instant)
    }
}
