import Defects
import Logging
import Metadata
import Raft
import Storage
import Wire

// Carrying out what the core wants, and applying what it committed.
extension Node {
    func perform(_ effect: Effect) {
        switch effect {
        case .persist(let write): gatheredWrites.append(write)
        case .send(let request, let peer): send(request, to: peer)
        case .reply(let reply, let token): peerReplies.removeValue(forKey: token)?(.success(answerDigest(in: reply)))
        case .commit(let index): apply(through: index)
        case .proposed(let first, let count, let term): proposed(first: first, count: count, term: term)
        case .refused(let count): proposalsRefused(count)
        case .readsConfirmed(let reads, let index): readsConfirmed(reads, index: index)
        case .readsRefused(let reads): finishReads(reads, .failure(.notLeader(leader: otherLeader)))
        case .roleChanged(let role, let term, let leader): roleChanged(role, term: term, leader: leader)
        case .configurationChanged(let placed, let isCommitted): configurationChanged(placed, isCommitted: isCommitted)
        case .reconfiguring(let index): reconfiguring(from: index)
        case .reconfigurationRefused(let refusal): reconfigurationRefused(refusal)
        case .sendSnapshot(let peer): startSnapshot(to: peer)
        case .receiveSnapshot(let chunk, let token): receiveSnapshot(chunk, token)
        case .campaigning(let term, let isPreVote): campaigning(term: term, isPreVote: isPreVote)
        case .voteReceived(let voter, let term, let isPreVote):
            logger.info(
                "✅ vote received", metadata: ["from": "\(voter)", "term": "\(term)", "preVote": "\(isPreVote)"])
        case .protocolViolation(let text):
            measurements.protocolViolations += 1
            log(.refusedMessage, .error, "❌ message refused", ["reason": "\(text)"])
        case .contradiction(let found, let odd, let majority): contradicted(found, odd: odd, against: majority)
        case .replicationStalled(let target):
            logger.error(
                "❌ the others answer and take no entries; another is asked to lead",
                metadata: ["node": "\(target?.description ?? "none")", "commit": "\(raft.commitIndex)"])
        case .transferFailed: logger.warning("⚠️ leadership was not taken over in time")
        }
    }

    private func send(_ request: Raft.Request, to peer: NodeID) {
        guard case .appendEntries(var append) = request else {
            return network.send(request, in: address(of: peer), to: peer, lane: .control)
        }
        guard append.entries.isEmpty else {
            return network.send(request, in: address(of: peer), to: peer, lane: .data)
        }
        askDigest(with: &append, of: peer)
        logger.debug("💓 heartbeat", metadata: ["to": "\(peer)", "commit": "\(append.leaderCommit)"])
        network.send(.appendEntries(append), in: address(of: peer), to: peer, lane: .control)
    }

    /// What is written on the outside of a message to that member.
    func address(of peer: NodeID) -> RequestOrigin {
        admission.answers[peer] == .legacy
            ? .legacy(sender: id, cluster: identity.clusterID) : .envelope(envelope(to: peer))
    }

    private func campaigning(term: Term, isPreVote: Bool) {
        guard !isPreVote else {
            logger.info("📬 asking for pre-votes", metadata: ["term": "\(term)"])
            return
        }
        measurements.electionsStarted += 1
        logger.info("🗳️ election started", metadata: ["term": "\(term)"])
        logger.info("📬 asking for votes", metadata: ["term": "\(term)", "voters": "\(members.count)"])
    }

