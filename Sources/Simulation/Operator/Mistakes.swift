import Raft
import Server

/// What people do wrong about the nodes' identity, and how they put it right. One thing at a time, and only while the cluster
/// is whole but for what restarts mend: two such things at once are more than any cluster of three is made for.
///
/// Nobody here knows more than people do: what a node says (it ends with 78, it has no vote) and what the README tells to do
/// about it. No rule makes an exception meanwhile. A directory that was emptied or replaced counts for what it held
/// until the operator's procedure gives its place away.
final class Mistakes {
    enum Mistake {
        /// The node was given a services file that is not that of its cluster.
        case wrongList(SimulatedNode)
        /// The node's directory was emptied, or has an old state.
        case directory(SimulatedNode)
        case twin(Twin)
        /// Most nodes' directories are gone, as when volumes are not mounted.
        case manyEmptied([SimulatedNode])
        /// The list of members is being changed.
        case listChange(ListChange)
        /// These were removed, and are to come back: no mistake, and yet one thing at a time.
        case memberChange([SimulatedNode])
    }

    /// Another process with a member's id.
    struct Twin {
        let original: SimulatedNode
        /// It has the very files of the original, and no sign of that.
        let isClone: Bool
        /// The member whose address it answers at.
        var replaced: SimulatedNode?
        /// The original ended because of it, and says that it must not go on.
        var hasRefusedOriginal = false
    }

    struct ListChange {
        /// Whether most nodes are empty, and who has data must be heard within the wait.
        var mustBeHeard = false
        /// Whether some were overlooked, and go by the list before.
        var isMixed = false
    }

