import Defects
import Logging
import Metadata
import Raft

// Telling brokers of changes, as the leader. What a broker lacks is made of the state when it is its turn: brokers that
// are as far behind get the same bodies, and one that is too far behind gets all of the state.
extension Node {
    /// Beyond so many versions one full snapshot says it shorter.
    static let maximumVersionsBehind = 64
    static let snapshotLife: Duration = .seconds(1)

    func announceLeadership(to brokers: [BrokerID]) {
        let version = metadata.counters.version
        guard let update = update(.controllerChanged) else { return }
        pushBodies = PushBodies(announcement: (version, update.body))
        if !Defect.controllerChangeNotPushed.isOn {
            pushes.begin(brokers.filter { !fetches($0) }, fetching: brokers.filter(fetches), version: version)
        }
        logger.info("📢 controller change pushed", metadata: ["brokers": "\(brokers.count)", "controller": "\(id)"])
    }

    /// What one command came to, for those who are told of it.
    func observe(_ outcome: Outcome) {
        let version = metadata.counters.version
        for change in outcome.changes {
            switch change {
            case .brokerOnline(let broker):
                heartbeats.touch(broker, now: now.instant)
                balance.isActive(broker, now: now.instant)
                // One with an incarnation was told while it was FENCED.
                let isTold = metadata.broker(broker)?.incarnation != nil && pushes.tells(broker)
                if !isTold { welcome(broker) }
            // Out by its own wish, it is there.
            case .brokerOffline(let broker) where outcome.result == .done && isHeardWhileFenced(broker): break
            case .brokerOffline(let broker), .brokerUnregistered(let broker): forget(broker)
            case .keyPut, .keyDeleted, .keysDeleted: return
            default: break
            }
        }
        // Also if nothing changed: the process may be another one, that knows nothing.
        if case .broker(let broker, let isNew) = outcome.result, isNew || !Defect.returningProcessNotTold.isOn {
            heartbeats.begin(broker.id, now: now.instant)
            welcome(broker.id)
        }
        guard !outcome.changes.isEmpty else { return }
        if !outcome.changes.allSatisfy(\.isOfBroker) { pushes.topicsChanged(at: version) }
        pushes.stateChanged()
    }

    private func fetches(_ broker: BrokerID) -> Bool { metadata.broker(broker)?.incarnation?.fetches ?? false }

    /// It came, and has nothing yet.
    func welcome(_ broker: BrokerID) {
        if fetches(broker) {
            pushes.listen(broker)
        } else {
            pushes.welcome(broker, version: metadata.counters.version)
        }
    }

    private func isHeardWhileFenced(_ broker: BrokerID) -> Bool {
        guard let known = metadata.broker(broker), known.incarnation != nil else { return false }
        return known.state == .fenced && !heartbeats.isExpiring(broker)
    }

    func forget(_ broker: BrokerID) {
        heartbeats.remove(broker)
        balance.isGone(broker)
        pushes.drop(broker)
        network.forget(broker)
    }

    func sendPushes() {
        guard isLeading, !Defect.pushesNeverSent.isOn else { return }
        while let broker = pushes.next(now: now.instant) { send(to: broker) }
        if pushes.waitingCount == 0 { pushBodies?.release() }
    }

    private func send(to broker: BrokerID) {
        guard let bodies = pushBodies, let want = pushes.want(of: broker) else { return }
        let present = metadata.counters.version
        switch want {
        case .nothing: pushes.settle(broker)
        case .announcement:
            push(bodies.announcement.body, .announcement, version: bodies.announcement.version, to: broker)
        case .snapshot(let version):
            // One that was made before will do, if the changes since then lead on from it. While everything changes
            // faster than snapshots are made, one is used for a moment nevertheless.
            guard let snapshot = bodies.snapshot, snapshot.version >= version,
                canGoOn(from: snapshot.version) || now.instant.since(snapshot.madeAt) < Self.snapshotLife
            else { return make(snapshot: present, for: broker) }
            push(snapshot.body, .snapshot, version: snapshot.version, to: broker)
        case .update(after: present, _, _): pushes.settle(broker)
        case .update(let version, let taken, let target):
            guard let update = bodies.update(from: version) else {
                guard canGoOn(from: version) else { return pushes.needSnapshot(broker, version: present) }
                return make(updateFrom: version, for: broker)
            }
            let number = target == update.to && taken < update.bodies.count ? taken : 0
            push(
                update.bodies[number], .update(number: number, isLast: number == update.bodies.count - 1),
                version: update.to, to: broker)
        }
    }

    private func push(_ body: [UInt8], _ step: BrokerPushes.Step, version: UInt64, to id: BrokerID) {
        guard let broker = metadata.broker(id),
            let attempt = pushes.begin(id, step, version: version, bytes: body.count, now: now.instant)
        else { return }
        network.push(body, to: broker, attempt: attempt)
    }

    func pushFinished(_ broker: BrokerID, attempt: UInt64, taken: Bool) {
        if taken { measurements.pushesTaken += 1 } else { measurements.pushesFailed += 1 }
        pushes.finished(broker, attempt: attempt, taken: taken, now: now.instant)
    }

    /// Whether what changed since that version is known, and shorter than all of the state.
    private func canGoOn(from version: UInt64) -> Bool {
        guard let entries = history.entries(after: version) else { return false }
        return version >= pushes.onlyBrokersSince || areTold(entries)
    }