    /// Applies the entries up to `index`, in order, and answers the clients that wait for them.
    private func apply(through index: LogIndex) {
        while lastApplied < index {
            let entry = raft.log[lastApplied.next]
            guard let outcome = apply(entry) else { return }
            let (waiting, overtaken) = pendingWrites.take(at: entry.index)
            for client in overtaken { client.completion(.failure(.outcomeUnknown)) }
            if let waiting {
                // Another leader's entry at this index means that ours was never committed, and never will be.
                let isOurs = waiting.term == entry.term || Defect.answersForAnothersEntry.isOn
                measurements.commitLatency.observe(now.instant.since(waiting.since))
                waiting.completion(isOurs ? .success(outcome.result) : .failure(.notLeader(leader: otherLeader)))
            }
            if isLeading { observe(outcome) }
            history.record(outcome, counters: metadata.counters)
        }
        logger.debug("✅ log entry committed", metadata: ["through": "\(index)", "term": "\(raft.currentTerm)"])
        if raft.isLeaderReady, !isLeading { beginLeadingBrokers() }
    }

    /// `nil` when this program can not, and ends.
    private func apply(_ entry: LogEntry) -> Outcome? {
        precondition(entry.index == lastApplied.next, "entry \(entry.index) applied after \(lastApplied)")
        var outcome = Outcome(result: .refused(.invalidCommand))
        if entry.type == LogEntry.configuration {
            // It goes into the state as it is.
            outcome = metadata.adopt(Counters.Members(entry))
        } else {
            do {
                var command = try CommandCodec.decode(type: entry.type, data: entry.data)
                guard canApply(command, at: entry.index) else { return nil }
                memoryFault?(&command)
                outcome = metadata.apply(command, timestamp: entry.timestamp)
                followLeases(command, outcome.result)
            } catch {
                // Every node reads the same bytes and comes to the same result: nothing changes.
                logger.error(
                    "❌ entry is no command", metadata: ["index": "\(entry.index)", "error": "\(error.description)"])
            }
        }
        lastApplied = entry.index
        measurements.appliedEntries += 1
        checkpoints.applied(bytes: entry.size, now: now.instant)
        digests.record(metadata.digest, at: entry.index)
        revisionTimes.record(metadata.counters.revision, at: entry.timestamp)
        return outcome
    }

    private func roleChanged(_ role: Role, term: Term, leader: NodeID?) {
        logger.info(
            "🔄 role",
            metadata: ["role": "\(role.rawValue)", "term": "\(term)", "leader": "\(leader?.description ?? "none")"])
        proposedLevels = [:]
        leaderlessSince = leader == nil ? leaderlessSince ?? now.instant : nil
        if role == .leader {
            leadingSince = now.instant
            measurements.leadershipsWon += 1
            logger.info("🎉 majority, elected LEADER for term \(term)", metadata: ["node": "\(id)"])
            dropLostWrites()
        } else {
            if leader == nil, role == .follower { logElectionTimeout() }
            endLeading()
        }
        if leader != id { leaderCommit = nil }
    }

    func logElectionTimeout() {
        let pause = raft.nextDeadline.since(now.instant)
        logger.info("⏱️ election timeout set", metadata: ["ms": "\(pause.wholeNanoseconds / 1_000_000)"])
    }

    /// Clients whose entries are not in the log any more. The new leadership's entries take those indices. Their outcome is
    /// not known: a snapshot may have replaced them, and what was cut off here another node may still hold, be elected
    /// with, and commit.
    private func dropLostWrites() {
        for waiting in pendingWrites.takeAll() {
            if raft.log.term(at: waiting.index) == waiting.term {
                pendingWrites.append(waiting)
            } else {
                waiting.completion(.failure(.outcomeUnknown))
            }
        }
    }

    private func endLeading() {
        if let leadingSince { measurements.leaderSeconds += seconds(since: leadingSince) }
        leadingSince = nil
        tally = DigestTally()
        // Also of a leader that never opened its term: a late chunk would go out in the name of the next one.
        if !Defect.snapshotsOutliveLeadership.isOn { senders = [] }
        if isLeading { endLeadingBrokers() }
    }

    func seconds(since instant: Instant) -> Double { Double(now.instant.since(instant).wholeNanoseconds) / 1e9 }

    /// The leader as clients are told: another node, or none.
    var otherLeader: NodeID? { raft.leader == id ? nil : raft.leader }
}
