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
    private let cluster: SimulatedCluster
    private var random: Randomness
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

    /// Whether the cluster can bear that a node is damaged: only one at a time.
    var canRepair: Bool { canRepair(nil) }

    /// - Parameter node: May have been the odd one out before: if so, it is the only one that may be again.
    func canRepair(_ node: SimulatedNode?) -> Bool {
        if let patient, let goal = patient.goal, patient.node.image.holds(goal) { self.patient = nil }
        return patient == nil && cluster.nodes.count > 1
            && !cluster.nodes.contains { $0.isDamaged || $0.isOdd && $0 !== node || $0.isBeingRepaired }
    }

    /// `node` has ended and does not start any more.
    func repair(_ node: SimulatedNode) {
        patient = (node, nil)
        provePast(node)
    }

    /// Writes a key until that is acknowledged, then starts the node with an empty disk.
    private func provePast(_ node: SimulatedNode, at guess: SimulatedNode? = nil) {
        writes += 1
        let key = Key(validated: Array("/repairs/\(node.id)/\(writes)".utf8))
        let (type, data) = CommandCodec.encode(.put(Put(key: key, value: [])))
        let target = guess ?? random.pick(cluster.nodes)
        network.call(target, deadline: .milliseconds(1500)) {
            .submit(Proposal(type: type, data: data), $0)
        } completion: {
            [self] (outcome: CallOutcome<CommandResult>) in
            cluster.trace.record(.complete, node: target.id, UInt64(writes), "operator for n\(node.id): \(outcome)")
            switch outcome {
            case .answered(.success(.put)): startEmpty(node)
            case .answered(.failure(.notLeader(let leader?))): tryAgain(node, at: cluster.node(leader))
            default: tryAgain(node, at: nil)
            }
        }
    }

    private func tryAgain(_ node: SimulatedNode, at guess: SimulatedNode?) {
        cluster.timeline.schedule(after: random.time(milliseconds: 20...300)) { [self] in provePast(node, at: guess) }
    }

    private func startEmpty(_ node: SimulatedNode) {
        let last = cluster.ledger.last
        patient = (node, LogPosition(term: cluster.ledger[last].term, index: last))
        node.empty()
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
