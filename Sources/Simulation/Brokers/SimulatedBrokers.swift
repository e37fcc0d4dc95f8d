import Metadata
import Raft
import Server
import Wire

/// The brokers: they register, send heartbeats and lag reports, and take pushes, each in its own weather.
final class SimulatedBrokers: @unchecked Sendable {
    struct Condition {
        let id: BrokerID
        var port: Int
        var isAlive = true
        /// Until when it answers pushes with an error, or takes its time.
        var refusesUntil = VirtualTime.zero
        var slowUntil = VirtualTime.zero
        fileprivate var mustRegister = true
        fileprivate var guess = 0
        /// When the last push of each node arrives: one connection, in order.
        fileprivate var arrivals: [VirtualTime]
        fileprivate(set) var acknowledgedAt = VirtualTime.zero
    }

    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private(set) var all: [Condition]

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
        all = (0..<cluster.configuration.brokers).map { number in
            Condition(
                id: BrokerID(101 + number), port: 8081 + number,
                arrivals: Array(repeating: .zero, count: cluster.places))
        }
    }

    func anyID(_ random: inout Randomness) -> BrokerID { BrokerID(101 + random.below(max(1, all.count))) }

    func start() {
        for index in all.indices { next(index, after: random.time(milliseconds: 0...800)) }
    }

    private func next(_ index: Int, after pause: VirtualTime) {
        cluster.timeline.schedule(after: pause) { [self] in
            if all[index].isAlive {
                if all[index].mustRegister {
                    register(index, port: all[index].port)
                } else {
                    heartbeat(index)
                    if random.chance(300) { reportLag(index) }
                }
            }
            next(index, after: random.time(milliseconds: 200...500))
        }
    }

    // What the nemesis does

    func change(_ index: Int, _ body: (inout Condition) -> Void) { body(&all[index]) }

    /// Comes back as a new process at another address.
    func move(_ index: Int) {
        all[index].port += 100
        all[index].isAlive = true
        all[index].mustRegister = true
    }

    /// A second process claims the id.
    func registerImpostor(_ index: Int) { register(index, port: all[index].port + 5000) }

    // Requests

    private func learn(_ index: Int, _ failure: RequestFailure?) {
        if case .notLeader(let leader?)? = failure {
            all[index].guess = cluster.node(leader).position
        } else {
            all[index].guess = random.below(cluster.nodes.count)
        }
    }

    private func register(_ index: Int, port: Int) {
        let id = all[index].id
        let (type, data) = CommandCodec.encode(.registerBroker(RegisterBroker(id: id, host: "broker\(id)", port: port)))
        let node = cluster.nodes[all[index].guess]
        network.call(node, deadline: .milliseconds(1500)) {
            .submit(Proposal(type: type, data: data), $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.broker, node: node.id, UInt64(id), "broker \(id) registers port \(port): \(outcome)")
            switch outcome {
            case .answered(.success(.broker)): if port == all[index].port { all[index].mustRegister = false }
            case .answered(.success): break
            case .answered(.failure(let failure)): learn(index, failure)
            case .refused, .lost: learn(index, nil)
            }
        }
    }

    private func heartbeat(_ index: Int) {
        let id = all[index].id
        let node = cluster.nodes[all[index].guess]
        let opened = cluster.ledger.openedTerm
        network.call(node, deadline: .milliseconds(1000)) { [cluster] answer in
            .heartbeat(id) { result in
                if case .success(let known?) = result {
                    let listener = cluster.network.listener(at: node.id) ?? node
                    cluster.observe(.heartbeatAcknowledged(known, by: listener, openedBefore: opened))
                }
                answer(result)
            }
        } completion: { [self] (outcome: CallOutcome<HeartbeatAnswer?>) in
            cluster.trace.record(.heartbeat, node: node.id, UInt64(id), "broker \(id) \(outcome)")
            switch outcome {
            case .answered(.success(nil)): all[index].mustRegister = true
            case .answered(.success): all[index].acknowledgedAt = cluster.timeline.now
            case .answered(.failure(let failure)): learn(index, failure)
            case .refused, .lost: learn(index, nil)
            }
        }
    }

    private func reportLag(_ index: Int) {
        let id = all[index].id
        let metadata = cluster.ledger.metadata
        var lags: [LagReport.PartitionLag] = []
        for name in metadata.topicNames + ["no-such-topic"] {
            for partition in metadata.topic(name)?.1 ?? [] where partition.replicas.contains(id) {
                let isBehind = random.chance(400)
                lags.append(
                    LagReport.PartitionLag(
                        topic: name, partition: partition.id, offsetLag: isBehind ? 5000 : Int64(random.below(200)),
                        timeSinceCaughtUp: 0, isOutOfSync: random.chance(50)))
            }
        }
        let node = cluster.nodes[all[index].guess]
        let report = LagReport(broker: id, partitions: lags)
        network.call(node, deadline: .milliseconds(1500)) {
            .lagReport(report, $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.broker, node: node.id, UInt64(id), "broker \(id) reports lag: \(outcome)")
        }
    }

    // Pushes

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64, from node: SimulatedNode) {
        guard let index = all.firstIndex(where: { $0.id == broker.id }) else { return }
        let incarnation = node.incarnation
        cluster.trace.record(
            .push, node: node.id, bytes: body, "-> broker \(broker.id):\(broker.port) attempt \(attempt)")
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
                arrived(body, at: broker.id, from: node)
                if now < condition.slowUntil { wait = random.time(milliseconds: 200...5000) }
            }
            // The next one on this connection comes when this one is answered.
            all[index].arrivals[node.position] = max(condition.arrivals[node.position], now + wait)
            cluster.timeline.schedule(after: wait) {
                guard node.incarnation == incarnation else { return }
                node.post(.pushFinished(broker: broker.id, attempt: attempt, taken: isTaken))
            }
        }
    }

    private func arrived(_ body: [UInt8], at broker: BrokerID, from node: SimulatedNode) {
        cluster.counts.pushesTaken += 1
        guard let json = try? JSONObject(parsing: body), let version = try? json.integer("version", in: Limits.counter),
            let term = try? json.integer("controllerTerm", in: Limits.counter)
        else { return cluster.violated("Pushes in order of version", "a push is not as the contract says") }
        cluster.observe(.pushArrived(broker: broker, from: node, term: UInt64(term), version: UInt64(version)))
    }
}
