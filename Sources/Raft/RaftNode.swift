import Defects

/// One member of a Raft cluster, as a value: events in, effects out (Ongaro, "Consensus: Bridging Theory and
/// Practice", 2014; the paragraph signs in this module refer to it).
///
/// There is no clock, disk, network or thread in it. Time comes with each step, randomness from the seed; what the node
/// wants done it says with effects, and learns of their completion by events. The same events give the same effects.
///
/// It can not be copied: a stray copy would be a second voter with the same name.
public struct RaftNode: ~Copyable {
    public let id: NodeID
    /// The directory that this node runs on; `nil` where members have none, in tests of the algorithm.
    public let directory: DirectoryID?
    public let settings: Settings

    public internal(set) var hardState: HardState
    public internal(set) var log: RaftLog
    /// The last entry known to be committed. Volatile; starts at what the state tables stand at.
    public internal(set) var commitIndex: LogIndex
    public internal(set) var role: Role = .follower
    /// The leader of the current term, as far as it is known.
    public internal(set) var leader: NodeID?

    /// What the entry that opens a term carries (§3.6.2, §6.4); the runtime's choice.
    public var openingData: [UInt8] = []

    public internal(set) var suffrage: Suffrage
    /// Members whose present directory has no vote, whatever the configuration says.
    var nonVoting: [NodeID] = []
    /// On which directory each member answers, as far as that is known.
    var directories: [NodeID: DirectoryID] = [:]

    var random: SeededGenerator
    var now: Moment
    var electionDeadline: Instant
    var lastLeaderContact: Instant?
    /// Campaigns without a leader since the last leader was heard; each makes the next pause longer.
    var failedCampaigns = 0
    var votesGranted: [NodeID] = []
    var votesRefused: [NodeID] = []
    /// Present while and only while this node leads.
    var leadership: Leadership?
    /// The last chunk of a snapshot was handed on and is being installed; the log must not change meanwhile.
    var isInstallingSnapshot = false
    var durability = Durability()
    /// What the present leader wanted replaced here, until that is settled.
    public internal(set) var contradiction: Contradiction?
    /// Since when entries wait and none is committed.
    public private(set) var uncommittedSince: Instant?
    private var lastCommit: LogIndex
    private var published: PublishedRole
    private var publishedConfiguration: LogIndex
    private var isPublishedCommitted: Bool

    private struct PublishedRole: Equatable {
        var role: Role
        var term: Term
        var leader: NodeID?
    }

    /// A node as it comes up with what was stored.
    /// - Parameters:
    ///   - voters: The list that the cluster was started with; what the log knows of its members stands above it. Empty for a
    ///     node that waits to be let in.
    ///   - applied: The index that the state tables stand at: committed, for nothing else is applied.
    ///   - suffrage: Less than ``Suffrage/full`` until the others are known to know this directory.
    ///   - seed: Different for each node, or elections collide.
    public init(
        id: NodeID, directory: DirectoryID? = nil, voters: [NodeID], settings: Settings, hardState: HardState,
        log: consuming RaftLog, applied: LogIndex, suffrage: Suffrage = .full, seed: UInt64, now: Moment
    ) {
        precondition(voters.isEmpty || voters.contains(id), "node \(id) is not one of the voters \(voters)")
        self.id = id
        self.directory = directory
        log.found(voters)
        self.settings = settings
        self.hardState = Defect.voteForgottenAtRestart.isOn ? HardState(currentTerm: hardState.currentTerm) : hardState
        let latest = log.configurations.latest
        publishedConfiguration = latest.index
        isPublishedCommitted = latest.index <= applied
        self.log = log
        commitIndex = applied
        self.suffrage = suffrage
        lastCommit = applied
        random = SeededGenerator(seed: seed)
        self.now = now
        electionDeadline = now.instant
        published = PublishedRole(role: .follower, term: hardState.currentTerm, leader: nil)
        precondition(commitIndex >= self.log.base.index && commitIndex <= self.log.last.index)
        electionDeadline = now.instant.advanced(by: random.duration(in: settings.leaderlessPause))
    }

    public var currentTerm: Term { hardState.currentTerm }

    /// Takes one event and appends what is to be done to `effects`. `now` must not go back.
    public mutating func step(_ event: consuming Event, at now: Moment, into effects: inout EffectBuffer) {
        precondition(now.instant >= self.now.instant, "the monotonic clock went back")
        self.now = now
        // Timers first: a node that was paused must not act on an event with authority that has run out.
        expireTimers(&effects)
        handle(event, &effects)
        continueReconfiguration(&effects)
        durability.issue(at: now.instant, &effects)
        watchCommit()
        publishRole(&effects)
        publishConfiguration(&effects)
    }

    private mutating func watchCommit() {
        if commitIndex == log.last.index {
            uncommittedSince = nil
        } else if uncommittedSince == nil || commitIndex != lastCommit {
            uncommittedSince = now.instant
        }
        lastCommit = commitIndex
    }

