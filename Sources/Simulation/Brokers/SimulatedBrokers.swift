import Metadata
import Raft
import Server
import Wire

/// The brokers: they register, send heartbeats and lag reports, and take pushes, each in its own weather.
final class SimulatedBrokers: @unchecked Sendable {
    struct Condition {
        let id: BrokerID
        let rack: String?
        var port: Int
        var isAlive = true
        /// Until when it answers pushes with an error, or takes its time.
        var refusesUntil = VirtualTime.zero
        var slowUntil = VirtualTime.zero
        /// What it was told since it started.
        fileprivate(set) var view = BrokerView()
        /// `nil` of one that does not name its process.
        var process: BrokerProcess?
        /// When a heartbeat last came to a node, whatever became of it.
        var arrivedAt = VirtualTime.zero
        var mustRegister = true
        fileprivate(set) var guess = 0
        /// When the last push of each node arrives: one connection, in order.
        fileprivate var arrivals: [VirtualTime]
        /// Of each node's process, by its number: what it has not been answered yet.
        fileprivate var open: [(incarnation: UInt64, count: Int)]
        /// The latest ones last.
        var reports: [LagReport] = []
        var alterations: [AlterPartitions] = []

        /// A new process, which knows nothing.
        mutating func restart() {
            view = BrokerView()
            mustRegister = true
            process?.restart()
        }

        /// Whoever asks for what changed goes by that alone.
        fileprivate mutating func take(_ push: Push) {
            if process?.fetches == true {
                _ = view.hear(of: push.controller, term: push.term)
            } else {
                view.take(push)
            }
        }

        /// - Returns: True if it has all of the version that the first page was of.
        mutating func take(_ shared: SharedChangesPage) -> Bool {
            if let leader = shared.leader { _ = view.hear(of: leader.number, term: shared.term.number) }
            return view.take(shared)
        }

        /// What it knows is too old to go on from.
        mutating func forget() { view = BrokerView() }
    }

