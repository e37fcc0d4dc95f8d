import Metadata
import Raft
import Server
import Wire

/// Liveness: without faults the cluster becomes whole within bounded time, equal everywhere, and takes new writes.
struct Recovery {
    private let cluster: SimulatedCluster
    private let deadline: VirtualTime

    init(cluster: SimulatedCluster) {
        self.cluster = cluster
        deadline = cluster.timeline.now + .seconds(cluster.configuration.recoverySeconds)
    }

    func run() {
        guard wait(for: whatIsMissing) else { return }
        guard probe() else { return }
        guard wait(for: whoIsNotNoticed) else { return }
        for index in cluster.brokers.all.indices { cluster.brokers.change(index) { $0.isAlive = true } }
        guard wait(for: whatIsMissing), wait(for: whatLags) else { return }
        // One that starts again at once, when nothing else happens, must be told all the same, also if it is not ready yet.
        if !cluster.brokers.all.isEmpty {
            cluster.brokers.change(0) {
                $0.restart()
                $0.refusesUntil = cluster.timeline.now + .milliseconds(700)
            }
        }
        guard wait(for: whatLags) else { return }
        guard wait(for: whatOutlivesItsTime) else { return }
        guard let leader = cluster.leader else { return }
        let isDone = Flag()
        cluster.clients.readEverything(from: leader) { isDone.value = true }
        guard wait(for: { isDone.value ? nil : "the keys can not be read" }) else { return }
        _ = wait(for: whatIsMissing)
    }

    /// Lets time pass until nothing is missing.
    private func wait(for missing: () -> String?) -> Bool {
        while cluster.violations.isEmpty {
            guard let text = missing() else { return true }
            guard cluster.timeline.now < deadline else {
                cluster.violated("Liveness", "\(cluster.configuration.recoverySeconds) s after the last fault: \(text)")
                return false
            }
            cluster.run(until: cluster.timeline.now + .milliseconds(20))
        }
        return false
    }

    /// Why the cluster is not whole, if so.
    private func whatIsMissing() -> String? {
        if cluster.mistakes.current != nil { return "an operator has yet to put a mistake right" }
        var leaders: [NodeID] = []
        for node in cluster.nodes {
            guard let process = node.process, !node.isStopping else { return "node \(node.id) is down" }
            if process.raft.role == .leader { leaders.append(node.id) }
            guard process.identity.isAdmitted, process.raft.suffrage.mayVote else {
                return "node \(node.id) has no vote: \(process.status.notReady ?? "it is ready")"
            }
            if process.metadata.digest != cluster.ledger.digest(at: process.lastApplied) {
                return "the state of node \(node.id) is the odd one out, and it is in service"
            }
            if let reason = process.status.notReady { return "node \(node.id) is not ready: \(reason)" }
            guard process.lastApplied == cluster.ledger.last, process.raft.log.last.index == cluster.ledger.last else {
                return "node \(node.id) applied \(process.lastApplied), log to \(process.raft.log.last), committed "
                    + "\(cluster.ledger.last)"
            }
        }
        return leaders.count == 1 ? nil : "the leaders are \(leaders)"
    }

    /// Nobody keeps a lease alive any more.
    private func whatOutlivesItsTime() -> String? {
        cluster.ledger.model.keys.leases.keys.min().map { "lease \($0) is there, and nobody holds it" }
    }

    /// A dead broker that is still ONLINE.
    private func whoIsNotNoticed() -> String? {
        for broker in cluster.brokers.all where !broker.isAlive {
            if cluster.ledger.model.cluster.isOnline(broker.id) {
                return "dead broker \(broker.id) is ONLINE"
            }
        }
        return nil
    }

    /// What is in force and not yet where it belongs.
    private func whatLags() -> String? {
        for node in cluster.nodes {
            guard node.image.applied.index == cluster.ledger.last else {
                return "the state tables of node \(node.id) stand at \(node.image.applied.index), committed is "
                    + "\(cluster.ledger.last)"
            }
            if node.image.hardState.currentTerm != node.process?.raft.currentTerm {
                return "the disk of node \(node.id) does not have its term"
            }
        }
        if cluster.ledger.model.level >= 4, let text = cluster.ledger.model.cluster.imbalance { return text }
        for broker in cluster.brokers.all {
            let isOnline = cluster.ledger.model.cluster.broker(broker.id)?.isOnline
            if isOnline != true { return "broker \(broker.id) is \(isOnline == nil ? "not registered" : "OFFLINE")" }
            if let text = whatIsNotTold(broker.view) { return "broker \(broker.id) believes: \(text)" }
        }
        return nil
    }

    private func whatIsNotTold(_ view: BrokerView) -> String? {
        let (model, leader) = (cluster.ledger.model, cluster.leader)
        if let text = view.difference(from: model.cluster, version: model.version) { return text }
        if view.controller == leader?.id.number, view.term == leader?.process?.raft.currentTerm.number { return nil }
        return "controller \(view.controller ?? 0) of term \(view.term), right is \(leader?.id.number ?? 0)"
    }

    /// A new write, sent again and again until it is acknowledged.
    private func probe() -> Bool {
        let isDone = Flag()
        var attempts = 0
        let key = Key(validated: Array("/recovered".utf8))
        let (type, data) = CommandCodec.encode(.put(Put(key: key, value: Array("yes.".utf8))))
        cluster.nemesis.flipAtLast(key)
        return wait(for: {
            if isDone.value { return nil }
            attempts += 1
            if attempts % 50 == 1, let leader = cluster.leader {
                leader.post(.submit(Proposal(type: type, data: data)) { if case .success = $0 { isDone.value = true } })
            }
            return "no new write is acknowledged"
        })
    }
}
