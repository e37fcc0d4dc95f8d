import Metadata
import Server

/// Brokers' consumers that look for their groups, give them to other brokers and delete them; of few names, some of which give one
/// id.
final class GroupClients: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
    }

    /// In one story of four.
    func start(until end: VirtualTime) {
        if cluster.seed % 4 == 2 { next(until: end) }
    }

    private func next(until end: VirtualTime) {
        cluster.timeline.schedule(after: random.time(milliseconds: 20...300)) { [self] in
            guard cluster.timeline.now < end else { return }
            if cluster.ledger.model.level < 5, random.chance(100) { raiseLevel() }
            if random.chance(100) { look(random.pick(cluster.nodes)) }
            ask(pickCommand())
            next(until: end)
        }
    }

    private func raiseLevel() {
        let request = MembershipRequest(.setFeature("metadata.version", level: 5))
        cluster.nodes[guess].post(.changeMembers(request) { _ in })
    }

    private func pickCommand() -> GroupCommand {
        let known = cluster.ledger.model.earlier(random.below(5)).groups
        switch random.below(10) {
        case 0, 1:
            guard !known.isEmpty else { return .delete("G_t0_none", by: 1) }
            let group = random.pick(known)
            return .delete(group.name, by: random.chance(800) ? group.leader : cluster.brokers.anyID(&random))
        case 2, 3:
            let name = known.isEmpty ? "G_t0_none" : random.pick(known).name
            return .move(name, to: cluster.brokers.anyID(&random))
        default:
            // Two of them give the id of another two.
            return .find(
                topic: random.pick(["t0", "t0_a", "t1", "t2"]), appID: random.pick(["b", "a_b", "c", "d", "e", "f"]))
        }
    }

    private func ask(_ command: GroupCommand) {
        let node = cluster.nodes[guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .change(.group(command), $0)
        } completion: { [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: node.id, 95, "\(command) \(outcome)")
            switch outcome {
            case .answered(.success(let result)):
                cluster.counts.operationsAcknowledged += 1
                guard !node.isOdd, !isTrue(result, of: command, asked) else { return }
                cluster.violated("Clients are told the truth", "\(command) is answered \(result); nothing says so")
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }

    /// An entry since then came to that; or nothing was to be done, by a state since then.
    private func isTrue(_ result: CommandResult, of command: GroupCommand, _ asked: Asked) -> Bool {
        if cluster.ledger.explains(result, of: .group(command), after: asked.index) { return true }
        let answer = ModelAnswer(result)
        return cluster.ledger.model.clusters[Int(asked.version)...].contains { before in
            var after = before
            return after.carryOut(command, at: 0) == answer && after == before
        }
    }

    /// What any node has is what there was at its version.
    private func look(_ node: SimulatedNode) {
        network.call(node, deadline: .milliseconds(1000)) { answer in
            .read(.stale) { result in answer(result.map { SeenGroups($0) }) }
        } completion: { [self] (outcome: CallOutcome<SeenGroups>) in
            guard case .answered(.success(let seen)) = outcome else { return }
            let right = cluster.ledger.model.cluster(at: seen.version)?.groups
            guard seen.groups != right else { return }
            cluster.violated(
                "Reads see what is so",
                "node \(node.id) at \(seen.version) has \(seen.groups), right is \(String(describing: right))")
        }
    }
}

private struct SeenGroups: Sendable {
    let version: UInt64
    let groups: [ClusterModel.Group]

    init(_ view: NodeView) {
        version = view.metadata.counters.version
        groups = view.metadata.allGroups.map { ClusterModel.Group($0) }
    }
}
