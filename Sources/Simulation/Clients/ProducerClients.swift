import Metadata
import Server

/// Brokers that want ids for their producers, some of them in the name of a process that was replaced.
final class ProducerClients: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0
    /// What was told to whoever asked.
    private var given: [Range<UInt64>] = []

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
    }

    /// Where there are groups: somebody raises the level there.
    func start(until end: VirtualTime) {
        if cluster.seed % 4 == 2 { next(until: end) }
    }

    private func next(until end: VirtualTime) {
        cluster.timeline.schedule(after: random.time(milliseconds: 100...600)) { [self] in
            guard cluster.timeline.now < end else { return }
            ask()
            next(until: end)
        }
    }

    private func ask() {
        // Of a while ago: it may be another process by now.
        let known = cluster.ledger.model.earlier(random.below(20)).brokers
        let broker = known.isEmpty || random.chance(100) ? nil : random.pick(known)
        let allocation = AllocateProducerIDs(
            broker: broker?.id ?? cluster.brokers.anyID(&random), epoch: broker?.process?.epoch,
            count: UInt64(random.pick([1, 2, 1000])))
        let node = cluster.nodes[guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .change(.allocateProducerIDs(allocation), $0)
        } completion: { [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: node.id, 94, "\(allocation) \(outcome)")
            switch outcome {
            case .answered(.success(let result)):
                cluster.counts.operationsAcknowledged += 1
                if !node.isOdd { check(result, of: allocation, asked) }
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }

    private func check(_ result: CommandResult, of allocation: AllocateProducerIDs, _ asked: Asked) {
        guard case .producerIDs(let first, let count) = result else { return check(refusal: result, allocation, asked) }
        let block = first..<first + count
        let isExplained = cluster.ledger.explains(result, of: .allocateProducerIDs(allocation), after: asked.index)
        if !isExplained || given.contains(where: { $0.overlaps(block) }) {
            cluster.violated("Clients are told the truth", "\(allocation) is given \(block), behind \(given.suffix(3))")
        }
        given.append(block)
    }

    /// By an entry, or by a state since then.
    private func check(refusal: CommandResult, _ allocation: AllocateProducerIDs, _ asked: Asked) {
        let answer = ModelAnswer(refusal)
        let model = cluster.ledger.model
        let isTrue = model.clusters[Int(asked.version)...].contains { $0.refusal(of: allocation) == answer }
        if !isTrue { cluster.violated("Clients are told the truth", "\(allocation) is refused with \(refusal)") }
    }
}
