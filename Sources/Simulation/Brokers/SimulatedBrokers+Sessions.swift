import Metadata
import Raft
import Server
import Wire

// Registrations and heartbeats: how a broker comes to be one, and stays.
extension SimulatedBrokers {
    func register(_ index: Int, port: Int, as process: BrokerProcess?) {
        let id = all[index].id
        let broker = RegisterBroker(id: id, host: "broker\(id)", port: port, rack: all[index].rack)
        let registration = BrokerRegistration(
            broker, incarnation: process?.name, successorOf: random.chance(700) ? process?.predecessor : nil,
            fetches: process?.fetches ?? false)
        let node = cluster.nodes[all[index].guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .register(registration, $0)
        } completion: {
            [self] (outcome: CallOutcome<RegistrationOutcome>) in
            cluster.trace.record(.broker, node: node.id, UInt64(id), "broker \(id) registers port \(port): \(outcome)")
            switch outcome {
            case .answered(.success(.registered(let broker, let isNew))):
                registered(broker, isNew, registration, asked)
                guard port == all[index].port, process?.name == all[index].process?.name else { break }
                all[index].mustRegister = false
                all[index].process?.epoch = broker.incarnation?.epoch
            case .answered(.success): break
            case .answered(.failure(let failure)): learn(index, failure)
            case .refused, .lost: learn(index, nil)
            }
        }
    }

    /// What it is told is what an entry came to.
    private func registered(_ broker: Broker, _ isNew: Bool, _ registration: BrokerRegistration, _ asked: Asked) {
        let isTrue: Bool
        if broker.incarnation == nil {
            let (type, data) = CommandCodec.encode(.registerBroker(registration.broker))
            isTrue = cluster.ledger.explains(.broker(broker, isNew: isNew), type: type, data: data, after: asked.index)
        } else {
            let right = ClusterModel.Broker(broker)
            isTrue =
                right.process?.name == registration.incarnation
                && cluster.ledger.model.clusters[Int(asked.version)...].contains { $0.broker(broker.id) == right }
        }
        if !isTrue { cluster.violated("Clients are told the truth", "\(registration) is answered \(broker)") }
        guard let epoch = broker.incarnation?.epoch else { return }
        newestEpochs[broker.id] = max(newestEpochs[broker.id] ?? 0, epoch)
    }

    func heartbeat(_ index: Int) {
        let known = all[index].view.version
        var process = all[index].process
        if process?.epoch == nil { process = nil }
        if let process { all[index].process?.said = max(process.said, known) }
        beat(index, process, knows: known) { [self] outcome in
            switch outcome {
            case .answered(.success(.refused)):
                guard process == nil || process?.name == all[index].process?.name else { return }
                replaced(index)
            case .answered(.success(.acknowledged(let answer))):
                heardBack(index, process, answer)
            case .answered(.failure(let failure)): learn(index, failure)
            case .refused, .lost: learn(index, nil)
            }
        }
    }

    /// Another process takes the broker's place, and the one that had it does not know, and repeats what it did last: for a
    /// while, and once more when it wakes up.
    func replace(_ index: Int) {
        guard let process = all[index].process, process.epoch != nil, !all[index].mustRegister else { return }
        let known = all[index].view.version
        all[index].restart()
        all[index].process?.restart(isAlone: false)
        for pause in [300, 700, 1200, 4500, 5500, 7000] {
            cluster.timeline.schedule(after: random.time(milliseconds: 0...500) + .milliseconds(pause)) { [self] in
                // In the end nobody is left to confuse the others.
                guard !cluster.nemesis.isHealed, process.name != all[index].process?.name else { return }
                beat(index, process, knows: known) { _ in }
                reportLag(index, epoch: process.epoch)
                if let epoch = process.epoch { alterPartitions(index, epoch: epoch, knows: known) }
            }
        }
    }