    let cluster: SimulatedCluster
    var random: Randomness
    var network: ClientNetwork
    var all: [Condition]
    /// Of each broker the newest epoch that one of its processes was told.
    var newestEpochs: [BrokerID: UInt64] = [:]
    /// So many that what is done for each of them counts.
    let isCrowd: Bool

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        let racks = random.pick([[nil], [nil], ["a", "b"], ["b", nil, "a"]])
        isCrowd = cluster.faults.includes(.brokerCrowd)
        let count = cluster.configuration.brokers * (isCrowd ? 8 : 1)
        let namePermille = random.pick([0, 500, 1000])
        let areNamed = (0..<count).map { _ in random.chance(namePermille) }
        self.random = random
        all = (0..<count).map { number in
            Condition(
                id: BrokerID(101 + number), rack: racks[number % racks.count], port: 8081 + number,
                process: areNamed[number] ? BrokerProcess(of: 101 + number, fetches: number % 2 == 1) : nil,
                arrivals: Array(repeating: .zero, count: cluster.places),
                open: Array(repeating: (0, 0), count: cluster.places))
        }
    }

    func anyID(_ random: inout Randomness) -> BrokerID { BrokerID(101 + random.below(max(1, all.count))) }

    func start() {
        for index in all.indices { next(index, after: random.time(milliseconds: 0...800)) }
    }

    private func next(_ index: Int, after pause: VirtualTime) {
        cluster.timeline.schedule(after: pause) { [self] in
            if cluster.nemesis.isHealed { giveWay(index) }
            if all[index].isAlive {
                if all[index].process?.fetches == true { follow(index) }
                if all[index].mustRegister {
                    register(index, port: all[index].port, as: all[index].process)
                } else {
                    heartbeat(index)
                    if random.chance(isCrowd ? 30 : 300) { reportLag(index, epoch: all[index].process?.epoch) }
                    if random.chance(isCrowd ? 30 : 300), let epoch = all[index].process?.epoch {
                        alterPartitions(index, epoch: epoch, knows: all[index].view.version)
                    }
                }
            }
            next(index, after: random.time(milliseconds: isCrowd ? 400...700 : 200...500))
        }
    }

    // What the nemesis does

    func change(_ index: Int, _ body: (inout Condition) -> Void) { body(&all[index]) }

    /// Comes back as a new process at another address.
    func move(_ index: Int) {
        all[index].port += 100
        all[index].isAlive = true
        all[index].restart()
    }

    /// Most are gone in one moment, and come back one by one.
    func killMost(backAfter milliseconds: ClosedRange<Int>) {
        for index in all.indices where all[index].isAlive && random.chance(650) {
            all[index].isAlive = false
            let isNewProcess = random.chance(500)
            cluster.timeline.schedule(after: random.time(milliseconds: milliseconds)) { [self] in
                // In the end the cluster must notice first who is dead.
                if cluster.nemesis.isHealed { return }
                all[index].isAlive = true
                if isNewProcess { all[index].restart() }
            }
        }
    }

    /// A second process claims the id.
    func registerImpostor(_ index: Int) {
        register(index, port: all[index].port + 5000, as: all[index].process?.stranger())
    }

    /// Of two processes with one id the registered one stays.
    private func giveWay(_ index: Int) {
        guard let known = cluster.ledger.model.cluster.broker(all[index].id), known.port != all[index].port,
            !all[index].mustRegister
        else { return }
        all[index].port = known.port
        all[index].restart()
    }

    // Requests

    func learn(_ index: Int, _ failure: RequestFailure?) {
        if case .notLeader(let leader?)? = failure {
            all[index].guess = cluster.node(leader).position
        } else {
            all[index].guess = random.below(cluster.nodes.count)
        }
    }

    func lastArrival(of id: BrokerID) -> VirtualTime { all.first { $0.id == id }?.arrivedAt ?? .zero }

    // Pushes

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64, from node: SimulatedNode) {
        guard let index = all.firstIndex(where: { $0.id == broker.id }) else { return }
        let incarnation = node.incarnation
        cluster.trace.record(
            .push, node: node.id, bytes: body, "-> broker \(broker.id):\(broker.port) attempt \(attempt)")
        begin(index, node)
        let arrival = max(
            all[index].arrivals[node.position], cluster.timeline.now + random.time(microseconds: 100...5000))
        all[index].arrivals[node.position] = arrival
        cluster.timeline.schedule(at: arrival) { [self] in
            let now = cluster.timeline.now
            let condition = all[index]
            // A host that is gone does not even refuse.
            var wait = random.time(milliseconds: condition.isAlive ? 0...5 : 0...2000)
            let isThere = condition.isAlive && condition.port == broker.port
            let isTaken = isThere && now >= condition.refusesUntil
            if isTaken {
                arrived(body, at: index, from: node)
                if now < condition.slowUntil { wait = random.time(milliseconds: 200...5000) }
            }
            // The next one on this connection comes when this one is answered.
            all[index].arrivals[node.position] = max(condition.arrivals[node.position], now + wait)
            cluster.timeline.schedule(after: wait) { [self] in
                guard node.incarnation == incarnation else { return }
                all[index].open[node.position].count -= 1
                node.post(.pushFinished(broker: broker.id, attempt: attempt, taken: isTaken))
            }
        }
    }

    /// One at a time: what a broker does not take waits for it, and is nobody else's load.
    private func begin(_ index: Int, _ node: SimulatedNode) {
        if all[index].open[node.position].incarnation != node.incarnation {
            all[index].open[node.position] = (node.incarnation, 0)
        }
        all[index].open[node.position].count += 1
        // A leader that was deposed and elected again may have forgotten one.
        if all[index].open[node.position].count > 5 {
            cluster.violated(
                "Costs are bounded", "node \(node.id) has 6 pushes on their way to broker \(all[index].id)")
        }
    }

    private func arrived(_ body: [UInt8], at index: Int, from node: SimulatedNode) {
        cluster.counts.pushesTaken += 1
        let push: Push
        do { push = try Push(body) } catch {
            return cluster.violated("Pushes tell what is so", "a push is not as the contract says: \(error)")
        }
        cluster.trace.note(.push, node: node.id, "taken by \(all[index].id): \(push.kind) \(push.version)")
        cluster.observe(.pushArrived(push, at: all[index].id, from: node))
        all[index].take(push)
    }
}
