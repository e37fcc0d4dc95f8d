import Defects
import Logging
import Metadata
import Raft
import Wire

// What clients and brokers ask.
extension Node {
    func submit(_ proposal: Proposal, _ completion: @escaping PendingWrites.Completion) {
        guard raft.role == .leader, !raft.isTransferringLeadership else {
            return completion(.failure(.notLeader(leader: otherLeader)))
        }
        guard pendingWrites.count + gatheredProposals.count < settings.maximumPendingWrites,
            uncommittedBytes < settings.maximumPendingBytes
        else { return completion(.failure(.overloaded)) }
        uncommittedBytes += proposal.data.count
        gatheredProposals.append((proposal, completion))
    }

    /// The node's own proposals; not refused as overload.
    func submit(_ command: Command, _ completion: @escaping PendingWrites.Completion) {
        let (type, data) = CommandCodec.encode(command)
        gatheredProposals.append((Proposal(type: type, data: data), completion))
    }

    func proposeGathered() {
        if isFailed { return proposalsRefused(gatheredProposals.count) }
        // A completion may ask for more.
        while !gatheredProposals.isEmpty { step(.propose(gatheredProposals.map(\.proposal))) }
    }

    func proposed(first: LogIndex, count: Int, term: Term) {
        precondition(count == gatheredProposals.count, "\(count) proposals taken of \(gatheredProposals.count)")
        var index = first
        for (_, completion) in gatheredProposals {
            pendingWrites.append(
                PendingWrites.Waiting(index: index, term: term, since: now.instant, completion: completion))
            index = index.next
        }
        gatheredProposals.removeAll(keepingCapacity: true)
    }

    func proposalsRefused(_ count: Int) {
        let refused = gatheredProposals
        gatheredProposals = []
        for (_, completion) in refused { completion(.failure(.notLeader(leader: otherLeader))) }
    }

    func read(_ consistency: Consistency, _ completion: @escaping (Result<NodeView, RequestFailure>) -> Void) {
        if let outOfService { return completion(.failure(.unavailable(outOfService))) }
        switch consistency {
        case .linearizable where Defect.followersServeReads.isOn: completion(.success(view))
        case .stale: completion(.success(view))
        case .linearizable:
            confirm { [unowned self] confirmation in completion(confirmation.map { view }) }
        }
    }

    /// Runs `action` once a majority has confirmed, after this moment, that this node still leads (ReadIndex).
    func confirm(_ action: @escaping ReadAction) {
        if let outOfService { return action(.failure(.unavailable(outOfService))) }
        guard raft.role == .leader else { return action(.failure(.notLeader(leader: otherLeader))) }
        gatheredReads.append(action)
    }

    func readGathered() {
        guard !gatheredReads.isEmpty else { return }
        lastRead += 1
        let read = ReadID(lastRead)
        pendingReads.append(PendingRead(id: read, since: now.instant, actions: gatheredReads))
        gatheredReads.removeAll(keepingCapacity: true)
        step(.read(read))
        proposeGathered()
    }

    func readsConfirmed(_ reads: [ReadID], index: LogIndex) {
        precondition(lastApplied >= index, "read of \(index) confirmed before it was applied (\(lastApplied))")
        finishReads(reads, .success(()))
    }

    func finishReads(_ reads: [ReadID], _ result: Result<Void, RequestFailure>) {
        for read in reads {
            guard let position = pendingReads.firstIndex(where: { $0.id == read }) else { continue }
            for action in pendingReads.remove(at: position).actions { action(result) }
        }
    }

    var view: NodeView {
        NodeView(metadata: metadata, now: now.unixMilliseconds) { [unowned self] in status }
    }

    func readLog(from: LogIndex, limit: Int, _ completion: ([LogEntry], LogIndex) -> Void) {
        let first = max(from, raft.log.firstIndex)
        let entries = raft.log.slice(from: first, maximumCount: limit, maximumBytes: 4 * 1024 * 1024)
        completion(limit > 0 ? entries : [], raft.log.firstIndex)
    }

    // Brokers

    /// A heartbeat is answered only by a leader that a majority has confirmed after it came: no broker may be told that
    /// it is seen by a controller that was replaced meanwhile.
    func heartbeat(
        _ broker: BrokerID, _ completion: @escaping (Result<HeartbeatAnswer?, RequestFailure>) -> Void
    ) {
        if Defect.heartbeatUnconfirmed.isOn, raft.role == .leader, metadata.broker(broker)?.status == .online {
            heartbeats.touch(broker, now: now.instant)
            return acknowledgeHeartbeat(completion)
        }
        confirm { [unowned self] confirmation in
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
                if !Defect.heartbeatNotCounted.isOn { heartbeats.touch(broker, now: now.instant) }
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
                // One that is not committed in time is in the log still: a second one would come after the broker's return.
                if case .failure(let failure) = result, failure != .outcomeUnknown { heartbeats.expiryFailed(broker) }
            }
        }
    }

    func reportLag(_ report: LagReport, _ completion: @escaping PendingWrites.Completion) {
        confirm { [unowned self] confirmation in
            if case .failure(let failure) = confirmation { return completion(.failure(failure)) }
            guard let broker = metadata.broker(report.broker) else {
                return completion(.success(.refused(.unknownBroker(report.broker))))
            }
            let changes = report.partitions.compactMap { isrChange($0, of: broker) }
            guard !changes.isEmpty, !Defect.lagReportsIgnored.isOn else { return completion(.success(.done)) }
            submit(
                .updateInSyncReplicas(UpdateInSyncReplicas(broker: broker.id, changes: changes)), completion)
        }
    }

    /// What a lag asks for, if anything. Whether it may be is decided again when it is applied.
    private func isrChange(_ lag: LagReport.PartitionLag, of broker: Broker) -> UpdateInSyncReplicas.Change? {
        guard let (_, partitions) = metadata.topic(lag.topic),
            let partition = partitions.first(where: { $0.id == lag.partition })
        else {
            log(
                .unknownPartition, .warning, "⚠️ lag report names an unknown partition",
                ["broker": "\(broker.id)", "topic": "\(lag.topic)", "partition": "\(lag.partition)"])
            return nil
        }
        let isMember = partition.inSyncReplicas.contains(broker.id)
        switch lag.verdict {
        case .outOfSync where isMember && partition.leader != broker.id && partition.inSyncReplicas.count > 1:
            return UpdateInSyncReplicas.Change(
                topic: lag.topic, partition: lag.partition, isInSync: Defect.lagReportsInverted.isOn)
        case .inSync where !isMember && partition.replicas.contains(broker.id) && broker.status == .online:
            return UpdateInSyncReplicas.Change(topic: lag.topic, partition: lag.partition, isInSync: true)
        default: return nil
        }
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
