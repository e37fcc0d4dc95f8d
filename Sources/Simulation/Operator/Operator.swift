import Metadata
import Raft
import Server
import Wire

/// The person who repairs damaged nodes, by the procedure of the README ("A lost or damaged node") and nothing else.
///
/// A node that starts empty has forgotten its entries and votes, and votes again. It may, once a write that was sent after
/// the node had ended is acknowledged. That write is on the disks of a majority of which the node is none, and with it
/// everything that was committed before, also what the node's own copy had counted for: whoever is elected with the
/// node's new vote has it all. Nor can a vote that the node gave before make a second leader: that majority was in the
/// write's term after the node's end, so who had asked for the forgotten vote in a later term does not have the write, and
/// never gets a vote of theirs.
final class Operator: @unchecked Sendable {
    let cluster: SimulatedCluster
    var random: Randomness
    private var network: ClientNetwork
    /// The node at work on, and what it must hold to be whole again; `nil` as long as it has not started empty.
    private var patient: (node: SimulatedNode, goal: LogPosition?)?
    private var writes = 0

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        var random = random
        network = ClientNetwork(cluster: cluster, random: random.fork())
        self.random = random
    }

    /// Whether the cluster can bear that a node is damaged, or that something is done wrong: only one thing at a time,
    /// not before all have their votes, and not where the others are no majority.
    var canRepair: Bool { canRepair(nil) }

    /// - Parameter node: May have been the odd one out before: if so, it is the only one that may be again.
    func canRepair(_ node: SimulatedNode?) -> Bool {
        isWhole && cluster.members.count > 2 && !cluster.nodes.contains { $0.isOdd && $0 !== node }
    }

    /// Nothing is wrong that restarts do not mend, and nobody works on a machine: what another holds he starts when he likes,
    /// and who waited for it to be down would wait for ever.
    var isWhole: Bool {
        if let patient, let goal = patient.goal, patient.node.image.holds(goal) { self.patient = nil }
        return patient == nil && cluster.mistakes.current == nil && areAllVotersInLog
            && cluster.listed.allSatisfy { !$0.isDamaged && $0.isWholeMember(of: cluster.listed[0]) }
            && !cluster.nodes.contains(where: \.isHeld)
    }

    /// A node ended with 78.
    func mustLook(at node: SimulatedNode, _ text: String) {
        cluster.trace.record(.refused, node: node.id, node.incarnation, text)
        if cluster.mistakes.explains(node) { return cluster.observe(.refused(node)) }
        cluster.violated("No node is refused without a reason", "node \(node.id): \(text)")
    }

    /// `node` has ended and does not start any more.
    func repair(_ node: SimulatedNode) {
        // It may have been started twice, by different people.
        if let patient, patient.node === node, patient.goal == nil { return }
        patient = (node, nil)
        provePast(node) { [self] in
            node.empty()
            // Its name is known, and told to the node, as if it had been started once before.
            letIn(node)
        }
    }

    /// The node runs without a vote on a directory that took the place of one that is lost.
    func replaceDirectory(of node: SimulatedNode) {
        patient = (node, nil)
        provePast(node) { [self] in
            node.crash()
            node.writeOff()
            letIn(node)
            cluster.mistakes.isPutRight(node)
        }
    }

    /// Writes a key until that is acknowledged.
    private func provePast(_ node: SimulatedNode, at guess: SimulatedNode? = nil, then action: @escaping () -> Void) {
        writes += 1
        let key = Key(validated: Array("/repairs/\(node.id)/\(writes)".utf8))
        let (type, data) = CommandCodec.encode(.put(Put(key: key, value: [])))
        let target = guess ?? random.pick(Array(cluster.listed))
        network.call(target, deadline: .milliseconds(1500)) {
            .submit(Proposal(type: type, data: data), $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: target.id, UInt64(writes), "operator for n\(node.id): \(outcome)")
            switch outcome {
            case .answered(.success(.put)): action()
            case .answered(.failure(.notLeader(let leader?))): tryAgain(node, at: cluster.node(leader), action)
            default: tryAgain(node, at: nil, action)
            }
        }
    }

    private func tryAgain(_ node: SimulatedNode, at guess: SimulatedNode?, _ action: @escaping () -> Void) {
        cluster.timeline.schedule(after: random.time(milliseconds: 20...300)) { [self] in
            provePast(node, at: guess, then: action)
        }
    }

    private func letIn(_ node: SimulatedNode) {
        let last = cluster.ledger.last
        patient = (node, LogPosition(term: cluster.ledger[last].term, index: last))
        let directory = node.image.identity?.directory
        node.letTakePlace(directory ?? DirectoryID(high: random.next(), low: random.next()))
        node.isHeld = false
        node.start()
    }

    /// Differences that no majority can decide: the third node is behind, and the leader's snapshot would be the leader's
    /// opinion once more. The leader says so at `/readyz`; somebody looks at the values, and takes the wrong one out.
    func settleDisputes() {
        cluster.timeline.schedule(after: .seconds(5)) { [self] in
            let isOpen = cluster.leader?.process?.isInDispute ?? false
            if isOpen, patient == nil, let odd = cluster.nodes.first(where: { $0.isOdd && $0.isUp }) { odd.takeOut() }
            settleDisputes()
        }
    }

    /// A follower got a snapshot that does not add up: its sender's rows must be damaged. The sender is stopped; when it
    /// starts again, it says so itself.
    func snapshotRejected(by follower: SimulatedNode) {
        if let sender = cluster.nodes.first(where: { $0.isDamaged && $0.isUp }) { return inspect(sender) }
        // A snapshot may be on its way for longer than its damaged sender.
        guard !cluster.nemesis.hasFlippedBits else { return }
        cluster.violated("Snapshots arrive as they were", "node \(follower.id) rejects one, and no disk was damaged")
    }

    /// Stops the node and lets it check its data as it starts.
    func inspect(_ node: SimulatedNode) {
        guard node.isUp, !node.isStopping else { return }
        node.stop()
        cluster.nemesis.restartLater(node)
    }
}