    /// Whether these are told one by one: it is shorter than all of the state.
    func areTold(_ entries: ArraySlice<ChangeHistory.Entry>) -> Bool {
        guard entries.count > 1 else { return true }
        guard entries.count <= Self.maximumVersionsBehind else { return false }
        // At most two changes of a command are of brokers or topics.
        return entries.reduce(0) { $0 + $1.changes.count - 2 } <= metadata.partitionCount
    }

    // Making bodies

    private func update(_ kind: PushKind) -> PushUpdate? {
        // A node that does not lead, and may know nobody who does, is asked by those only who watch it.
        let controller = raft.leader.flatMap(member)
        guard controller != nil || !isLeading else { return nil }
        return PushUpdate(
            kind: kind,
            version: metadata.counters.version
                - (Defect.pushNamesOlderVersion.isOn ? min(1, metadata.counters.version) : 0),
            controller: controller, term: raft.currentTerm,
            timestamp: now.unixMilliseconds)
    }

    /// All of the state.
    var fullSnapshot: PushUpdate? {
        var update = update(.fullSnapshot)
        update?.brokers =
            metadata.brokers.filter { $0.status == .online || !Defect.fullSnapshotOfOnlineOnly.isOn }
        update?.partitions = Defect.fullSnapshotWithoutPartitions.isOn ? .chosen([]) : .all(metadata.topics)
        return update
    }

    private func make(snapshot version: UInt64, for broker: BrokerID) {
        guard pushBodies?.making == nil, let update = fullSnapshot else { return pushes.waitForBody(broker) }
        make(rows: update.rowCount, for: broker) { .snapshot(version: version, update.body) }
    }

    private func make(updateFrom version: UInt64, for broker: BrokerID) {
        guard pushBodies?.making == nil, let entries = history.entries(after: version) else {
            return pushes.waitForBody(broker)
        }
        let updates = updates(of: entries)
        let present = metadata.counters.version
        let from = min(version, pushes.onlyBrokersSince)
        make(rows: updates.reduce(0) { $0 + $1.rowCount }, for: broker) {
            .update(PushBodies.Update(from: from, to: present, bodies: updates.map(\.body)))
        }
    }

    /// A long body is made away from the node's executor, and who wants one meanwhile waits for it.
    private func make(rows: Int, for broker: BrokerID, _ body: @escaping @Sendable () -> PushBodies.Made) {
        pushes.waitForBody(broker)
        guard rows > settings.pushRowsAtOnce else { return take(body()) }
        lastPushBody += 1
        pushBodies?.begin(lastPushBody)
        network.make(PushBody(number: lastPushBody, make: body))
    }

    func pushBodyMade(_ made: PushBody.Made) {
        // Of an earlier leadership, if not.
        if pushBodies?.making == made.number { take(made.content) }
    }

    private func take(_ made: PushBodies.Made) {
        measurements.pushBodiesMade += 1
        let bytes = pushBodies?.add(made, now: now.instant) ?? 0
        pushes.bodyMade(bytes: bytes, now: now.instant)
    }

    /// What these commands changed, as the state has it now. Never empty.
    func updates(of entries: ArraySlice<ChangeHistory.Entry>) -> [PushUpdate] {
        let changed = ChangedForBrokers(entries)
        var updates: [PushUpdate] = []
        func add(_ kind: PushKind, _ fill: (inout PushUpdate) -> Void) {
            guard var update = update(kind) else { return }
            fill(&update)
            updates.append(update)
        }
        if changed.brokers, !Defect.brokersNotPushed.isOn { add(.brokerUpdate) { $0.brokers = metadata.brokers } }
        if !changed.deletedTopics.isEmpty, !Defect.deletedTopicsNotPushed.isOn {
            add(.topicDeleted) { $0.deletedTopics = changed.deletedTopics }
        }
        let created = changed.createdTopics.compactMap { name in
            metadata.topic(name).map { (topic: name, partitions: $0.1) }
        }
        if !created.isEmpty, !Defect.createdTopicsNotPushed.isOn {
            add(.topicCreated) { update in
                update.brokers = metadata.brokers
                update.isOnlineOnly = true
                update.partitions = .chosen(created.flatMap { name, partitions in partitions.map { (name, $0) } })
            }
        }
        let leaders = rows(changed.leaders)
        if !leaders.isEmpty, !Defect.leadersNotPushed.isOn { add(.leaderUpdate) { $0.partitions = .chosen(leaders) } }
        let inSync = rows(changed.inSync)
        if !inSync.isEmpty, !Defect.inSyncReplicasNotPushed.isOn { add(.isrUpdate) { $0.partitions = .chosen(inSync) } }
        // All of it came and went again: the version is news nevertheless.
        if updates.isEmpty, changed.isOfGroupsOnly { add(.controllerChanged) { _ in } }
        if updates.isEmpty { add(.brokerUpdate) { $0.brokers = metadata.brokers } }
        return updates
    }

    private func rows(_ names: [ChangedForBrokers.Name]) -> [(topic: String, partition: Partition)] {
        names.compactMap { name in
            metadata.partition(name.topic, name.partition).map { (name.topic, $0) }
        }
    }
}

extension Change {
    fileprivate var isOfBroker: Bool {
        switch self {
        case .brokerRegistered, .brokerMoved, .brokerOnline, .brokerOffline, .brokerUnregistered, .brokerStateChanged,
            // Of them nothing is pushed.
            .groupsChanged:
            true
        default: false
        }
    }
}

/// A body to be made away from the node's executor.
public struct PushBody: Sendable {
    /// What was made, to be handed back to the node.
    public struct Made: Sendable {
        let number: UInt64
        let content: PushBodies.Made
    }

    let number: UInt64
    let make: @Sendable () -> PushBodies.Made

    public var made: Made { Made(number: number, content: make()) }
}
