@testable import Raft

/// The promises of figure 3.2 and of §3.8, over all nodes and all their lives.
struct ClusterChecks {
    /// What is remembered of one node's present life.
    private struct Seen {
        var term = Term.zero
        var votedFor: NodeID?
        var commit = LogIndex.zero
        var role = Role.follower
    }

    private struct Created {
        var entry: LogEntry
        var previousTerm: Term
    }

    private(set) var failure: String?
    /// The committed log: what any node may apply.
    private(set) var committed: [LogEntry] = []
    /// The leader's term when it committed the entry of the same place in ``committed``.
    private var commitTerms: [Term] = []
    private var seen: [Seen]
    private var leaders: [Term: NodeID] = [:]
    private var votes: [Ballot: NodeID] = [:]
    private var created: [LogPosition: Created] = [:]
    private var reads: [ReadID: Int] = [:]
    private(set) var confirmedReads = 0
    private(set) var elections = 0
    private(set) var snapshots = 0
    private(set) var violations: [String] = []
    /// Of the node that is being checked.
    private var directory = DirectoryID(high: 0, low: 0)
    var lastPayload: UInt64 = 0

    private struct Ballot: Hashable {
        var voter: DirectoryID
        var term: Term
    }

    init(nodes: Int) {
        seen = [Seen](repeating: Seen(), count: nodes)
    }

    mutating func fail(_ text: String) { if failure == nil { failure = text } }

    mutating func require(_ holds: Bool, _ text: @autoclosure () -> String) { if !holds { fail(text()) } }

    mutating func readIssued(_ read: ReadID) { reads[read] = committed.count }

    mutating func started(_ process: Cluster.Process) {
        let at = Int(process.raft.id.number) - 1
        let state = process.raft.hardState
        require(state.currentTerm >= .zero, "")
        for (index, entry) in committed.enumerated() where index < Int(process.raft.commitIndex.number) {
            guard process.raft.log.contains(entry.index) else { continue }
            require(process.raft.log[entry.index] == entry, "node \(at + 1) came up with another \(entry.position)")
        }
        seen[at] = Seen(term: state.currentTerm, votedFor: state.votedFor, commit: process.raft.commitIndex)
    }

    mutating func crashed(_ id: NodeID) {}

    mutating func check(_ process: Cluster.Process, _ effects: [Effect], _ members: [Cluster.Member], _ now: Instant) {
        let id = process.raft.id
        for text in process.raft.brokenInvariants() { fail("node \(id): \(text)") }
        require(process.raft.nextDeadline > now, "node \(id) wants to be woken at once, for ever")
        checkMonotony(process)
        let disk = members[Int(id.number) - 1].disk.image
        directory = members[Int(id.number) - 1].directory
        for effect in effects { check(effect, id, process, disk) }
        checkRole(process)
        checkCommit(process, members)
        let at = Int(id.number) - 1
        seen[at] = Seen(
            term: process.raft.currentTerm, votedFor: process.raft.hardState.votedFor,
            commit: process.raft.commitIndex, role: process.raft.role)
    }

    private mutating func checkMonotony(_ process: Cluster.Process) {
        let before = seen[Int(process.raft.id.number) - 1]
        let state = process.raft.hardState
        require(state.currentTerm >= before.term, "node \(process.raft.id): the term went back")
        require(process.raft.commitIndex >= before.commit, "node \(process.raft.id): commit went back")
        if state.currentTerm == before.term, let vote = before.votedFor {
            require(state.votedFor == vote, "node \(process.raft.id): vote changed in term \(before.term)")
        }
    }

    private mutating func check(_ effect: Effect, _ id: NodeID, _ process: Cluster.Process, _ disk: Disk.Image) {
        switch effect {
        case .persist(let write): checkCreated(write, process)
        case .send(.requestVote(let request), _) where !request.isPreVote:
            checkVote(id, for: id, request.term, disk)
            require(disk.last >= request.lastLog, "node \(id) campaigns with a log that is not durable")
        case .send(let request, _): checkTerm(of: request, id, disk)
        case .reply(let reply, _): checkPromise(reply, id, disk)
        case .readsConfirmed(let confirmed, let index):
            for read in confirmed {
                guard let least = reads.removeValue(forKey: read) else { return fail("\(read) was answered twice") }
                confirmedReads += 1
                require(Int(index.number) >= least, "node \(id): stale read at \(index), \(least) were committed")
                require(process.raft.commitIndex >= index, "node \(id): read at \(index) ahead of the commit")
            }
        case .readsRefused(let refused):
            for read in refused where reads.removeValue(forKey: read) == nil { fail("\(read) was answered twice") }
        case .campaigning(_, isPreVote: false): elections += 1
        case .sendSnapshot: snapshots += 1
        case .protocolViolation(let text): violations.append(text)
        default: break
        }
    }

    /// Log Matching (§3.5): an index and a term name one entry, and what comes before it.
    private mutating func checkCreated(_ write: Write, _ process: Cluster.Process) {
        for entry in write.entries {
            guard let previous = process.raft.log.term(at: entry.index.previous) else { continue }
            if let known = created[entry.position] {
                require(
                    known.entry == entry && known.previousTerm == previous,
                    "Log Matching: two entries at \(entry.position)")
            } else {
                require(process.raft.role == .leader, "entry \(entry.position) was not made by a leader")
                created[entry.position] = Created(entry: entry, previousTerm: previous)
            }
        }
    }