    private func beat(
        _ index: Int, _ process: BrokerProcess?, knows version: UInt64,
        _ completion: @escaping (CallOutcome<HeartbeatOutcome>) -> Void
    ) {
        let id = all[index].id
        let node = cluster.nodes[all[index].guess]
        let asked = Asked(cluster.ledger)
        let newest = newestEpochs[id] ?? 0
        let heartbeat = Heartbeat(
            broker: id, epoch: process?.epoch, metadataVersion: version, wantsShutdown: process?.wantsToStop ?? false)
        network.call(node, deadline: .milliseconds(1000)) { [self, cluster] answer in
            let present = cluster.ledger.model.cluster.broker(id)?.process?.epoch
            if present == process?.epoch { all[index].arrivedAt = cluster.timeline.now }
            return .heartbeat(heartbeat) { result in
                if case .success(.acknowledged(let known)) = result {
                    let listener = cluster.network.listener(at: node.id) ?? node
                    cluster.observe(.heartbeatAcknowledged(known, of: id, by: listener, asked: asked))
                }
                answer(result)
            }
        } completion: { [self] (outcome: CallOutcome<HeartbeatOutcome>) in
            cluster.trace.record(.heartbeat, node: node.id, UInt64(id), "broker \(id) \(outcome)")
            if case .answered(.success(.acknowledged)) = outcome, let epoch = process?.epoch, epoch < newest {
                cluster.violated(
                    "A process that was replaced is refused",
                    "broker \(id) of epoch \(epoch) is heard, after \(newest) was told that it has the id")
            }
            completion(outcome)
        }
    }

    /// Nobody knows the broker, or another process is it.
    private func replaced(_ index: Int) {
        if all[index].process?.epoch != nil { all[index].process?.restart() }
        all[index].mustRegister = true
    }

    /// What it is told is committed before.
    private func heardBack(_ index: Int, _ process: BrokerProcess?, _ answer: HeartbeatAnswer) {
        let id = all[index].id
        let then = cluster.ledger.model.cluster(at: answer.version)?.broker(id)
        guard let incarnation = answer.incarnation, let process else {
            if then?.isOnline ?? false { return }
            return cluster.violated(
                "Heartbeats are answered with the truth", "broker \(id) is not ONLINE in version \(answer.version)")
        }
        if then?.process != ClusterModel.Process(incarnation) {
            cluster.violated(
                "Heartbeats are answered with the truth",
                "broker \(id) is told \(incarnation), right is \(String(describing: then?.process))")
        }
        guard process.name == all[index].process?.name else { return }
        if incarnation.state == .active, let said = all[index].process?.said, said < incarnation.epoch {
            cluster.violated(
                "A broker is ACTIVE when it knows what it leads",
                "broker \(id) is ACTIVE in epoch \(incarnation.epoch), and knows of version \(said)")
        }
        let leadsNothing = incarnation.state == .fenced && process.wantsToStop
        if incarnation.state == .shutdown || leadsNothing { mayStop(index, incarnation) }
    }

    /// It stops, and is started again. Before, all others that are up have heard that it leads nothing.
    private func mayStop(_ index: Int, _ incarnation: BrokerIncarnation) {
        let id = all[index].id
        // One that was taken for lost meanwhile leads nothing, and waits for nobody.
        if incarnation.state == .shutdown, let text = whoHasNotHeard(of: incarnation, id) {
            cluster.violated("A broker stops when all others know", text)
        }
        all[index].isAlive = false
        cluster.timeline.schedule(after: random.time(milliseconds: 300...1500)) { [self] in
            all[index].isAlive = true
            all[index].restart()
        }
    }

    private func whoHasNotHeard(of incarnation: BrokerIncarnation, _ id: BrokerID) -> String? {
        guard let version = incarnation.shutdownVersion, let before = cluster.ledger.model.cluster(at: version - 1),
            before.ledBy(id) > 0
        else { return nil }
        for other in all where other.id != id && other.isAlive {
            guard let process = other.process, let epoch = process.epoch,
                let known = cluster.ledger.model.cluster.broker(other.id), known.mayLead,
                known.process?.epoch == epoch, max(other.view.version, process.said) < version
            else { continue }
            return "broker \(id) may stop, and broker \(other.id) knows of \(other.view.version), not of \(version)"
        }
        return nil
    }
}
