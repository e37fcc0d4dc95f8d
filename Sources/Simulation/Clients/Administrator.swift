import Metadata
import Raft
import Server
import Wire

/// Somebody who creates and deletes topics, removes brokers, clears subtrees, and looks at what there is.
final class Administrator: @unchecked Sendable {
    private let cluster: SimulatedCluster
    private var random: Randomness
    private var network: ClientNetwork
    private var guess = 0
    private var topics = 0
    private var end = VirtualTime.zero
    private var lastPage: (Page, next: Key?)?

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
        switch random.below(13) {
        case 12:
            let revision = cluster.ledger.model.keys.revision
            return .compactHistory(through: revision + 1 - UInt64(random.below(Int(min(revision, 60)) + 1)))
        case 0..<4:
            topics += 1
            return .createTopic(
                CreateTopic(
                    name: "t\(random.below(6))", partitionCount: random.within(1...(cluster.brokers.isCrowd ? 20 : 4)),
                    replicationFactor: random.within(1...3),
                    id: TopicID(high: random.next(), low: random.next())))
        case 4..<6:
            // Sometimes of a topic that may be gone, and created anew, by now.
            let topic = random.chance(500) ? cluster.ledger.model.earlier(random.below(20)).topics.first : nil
            return .deleteTopic(DeleteTopic(topic?.name ?? "t\(random.below(6))", id: topic?.id))
        case 6: return .unregisterBroker(cluster.brokers.anyID(&random))
        case 7:
            return .delete(Delete(key: Key(validated: Array("/scratch/\(random.below(12))".utf8)), isRecursive: true))
        default:
            // A key may have others below it.
            let key = "/scratch/\(random.below(12))" + random.pick(["", "/\(random.below(8))"])
            return .put(Put(key: Key(validated: Array(key.utf8)), value: Array(repeating: 7, count: random.below(60))))
        }
    }

    private func submit(_ command: Command) {
        let node = cluster.nodes[guess]
        cluster.submit(command, to: node, over: &network) { [self] outcome in
            cluster.trace.record(.complete, node: node.id, 99, "\(command) \(outcome)")
            switch outcome {
            case .answered(.success): break
            case .answered(.failure(.notLeader(let leader?))): guess = cluster.node(leader).position
            default: guess = random.below(cluster.nodes.count)
            }
        }
    }

    /// Requests that must disturb nothing.
    private func look() {
        let node = random.pick(cluster.nodes)
        switch random.below(30) {
        case 0: raiseLevel()
        case 1: electLeaders()
        case 2..<8: node.post(.measure { _ in })
        case 8..<15: node.post(.readLog(from: LogIndex(UInt64(random.below(50))), limit: random.below(20)) { _, _ in })
        case 15..<22: read(.stale, of: node)
        default: read(.linearizable, of: cluster.nodes[guess])
        }
    }

    /// Commands and rules of another level from one moment to the next, while all others go on.
    private func raiseLevel() {
        let level = random.within(MetadataStateMachine.levels)
        let request = MembershipRequest(.setFeature("metadata.version", level: level))
        cluster.nodes[guess].post(.changeMembers(request) { _ in })
    }

    private func electLeaders() {
        let asked = Asked(cluster.ledger)
        let topics = cluster.ledger.model.cluster.topics
        let places = topics.flatMap { topic in
            topic.partitions.indices.map { ElectLeaders.Place(topic: topic.name, partition: $0) }
        }
        let nowhere = ElectLeaders.Place(topic: "t0", partition: 50)
        let request: ElectLeadersRequest = random.chance(500) ? .all : .listed(ElectLeaders(places + [nowhere]))
        network.call(cluster.nodes[guess], deadline: .milliseconds(1500)) {
            .electLeaders(request, $0)
        } completion: { [self] (outcome: CallOutcome<ElectLeadersOutcome>) in
            guard case .answered(.success(let outcome)) = outcome else { return }
            let answer = ModelAnswer(.partitions(outcome.results, version: outcome.version))
            let isTrue = cluster.ledger.model.clusters[Int(asked.version)...].contains { cluster in
                var cluster = cluster
                return cluster.elect(outcome.election) == answer
            }
            if !isTrue { cluster.violated("Clients are told the truth", "\(request) is answered \(outcome)") }
        }
    }

    // Reads

    private func read(_ consistency: Consistency, of node: SimulatedNode) {
        let page = pickPage()
        let asked = consistency == .linearizable ? Asked(cluster.ledger) : nil
        network.call(node, deadline: .milliseconds(1000)) { answer in
            .read(consistency) { result in answer(result.map { SeenState($0, page) }) }
        } completion: { [self] (outcome: CallOutcome<SeenState>) in
            guard case .answered(.success(let seen)) = outcome else { return }
            cluster.trace.record(.complete, node: node.id, seen.version, "\(consistency) read: \(seen)")
            lastPage = (page, seen.next)
            if let text = seen.falsehood(asked, cluster.ledger.model) {
                cluster.violated("Reads see what is so", "\(consistency) of node \(node.id): \(text)")
            }
        }
    }

    /// Sometimes where the last one ended.
    private func pickPage() -> Page {
        if let (page, last) = lastPage, let next = last, random.chance(600) {
            return Page(
                directory: page.directory, isRecursive: page.isRecursive, after: next, limit: page.limit, ago: page.ago)
        }
        let directory = random.pick(["/", "/keys", "/keys/1", "/scratch", "/scratch/1", "/none"])
        return Page(
            directory: Key(validated: Array(directory.utf8)), isRecursive: random.chance(500), after: nil,
            limit: random.pick([1, 2, 5, 1000]), ago: random.chance(400) ? UInt64(random.below(40)) : 0)
    }
}
