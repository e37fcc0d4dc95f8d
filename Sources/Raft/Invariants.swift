extension RaftNode {
    /// What must hold of a single node after every step; empty when it does. Tests and the simulation ask, and compare
    /// nodes with each other besides.
    public func brokenInvariants() -> [String] {
        var broken: [String] = []
        func check(_ holds: Bool, _ text: @autoclosure () -> String) { if !holds { broken.append(text()) } }

        check(commitIndex <= log.last.index, "commit \(commitIndex) beyond last \(log.last.index)")
        check(commitIndex >= log.base.index, "commit \(commitIndex) behind base \(log.base.index)")
        check(log.durableIndex <= log.last.index, "durable \(log.durableIndex) beyond last \(log.last.index)")
        check(log.last.term <= currentTerm, "log of term \(log.last.term) in term \(currentTerm)")
        check((role == .leader) == (leadership != nil), "role \(role) with leadership \(leadership != nil)")
        check(role != .leader || hardState.votedFor == id, "a leader that did not vote for itself")
        check(
            role != .leader || leader == id, "a leader that names \(leader.map(String.init(describing:)) ?? "nobody")")
        check(role == .leader || leader != id, "a \(role) that names itself as leader")
        check(role != .leader || durability.isHardStateDurable, "a leader whose own vote is not durable")
        broken += brokenConfigurations()
        guard let leadership else { return broken }
        for position in leadership.peers.indices {
            let (id, match) = (leadership.peers[position].id, leadership.peers[position].matchIndex)
            check(match < leadership.peers[position].nextIndex, "node \(id): match \(match) is not before next")
            check(match <= log.last.index, "node \(id): match \(match) beyond our log")
            check(
                leadership.peers[position].confirmedRound <= leadership.lastRound, "node \(id): round of the future")
        }
        return broken
    }

    private func isConfiguration(at index: LogIndex) -> Bool {
        log.contains(index) && log[index].type == LogEntry.configuration
    }

    /// The same of the members (dissertation chapter 4).
    private func brokenConfigurations() -> [String] {
        var broken: [String] = []
        let history = log.configurations
        let latest = history.latest
        let isInLog = latest.index <= log.base.index || isConfiguration(at: latest.index)
        if !isInLog { broken.append("the configuration at \(latest.index) is not in the log") }
        if let index = history.firstLeap {
            broken.append("the voters change at \(index) without a joint configuration")
        }
        guard role == .leader, isLeaderReady, hasConfiguration else { return broken }
        if history.count(after: commitIndex) > 1 { broken.append("two changes of the members are not committed") }
        if latest.index <= commitIndex, !latest.configuration.isJoint, halves(of: id).isEmpty, !isTransferringLeadership
        {
            broken.append("a leader that is no voter")
        }
        return broken
    }

    /// What a leader knows of its followers, in ascending id.
    public var followers: [Follower] {
        (leadership?.peers ?? []).map {
            Follower(
                id: $0.id, matchIndex: $0.matchIndex, nextIndex: $0.nextIndex, lastContact: $0.lastContact,
                needsSnapshot: $0.state == .snapshot)
        }
    }

    public struct Follower: Sendable {
        public let id: NodeID
        public let matchIndex: LogIndex
        public let nextIndex: LogIndex
        public let lastContact: Instant?
        public let needsSnapshot: Bool
    }

    /// Whether this node leads and its term's first entry is committed, so that reads and writes go through.
    public var isLeaderReady: Bool { leadership.map { commitIndex >= $0.openingIndex } ?? false }
    /// The sizes of the entries that are not known to be committed.
    public var uncommittedBytes: Int { log.bytes(behind: commitIndex) }
    public var isTransferringLeadership: Bool { leadership?.transfer != nil }
}
