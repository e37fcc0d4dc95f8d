import Metadata
import Raft

extension Node: NodeViewSource {
    var standing: ClusterStanding {
        ClusterStanding(clusterID: identity.clusterID, term: raft.currentTerm, leader: raft.leader)
    }

    public var status: NodeStatus {
        NodeStatus(
            node: id, role: raft.role, term: raft.currentTerm, leader: raft.leader, votedFor: raft.hardState.votedFor,
            commitIndex: raft.commitIndex, lastApplied: lastApplied, firstLogIndex: raft.log.firstIndex,
            lastLog: raft.log.last, digest: metadata.digest, peers: raft.followers.map(peerStatus),
            directory: identity.directory, clusterID: identity.clusterID,
            isVoter: identity.isAdmitted && admission.mayVote && ending == nil, notReady: notReady)
    }

    private func peerStatus(_ follower: RaftNode.Follower) -> NodeStatus.PeerStatus {
        let contact = follower.lastContact.map { Int64(now.instant.since($0).wholeNanoseconds / 1_000_000) }
        return NodeStatus.PeerStatus(
            id: follower.id, matchIndex: follower.matchIndex, nextIndex: follower.nextIndex, lastContactMs: contact)
    }

    /// Why this node is not ready to serve, if so.
    private var notReady: String? {
        if let outOfService { return outOfService }
        guard let leader = raft.leader else { return "no leader is known" + (waitingFor.map { "; \($0)" } ?? "") }
        if let stalled { return stalled }
        if leader == id {
            if !raft.isLeaderReady { return "the opening entry of term \(raft.currentTerm) is not committed" }
            return tally.dispute.map { "\($0); no majority agrees" }
        }
        guard let leaderCommit else { return "the leader has not been heard yet" }
        return lastApplied < leaderCommit ? "catching up: applied \(lastApplied) of \(leaderCommit)" : nil
    }

    /// Whether the entries of the log wait for a majority longer than any should.
    private var stalled: String? {
        guard let since = raft.uncommittedSince, now.instant.since(since) > settings.raft.electionTimeout else {
            return nil
        }
        let milliseconds = now.instant.since(since).wholeNanoseconds / 1_000_000
        return "entry \(raft.commitIndex.next) is not committed, and none was for \(milliseconds) ms"
    }

    func measure() -> NodeMeasurements {
        var result = measurements
        result.status = status
        if let leadingSince { result.leaderSeconds += seconds(since: leadingSince) }
        result.pushesWaiting = pushes.waitingCount
        result.pendingWrites = pendingWrites.count
        result.logBytes = raft.log.byteCount
        result.counters = metadata.counters
        result.leases = metadata.leaseCount
        result.watches = keyWatches.count
        result.historyBytes = metadata.history.byteCount
        result.pastVersions = metadata.history.versionCount
        result.oldestRevision = metadata.oldestRevision
        result.brokers = metadata.brokers.count
        result.brokersOnline = metadata.onlineBrokerCount
        result.brokerStates = BrokerState.allCases.map { ($0, metadata.brokerCount(in: $0)) }
        result.topics = metadata.topicCount
        result.groups = metadata.groupCount
        result.partitions = metadata.topics.counts
        result.keys = metadata.keyCount
        return result
    }
}

extension NodeStatus {
    /// The status of a node that has not started yet.
    init(node: NodeID, directory: DirectoryID) {
        self.init(
            node: node, role: .follower, term: .zero, leader: nil, votedFor: nil, commitIndex: .zero,
            lastApplied: .zero,
            firstLogIndex: LogIndex(1), lastLog: .zero, digest: Digest(), peers: [],
            directory: directory, clusterID: nil, isVoter: false, notReady: "starting")
    }
}