    private mutating func handle(_ event: consuming Event, _ effects: inout EffectBuffer) {
        switch event {
        case .clockAdvanced: break
        case .request(let request, let token): handle(request, token, &effects)
        case .requestVoteReply(let reply, let voter): handle(reply, from: voter, &effects)
        case .appendEntriesReply(let reply, let peer, let previous):
            handle(reply, from: peer, previous: previous, &effects)
        case .installSnapshotReply(let reply, let peer, let lastIncluded):
            handle(reply, from: peer, lastIncluded: lastIncluded, &effects)
        case .timeoutNowReply(let reply, _): observe(reply.term, &effects)
        case .unreachable(let peer): becomeUnreachable(peer, &effects)
        case .disconnected(let peer): loseConnection(to: peer)
        case .propose(let proposals): propose(proposals, &effects)
        case .read(let read): self.read(read, &effects)
        case .persisted(let write): persisted(write, &effects)
        case .snapshotInstalled(let position, let configuration):
            snapshotInstalled(position, configuration, &effects)
        case .snapshotAbandoned: isInstallingSnapshot = false
        case .snapshotFailed(let peer): snapshotFailed(to: peer)
        case .compact(let index): compact(through: index)
        case .transferLeadership(let target): transferLeadership(to: target, &effects)
        case .reconfigure(let target, let isForced): reconfigure(to: target, isForced: isForced, &effects)
        case .suffrage(let suffrage): takeSuffrage(suffrage, &effects)
        case .electorate(let nonVoting, let directories, let replaced):
            takeElectorate(nonVoting: nonVoting, directories: directories, replaced: replaced, &effects)
        case .abdicate: abdicate(&effects)
        }
    }

    private mutating func handle(_ request: Request, _ token: RequestToken, _ effects: inout EffectBuffer) {
        switch request {
        case .requestVote(let request): handle(request, token, &effects)
        case .appendEntries(let request): handle(request, token, &effects)
        case .installSnapshot(let request): handle(request, token, &effects)
        case .timeoutNow(let request): handle(request, token, &effects)
        }
    }

    private mutating func persisted(_ write: WriteID, _ effects: inout EffectBuffer) {
        durability.persisted(through: write, &effects)
        log.persisted(through: write)
        tallyVotes(&effects)
        advanceCommit(&effects)
    }

    private mutating func publishRole(_ effects: inout EffectBuffer) {
        let present = PublishedRole(role: role, term: currentTerm, leader: leader)
        guard present != published else { return }
        published = present
        effects.emit(.roleChanged(role, term: currentTerm, leader: leader))
    }

    private mutating func publishConfiguration(_ effects: inout EffectBuffer) {
        let latest = log.configurations.latest
        let isCommitted = latest.index <= commitIndex
        guard latest.index != publishedConfiguration || isCommitted != isPublishedCommitted else { return }
        publishedConfiguration = latest.index
        isPublishedCommitted = isCommitted
        effects.emit(.configurationChanged(latest, isCommitted: isCommitted))
    }

    /// A term that is later than ours ends whatever we are (§3.3).
    mutating func observe(_ term: Term, _ effects: inout EffectBuffer) {
        guard term > currentTerm || Defect.termGoesBack.isOn, isBelievable(term) else { return }
        becomeFollower(in: term, of: nil, &effects)
    }

    /// Enters `term` (or stays in it) as a follower of `leader`.
    mutating func becomeFollower(in term: Term, of leader: NodeID?, _ effects: inout EffectBuffer) {
        precondition(term >= currentTerm, "the term goes back from \(currentTerm) to \(term)")
        if term > currentTerm { setHardState(HardState(currentTerm: term, votedFor: nil)) }
        if self.leader != leader { contradiction = nil }
        leadership?.refuseReads(&effects)
        leadership = nil
        role = .follower
        self.leader = leader
        votesGranted.removeAll(keepingCapacity: true)
        votesRefused.removeAll(keepingCapacity: true)
        resetElectionDeadline()
    }

    mutating func setHardState(_ state: HardState) {
        hardState = state
        if Defect.termNotPersisted.isOn, state.votedFor == nil { return }
        durability.include(Defect.voteNotPersisted.isOn ? HardState(currentTerm: state.currentTerm) : state)
    }

    /// A cluster uses up a term with each election, never billions at once: a forged number must not leave it without
    /// terms. A node that has no history yet believes its cluster.
    func isBelievable(_ term: Term) -> Bool {
        term <= .maximum && (currentTerm == .zero || term.number <= currentTerm.number + Term.largestStep)
    }

    /// §4.1: votes and appends are judged by the caller's configuration. Whoever passed the door of this node may be a member
    /// by entries that have not come here yet.
    func isPeer(_ node: NodeID) -> Bool { node != id }

    private mutating func compact(through index: LogIndex) {
        precondition(index <= commitIndex, "compaction through \(index) beyond commit \(commitIndex)")
        log.compact(through: index)
    }
}
