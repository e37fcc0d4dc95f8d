import Metadata
import Raft
import Server
import Wire

/// Somebody who moves partitions to other brokers, takes that back, makes more of them, and says where new ones go.
final class Movers: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0
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
        cluster.timeline.schedule(after: random.time(milliseconds: 100...900)) { [self] in
            guard cluster.timeline.now < end else { return }
            change(pickCommand())
            next()
        }
    }

    private func pickCommand() -> Command {
        switch random.below(13) {
        case 12: return .restrictBroker(restriction())
        case 0: return .createTopic(topicWhereWanted())
        case 1: return .deleteTopic(DeleteTopic(random.pick(Self.similarNames)))
        case 2: return .createPartitions(morePartitions())
        default: return .alterReassignments(moves())
        }
    }

    /// Given back more often than taken, or nothing would find a place any more.
    private func restriction() -> RestrictBroker {
        RestrictBroker(
            id: cluster.brokers.anyID(&random), restriction: random.chance(500) ? .cordoned : .maintenance,
            isOn: random.chance(400), isForced: random.chance(300))
    }

    private static let similarNames = ["m.1", "m_1"]

    private func topicWhereWanted() -> CreateTopic {
        let factor = random.within(1...3)
        let lists = (0..<random.within(1...3)).map { _ in brokers(random.chance(900) ? factor : 1) }
        return CreateTopic(
            name: random.pick(Self.similarNames), partitionCount: lists.count, replicationFactor: factor,
            id: TopicID(high: random.next(), low: random.next()), assignments: random.chance(800) ? lists : nil)
    }

    private func morePartitions() -> CreatePartitions {
        let topic = anyTopic
        let present = topic?.partitions.count ?? 1
        // Stories grow slowly with the number of partitions.
        let count = present + (present < 8 ? random.within(-1...2) : 0)
        let lists = (0..<max(0, count - present)).map { _ in brokers(topic?.replicationFactor ?? 1) }
        return CreatePartitions(
            topic: topic?.name ?? "t0", partitionCount: max(1, count), assignments: random.chance(300) ? lists : nil)
    }

    /// As some moments ago: it may be gone by now, or created anew.
    private var anyTopic: ClusterModel.Topic? {
        let topics = cluster.ledger.model.earlier(random.chance(800) ? 0 : random.below(20)).topics
        return topics.isEmpty ? nil : random.pick(topics)
    }

    /// Different ones, and now and then one that is not.
    private func brokers(_ count: Int) -> [BrokerID] {
        var chosen: [BrokerID] = []
        for _ in 0..<20 where chosen.count < count {
            let id = cluster.brokers.anyID(&random)
            if !chosen.contains(id) || random.chance(20) { chosen.append(id) }
        }
        return chosen
    }

    private func moves() -> AlterReassignments {
        let mayGrow = random.chance(800)
        return AlterReassignments(
            (0..<random.within(1...4)).map { _ in move(mayGrow) }, mayChangeReplicationFactor: mayGrow)
    }

    private func move(_ mayGrow: Bool) -> AlterReassignments.Move {
        guard let topic = anyTopic else {
            return AlterReassignments.Move(topic: .name("t0"), partition: 0, replicas: nil)
        }
        let number = random.chance(20) ? 99 : random.below(topic.partitions.count)
        let reference = topic.id.flatMap { random.chance(600) ? TopicReference.id($0) : nil } ?? .name(topic.name)
        let partition = topic.partitions.indices.contains(number) ? topic.partitions[number] : nil
        return AlterReassignments.Move(topic: reference, partition: number, replicas: target(of: partition, mayGrow))
    }

    /// Somewhere else altogether, one for another, fewer, more, in another order, where it is, or back.
    private func target(of partition: ClusterModel.Partition?, _ mayGrow: Bool) -> [BrokerID]? {
        guard let partition else { return nil }
        var target = partition.replicas.filter { !(partition.move?.removing.contains($0) ?? false) }
        switch random.below(partition.move == nil ? 6 : 10) {
        case 0: return brokers(mayGrow ? random.within(1...4) : target.count)
        case 1, 2:
            target[random.below(target.count)] = cluster.brokers.anyID(&random)
            return target
        case 3: return Array(target.dropLast())
        case 4: return target + [cluster.brokers.anyID(&random)]
        case 5: return target.reversed()
        case 6: return target
        default: return nil
        }
    }

    private func change(_ command: Command) {
        let node = cluster.nodes[guess]
        let asked = Asked(cluster.ledger)
        network.call(node, deadline: .milliseconds(1500)) {
            .change(command, $0)
        } completion: { [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: node.id, 98, "\(command) \(outcome)")
            switch outcome {
            case .answered(.success(let result)):
                // One whose memory is damaged goes by what it holds, until a majority has noticed.
                if !node.isOdd, !command.explains(result, since: asked.version, cluster.ledger.model) {
                    cluster.violated("Clients are told the truth", "\(command) is answered \(result)")
                }
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }
}

extension Command {
    /// Whether it comes to that by the rules, at some version since. When moves were asked for is not looked at: who is answered
    /// does not know when that was.
    fileprivate func explains(_ result: CommandResult, since first: UInt64, _ model: Model) -> Bool {
        let answer = ModelAnswer(result).withoutTimes
        return model.clusters[Int(first)...].contains { cluster in
            var cluster = cluster
            let right: ModelAnswer? =
                switch self {
                case .alterReassignments(let moves): cluster.reassign(moves, at: 0)
                case .restrictBroker(let request): cluster.restrict(request)
                case .createPartitions(let creation):
                    // Where they went the entry says, which is compared with the model's.
                    creation.assignments == nil ? nil : cluster.grow(creation, placement: 1)
                default: nil
                }
            return right.map { $0.withoutTimes == answer } ?? true
        }
    }
}

extension ModelAnswer {
    fileprivate var withoutTimes: ModelAnswer {
        guard case .partitions(let results) = self else { return self }
        return .partitions(
            results.map { result in
                guard case .partition(var partition) = result else { return result }
                partition.move?.time = 0
                return .partition(partition)
            })
    }
}
