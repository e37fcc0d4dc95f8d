import Metadata
import Raft
import Server

/// All parts of one simulation. Confined to the thread that runs it.
final class SimulatedCluster: @unchecked Sendable {
    let seed: UInt64
    let configuration: Simulation.Configuration
    let timeline = Timeline()
    let trace: Trace
    let settings: NodeSettings
    /// The right list, as it is at present.
    private(set) var members: [Member]
    let faults: FaultPlan
    var random: Randomness
    var counts = SimulationCounts()
    var disks: DiskConditions
    let ledger = Ledger()
    /// Those that look at each kind of observation, by its raw value.
    private var checkers: [[any Checker]]
    private(set) var violations: [Violation] = []

    /// All machines that are members at any time, in ascending id.
    private(set) var nodes: [SimulatedNode] = []
    /// The one that takes itself for a member, if somebody made that mistake.
    private(set) var twin: SimulatedNode! = nil
    private(set) var network: SimulatedNetwork! = nil
    private(set) var nemesis: Nemesis! = nil
    private(set) var brokers: SimulatedBrokers! = nil
    private(set) var clients: KeyValueClients! = nil
    private(set) var administrator: Administrator! = nil
    private(set) var watchers: Watchers! = nil
    private(set) var clusterWatchers: ClusterWatchers! = nil
    private(set) var transactors: Transactors! = nil
    private(set) var leaseHolders: LeaseHolders! = nil
    private(set) var movers: Movers! = nil
    private(set) var groupClients: GroupClients! = nil
    private(set) var producerClients: ProducerClients! = nil
    private(set) var `operator`: Operator! = nil
    private(set) var mistakes: Mistakes! = nil
    private(set) var rushHour: RushHour! = nil

    init(seed: UInt64, configuration: Simulation.Configuration, trace sink: ((String) -> Void)?) {
        self.seed = seed
        self.configuration = configuration
        var random = Randomness(seed: seed)
        trace = Trace(timeline: timeline, sink: sink)
        faults = FaultPlan(&random, allowed: configuration.faults, nodes: configuration.nodes)
        settings = .simulated(&random)
        members = (1...faults.founders).map(Self.member)
        disks = DiskConditions(random: random.fork(), places: configuration.nodes + 1, timeline: timeline)
        let all = Self.allCheckers
        checkers = Observation.Kind.allCases.map { kind in all.filter { $0.kinds.contains(kind) } }
        let generators = (0..<9).map { _ in random.fork() }
        self.random = random
        nodes = (0..<configuration.nodes).map { position in
            SimulatedNode(
                id: NodeID(UInt64(position + 1)), position: position, cluster: self, random: self.random.fork())
        }
        twin = SimulatedNode(id: NodeID(1), position: configuration.nodes, cluster: self, random: generators[7])
        network = SimulatedNetwork(cluster: self, random: generators[0], places: places)
        nemesis = Nemesis(cluster: self, random: generators[1])
        brokers = SimulatedBrokers(cluster: self, random: generators[2])
        clients = KeyValueClients(cluster: self, random: generators[3])
        administrator = Administrator(cluster: self, random: generators[4])
        // With numbers of their own, so that the others' do not shift.
        watchers = Watchers(cluster: self, random: Randomness(seed: ~seed))
        clusterWatchers = ClusterWatchers(cluster: self, random: Randomness(seed: ~seed ^ 1 << 60))
        transactors = Transactors(cluster: self, random: Randomness(seed: ~seed ^ 1 << 62))
        leaseHolders = LeaseHolders(cluster: self, random: Randomness(seed: ~seed ^ 1 << 61))
        movers = Movers(cluster: self, random: Randomness(seed: ~seed ^ 1 << 59))
        groupClients = GroupClients(cluster: self, random: Randomness(seed: ~seed ^ 1 << 58))
        producerClients = ProducerClients(cluster: self, random: Randomness(seed: ~seed ^ 1 << 57))
        `operator` = Operator(cluster: self, random: generators[5])
        mistakes = Mistakes(cluster: self, random: generators[6])
        rushHour = RushHour(cluster: self, random: generators[8])
    }