    let cluster: SimulatedCluster
    var random: Randomness
    var current: Mistake?
    /// A directory as it was at some time.
    var backup: (node: SimulatedNode, image: DiskImage)?

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
    }

    /// While most data are away, what is left must be heard: else the operator has lost the cluster, as `auto` warns.
    var mustBeHeard: Bool {
        switch current {
        case .manyEmptied?: true
        case .listChange(let change)?: change.mustBeHeard
        default: false
        }
    }

    func make(_ kind: FaultKind, _ node: SimulatedNode) {
        guard cluster.operator.canRepair, cluster.isListed(node) else { return }
        switch kind {
        case .wrongServicesFile: giveWrongList(to: node)
        case .emptiedDirectory: loseDirectory(of: node, putting: nil)
        case .oldBackup: backUpOrRestore(node)
        case .copiedDirectory: copyDirectory(of: node)
        case .sameIDTwice: startStranger(as: node)
        case .majorityEmptied: emptyMajority(but: node)
        case .memberChange: changeMembers(node)
        default: preconditionFailure("\(kind.rawValue) is no mistake of an operator")
        }
    }

    /// A node ended with 78. Returns whether there is a reason for that.
    func explains(_ node: SimulatedNode) -> Bool {
        switch current {
        case .wrongList(let other)?, .directory(let other)?: return other === node && node.hasWrongList
        case .twin(var twin)?:
            if node === cluster.twin { return true }
            guard node === twin.original, twin.isClone || twin.replaced != nil else { return false }
            twin.hasRefusedOriginal = true
            current = .twin(twin)
            return true
        case .listChange(let change)?:
            return change.isMixed
        case .memberChange(let nodes)?: return nodes.contains { $0 === node }
        case .manyEmptied?, nil: return false
        }
    }

    // Doing things to nodes

    func begin(_ mistake: Mistake, _ kind: FaultKind, _ node: SimulatedNode?) {
        current = mistake
        cluster.counts.count(kind)
        cluster.trace.record(.fault, node: node?.id, 0, kind.rawValue)
    }

    func later(_ milliseconds: ClosedRange<Int>, _ action: @escaping () -> Void) {
        cluster.timeline.schedule(after: random.time(milliseconds: milliseconds), action)
    }

    /// Ends the nodes' processes, one way or the other, and keeps them from being started by anybody else.
    func takeDown(_ nodes: [SimulatedNode], then action: @escaping () -> Void) {
        for node in nodes {
            node.isHeld = true
            guard node.isUp, !node.isStopping else { continue }
            if random.chance(500) { node.crash() } else { node.stop() }
        }
        whenDown(nodes, action)
    }

    private func whenDown(_ nodes: [SimulatedNode], _ action: @escaping () -> Void) {
        guard nodes.contains(where: \.isUp) else { return action() }
        cluster.timeline.schedule(after: .milliseconds(20)) { [self] in whenDown(nodes, action) }
    }

    func release(_ node: SimulatedNode) {
        node.isHeld = false
        node.start()
    }

    // The services file

    private func giveWrongList(to node: SimulatedNode) {
        begin(.wrongList(node), .wrongServicesFile, node)
        takeDown([node]) { [self] in
            node.list = wrongList(for: node)
            node.start()
            // Data that know the members go by those, and take the file for a book of addresses.
            if node.isUp, node.process?.raft.hasConfiguration == false {
                cluster.violated("A differing list stops the node", "node \(node.id) starts with another list")
            }
            later(50...3000) { [self] in
                node.list = cluster.members
                current = nil
                release(node)
            }
        }
    }

    /// Lacks a member, or has one that nobody knows.
    func wrongList(for node: SimulatedNode) -> [Member] {
        guard random.chance(500) || cluster.nodes.count == 7 else {
            return cluster.members + [SimulatedCluster.member(cluster.nodes.count + 1)]
        }
        let other = random.pick(cluster.listed.filter { $0 !== node })
        return cluster.members.filter { $0.id != other.id }
    }

    // The directory

    private func backUpOrRestore(_ node: SimulatedNode) {
        guard let backup, backup.image.identity?.ids == cluster.members.map(\.id) else {
            self.backup = (node, node.image)
            return
        }
        self.backup = nil
        var image = backup.image
        image.isCopy = true
        loseDirectory(of: backup.node, putting: image)
    }

    private func loseDirectory(of node: SimulatedNode, putting image: DiskImage?) {
        begin(.directory(node), image == nil ? .emptiedDirectory : .oldBackup, node)
        takeDown([node]) { [self] in
            node.replaceDirectory(by: image ?? DiskImage())
            // One mistake seldom comes alone.
            if image == nil, random.chance(200) { node.list = wrongList(for: node) }
            later(0...500) { [self] in release(node) }
            later(500...6000) { [self] in giveRightList(to: node) }
        }
    }

    private func giveRightList(to node: SimulatedNode) {
        guard node.hasWrongList else { return replace(node) }
        takeDown([node]) { [self] in
            node.list = cluster.members
            release(node)
            later(100...3000) { [self] in replace(node) }
        }
    }

    /// What the README says about a lost directory.
    func replace(_ node: SimulatedNode) {
        cluster.operator.replaceDirectory(of: node)
    }

    /// The operator's word is given; what follows is the node's way into the cluster.
    func isPutRight(_ node: SimulatedNode) {
        if case .directory(let other)? = current, other === node { current = nil }
    }

    // Most directories

    private func emptyMajority(but witness: SimulatedNode) {
        // A disk that stalls would keep it from answering as long as a cut would.
        guard witness.isUp, !witness.isStopping, !witness.isPaused, witness.disk?.isIdle ?? false else { return }
        let others = cluster.listed.filter { $0 !== witness }
        var victims: [SimulatedNode] = []
        for node in others where victims.count <= cluster.listed.count / 2 { victims.append(node) }
        begin(.manyEmptied(victims), .majorityEmptied, witness)
        cluster.nemesis.calmDown()
        takeDown(victims) { [self] in
            for node in victims {
                node.replaceDirectory(by: DiskImage())
                later(0...1000) { [self] in release(node) }
            }
            later(1500...5000) { [self] in giveBack(to: victims) }
        }
    }

    private func giveBack(to victims: [SimulatedNode]) {
        takeDown(victims) { [self] in
            for node in victims {
                node.giveDirectoryBack()
                later(0...1000) { [self] in release(node) }
            }
            later(1001...1200) { [self] in current = nil }
        }
    }
}