    /// §3.4, §3.8: one vote for each term, over restarts, and durable before it is told.
    private mutating func checkVote(_ voter: NodeID, for candidate: NodeID, _ term: Term, _ disk: Disk.Image) {
        let ballot = Ballot(voter: directory, term: term)
        let known = votes[ballot, default: candidate]
        require(known == candidate, "node \(voter) voted for \(known) and \(candidate) in term \(term)")
        votes[ballot] = candidate
        let isDurable =
            disk.hardState.currentTerm > term
            || disk.hardState.currentTerm == term && disk.hardState.votedFor == candidate
        require(isDurable, "node \(voter) told its vote in term \(term) before it was durable")
    }

    private mutating func checkTerm(of request: Request, _ id: NodeID, _ disk: Disk.Image) {
        let term: Term? =
            switch request {
            case .appendEntries(let request): request.term
            case .installSnapshot(let request): request.term
            case .timeoutNow(let request): request.term
            case .requestVote: nil
            }
        if let term { require(disk.hardState.currentTerm >= term, "node \(id) leads term \(term) that is not durable") }
    }

    private mutating func checkPromise(_ reply: Reply, _ id: NodeID, _ disk: Disk.Image) {
        switch reply {
        case .requestVote(let reply) where reply.voteGranted && !reply.isPreVote:
            // Whom it voted for is known from the disk, unless that has moved on.
            guard disk.hardState.currentTerm == reply.term, let candidate = disk.hardState.votedFor else {
                return require(disk.hardState.currentTerm > reply.term, "node \(id) told a vote that is not durable")
            }
            checkVote(id, for: candidate, reply.term, disk)
        case .requestVote(let reply) where !reply.isPreVote || !reply.voteGranted:
            require(disk.hardState.currentTerm >= reply.term, "node \(id) spoke of term \(reply.term) too early")
        case .appendEntries(let reply):
            require(disk.hardState.currentTerm >= reply.term, "node \(id) spoke of term \(reply.term) too early")
            if reply.success, disk.hardState.currentTerm == reply.term {
                require(disk.last.index >= reply.matchIndex, "node \(id) acknowledged \(reply.matchIndex) too early")
            }
        default: break
        }
    }

    /// Election Safety and Leader Completeness (§3.6.3).
    private mutating func checkRole(_ process: Cluster.Process) {
        let id = process.raft.id
        let term = process.raft.currentTerm
        guard process.raft.role == .leader else { return }
        let known = leaders[term, default: id]
        require(known == id, "Election Safety: nodes \(known) and \(id) lead term \(term)")
        leaders[term] = id
        guard seen[Int(id.number) - 1].role != .leader || seen[Int(id.number) - 1].term != term else { return }
        for (entry, commitTerm) in zip(committed, commitTerms) where commitTerm < term {
            guard entry.index > process.raft.log.base.index else { continue }
            require(
                process.raft.log.contains(entry.position),
                "Leader Completeness: node \(id) leads term \(term) without \(entry.position)")
        }
    }

    /// State Machine Safety (§3.6.3), and the rule of §3.6.2 for what is committed first.
    private mutating func checkCommit(_ process: Cluster.Process, _ members: [Cluster.Member]) {
        let id = process.raft.id
        let before = seen[Int(id.number) - 1].commit
        var index = before.next
        while index <= process.raft.commitIndex {
            let isNew = index.number > UInt64(committed.count)
            guard process.raft.log.contains(index) else {
                require(!isNew, "node \(id) has a snapshot of what was never committed: \(index)")
                index = index.next
                continue
            }
            let entry = process.raft.log[index]
            if isNew {
                // One that left by this very entry leads no more.
                let isLeader = process.raft.role == .leader || seen[Int(id.number) - 1].role == .leader
                require(isLeader, "node \(id) committed \(entry.position) before any leader")
                committed.append(entry)
                commitTerms.append(process.raft.currentTerm)
            } else {
                let known = committed[Int(index.number) - 1]
                require(
                    known == entry, "State Machine Safety: node \(id) applies \(entry.position), not \(known.position)")
            }
            index = index.next
        }
        guard process.raft.role == .leader, process.raft.commitIndex > before else { return }
        let last = process.raft.commitIndex
        let term = process.raft.log.term(at: last)
        require(term == process.raft.currentTerm, "§3.6.2: node \(id) committed \(last) of an older term")
        checkCopies(of: LogPosition(term: term ?? .zero, index: last), process.raft.configuration, members)
    }

    /// A majority of each half of the configuration has it, on the directories that are the members (§4.3).
    private mutating func checkCopies(
        of last: LogPosition, _ configuration: Configuration, _ members: [Cluster.Member]
    ) {
        for half: Configuration.Role in configuration.isJoint ? [.joining, .leaving] : [.voter] {
            let voters = configuration.members.filter { $0.role == .voter || $0.role == half }
            let holders = voters.count { voter in
                let member = members[Int(voter.id.number) - 1]
                guard voter.directory == nil || voter.directory == member.directory else { return false }
                return member.disk.image.applied >= last.index || member.disk.image.term(at: last.index) == last.term
            }
            require(
                holders > voters.count / 2, "\(last) was committed with \(holders) durable copies of \(voters.count)")
        }
    }
}