    static func member(_ number: Int) -> Member {
        Member(id: NodeID(UInt64(number)), host: "node\(number)", port: 9090, url: "http://node\(number):9090")
    }

    private static var allCheckers: [any Checker] {
        [
            ElectionSafety(), VoteOnce(), LogMatching(), LeaderCompleteness(), CommittedOnQuorum(),
            DurableBeforeAcknowledged(), StateMachineSafety(), Monotonicity(), NodeInvariants(), PartitionInvariants(),
            HeartbeatAuthority(), PushOrder(), AcknowledgedWrites(), OnlyMembersDecide(), ContractModel(),
            FullTimeout(), SilenceIsNoticed(), HeartbeatAnswers(), PushContents(), LagReports(), LeaseLife(),
            DryRuns(),
        ]
    }

    func node(_ id: NodeID) -> SimulatedNode { nodes[Int(id.number) - 1] }

    /// Members and whoever takes himself for one, each at a place of its own in the network.
    var processes: [SimulatedNode] { nodes + [twin] }
    var places: Int { configuration.nodes + 1 }
    func process(at position: Int) -> SimulatedNode { position < nodes.count ? nodes[position] : twin }

    /// The machines that are members at present.
    var listed: ArraySlice<SimulatedNode> { nodes[..<members.count] }
    func isListed(_ node: SimulatedNode) -> Bool { node.position < members.count }
    /// Whether the cluster has agreed on members in the log; until then they are those of the list.
    var hasMembersInLog: Bool { ledger.metadata.counters.members != nil }
    func takeMembers(_ members: [Member]) { self.members = members }

    func violated(_ invariant: String, _ text: String) {
        trace.note(.phase, "VIOLATED \(invariant): \(text)")
        violations.append(Violation(invariant: invariant, text: text, seconds: timeline.now.seconds))
    }

    /// Shows the checkers what happened.
    func observe(_ observation: Observation) {
        if case .moved(let node, let process, let standing) = observation {
            learnCommits(of: node, process, standing)
        }
        for checker in checkers[observation.kind.rawValue] {
            if let text = checker.check(observation, self) { violated(checker.invariant, text) }
        }
    }

    /// What is committed for the first time becomes part of the ledger.
    private func learnCommits(of node: SimulatedNode, _ process: Node, _ standing: Standing) {
        let commit = standing.commit
        guard ledger.last < commit else { return }
        while ledger.last < commit, process.raft.log.contains(ledger.last.next) {
            let entry = process.raft.log[ledger.last.next]
            let (outcome, token) = ledger.append(entry, committedIn: standing.state.currentTerm)
            counts.committedEntries += 1
            observe(.committed(entry, outcome, token: token, by: node))
        }
        if ledger.last < commit {
            violated("State Machine Safety (§3.6.3)", "node \(node.id) knows commit \(commit), nobody committed it")
        }
    }

    // The story

    func run() -> SimulationReport {
        let end = VirtualTime.seconds(configuration.seconds)
        for node in listed { timeline.schedule(after: random.time(milliseconds: 0...300)) { node.start() } }
        clients.start(until: end)
        administrator.start(until: end)
        watchers.start(until: end)
        clusterWatchers.start(until: end)
        transactors.start(until: end)
        leaseHolders.start(until: end)
        movers.start(until: end)
        groupClients.start(until: end)
        producerClients.start(until: end)
        brokers.start()
        nemesis.start(until: end)
        mistakes.planGrowth()
        if faults.includes(.membersInLog) { `operator`.putMembersIntoLog() }
        raisePlacementLater(until: end)
        mistakes.planMemberChanges(until: end)
        rushHour.plan(until: end)
        run(until: end)
        if violations.isEmpty {
            trace.record(.phase, 1, "the faults end")
            nemesis.healAll()
            Recovery(cluster: self).run()
        }
        if violations.isEmpty {
            observe(.finished)
            clients.checkHistory()
        }
        let report = report()
        shutDown()
        return report
    }

