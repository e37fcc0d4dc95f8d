import Metadata
import Raft
import Server
import Wire

/// Somebody who creates and deletes topics, removes brokers, clears subtrees, and asks nodes for this and that.
final class Administrator: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0
    private var topics = 0
    private var end = VirtualTime.zero

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
    }

    func start(until end: VirtualTime) {
        self.end = end
        next()
    }

    private func next() {
        cluster.timeline.schedule(after: random.time(milliseconds: 50...600)) { [self] in
            guard cluster.timeline.now < end else { return }
            look()
            submit(pickCommand())
            next()
        }
    }

    private func pickCommand() -> Command {
        switch random.below(12) {
        case 0..<4:
            topics += 1
            return .createTopic(
                CreateTopic(
                    name: "t\(random.below(6))", partitionCount: random.within(1...4),
                    replicationFactor: random.within(1...3)))
        case 4..<6: return .deleteTopic(name: "t\(random.below(6))")
        case 6: return .unregisterBroker(cluster.brokers.anyID(&random))
        case 7:
            return .delete(Delete(key: Key(validated: Array("/scratch/\(random.below(3))".utf8)), isRecursive: true))
        default:
            let key = "/scratch/\(random.below(3))/\(random.below(8))"
            return .put(Put(key: Key(validated: Array(key.utf8)), value: Array(repeating: 7, count: random.below(60))))
        }
    }

    private func submit(_ command: Command) {
        let (type, data) = CommandCodec.encode(command)
        let node = cluster.nodes[guess]
        network.call(node, deadline: .milliseconds(1500)) {
            .submit(Proposal(type: type, data: data), $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: node.id, 99, "\(command) \(outcome)")
            switch outcome {
            case .answered(.success): break
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }

    /// Requests that any node answers, and that must disturb nothing.
    private func look() {
        let node = random.pick(cluster.nodes)
        switch random.below(3) {
        case 0: node.post(.measure { _ in })
        case 1: node.post(.readLog(from: LogIndex(UInt64(random.below(50))), limit: random.below(20)) { _, _ in })
        default: node.post(.read(.stale) { _ in })
        }
    }
}