    /// In most stories, with numbers of its own, so that the others' do not shift.
    private func raisePlacementLater(until end: VirtualTime) {
        var random = Randomness(seed: ~seed ^ 1 << 59)
        if random.below(4) > 0 { `operator`.raisePlacement(until: end, random) }
    }

    /// One that takes itself for the leader, the first if several do.
    var leader: SimulatedNode? { listed.first { $0.process?.raft.role == .leader } }

    /// Runs until then, or until something is wrong.
    func run(until end: VirtualTime) {
        while violations.isEmpty, timeline.runNext(until: end) {}
        if violations.isEmpty { timeline.advance(to: end) }
    }

    private func report() -> SimulationReport {
        var report = SimulationReport(seed: seed, nodes: nodes.count)
        report.violations = violations
        report.faults = counts.faultsByKind
        counts.events = timeline.eventsRun
        report.counts = counts
        report.virtualSeconds = timeline.now.seconds
        report.traceHash = trace.hash
        return report
    }

    /// The parts hold on to each other.
    private func shutDown() {
        timeline.clear()
        for node in processes { node.discard() }
        nodes = []
        checkers = []
        network = nil
        nemesis = nil
        brokers = nil
        clients = nil
        administrator = nil
        watchers = nil
        clusterWatchers = nil
        transactors = nil
        leaseHolders = nil
        movers = nil
        groupClients = nil
        producerClients = nil
        `operator` = nil
        mistakes = nil
        rushHour = nil
        twin = nil
    }
}

extension NodeSettings {
    /// Small bounds, so that whatever happens at a bound happens often.
    static func simulated(_ random: inout Randomness) -> NodeSettings {
        var settings = NodeSettings()
        settings.raft.electionTimeout = .milliseconds(random.pick([300, 600]))
        settings.raft.electionJitter = .milliseconds(200)
        settings.raft.heartbeatInterval = .milliseconds(random.pick([60, 120]))
        settings.raft.leaderlessPause = .milliseconds(20)...(.milliseconds(100))
        settings.raft.maximumPause = .milliseconds(400)
        settings.raft.voteTimeout = .milliseconds(80)...(.milliseconds(200))
        settings.raft.maximumAppendBytes = random.pick([400, 4000])
        settings.raft.maximumAppendEntries = random.pick([3, 16])
        settings.raft.maximumInflightMessages = random.pick([2, 8])
        settings.raft.maximumInflightBytes = 8000
        settings.raft.initialInflightBytes = random.pick([1000, 8000])
        settings.raft.minimumInflightBytes = 500
        settings.catchUpBytes = random.pick([50_000, 1_000_000])
        settings.checkpointListedRows = random.pick([5, 1000])
        settings.brokerTimeout = .milliseconds(1500)
        settings.brokerCheckInterval = .milliseconds(200)
        settings.pushRowsAtOnce = 8
        settings.requestTimeout = .milliseconds(1200)
        settings.maximumPendingWrites = random.pick([4, 64])
        settings.checkpointEntries = random.pick([8, 40])
        settings.checkpointBytes = 4000
        settings.checkpointPause = .milliseconds(random.pick([20, 200]))
        settings.checkpointInterval = .milliseconds(400)
        settings.checkpointFewEntries = 4
        settings.retainedEntries = random.pick([0, 5, 40])
        settings.retainedBytes = random.pick([1000, 20_000])
        settings.snapshotChunkBytes = random.pick([1, 500, 2000])
        settings.snapshotTimeout = .milliseconds(3000)
        settings.historyBytes = random.pick([4000, 20_000, 80_000])
        settings.historyAge = .milliseconds(random.pick([2000, 60_000]))
        settings.newClusterLevel = random.pick([1, 2, 3, 4, 4, 4])
        settings.leaderRebalanceInterval = .milliseconds(random.pick([500, 2000]))
        settings.leaderRebalanceQuiet = .milliseconds(random.pick([0, 1000]))
        settings.transferTimeout = .milliseconds(500)
        return settings
    }
}
