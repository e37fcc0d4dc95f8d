import Raft
import Server

// Another list of members, by the offline step: on every node's directory while all are stopped. Also one node that is a
// cluster by itself and is started as one of several.
extension Mistakes {
    /// Plans the change that this seed's cluster begins small for.
    func planGrowth() {
        guard cluster.members.count < cluster.nodes.count else { return }
        later(1000...cluster.configuration.seconds * 600) { [self] in growWhenWhole() }
    }

    private func growWhenWhole() {
        guard cluster.operator.isWhole else { return later(50...300) { [self] in growWhenWhole() } }
        let isAlone = cluster.members.count == 1
        // Empty nodes are the most then: who has data must be heard within the wait.
        begin(.listChange(ListChange(mustBeHeard: isAlone)), isAlone ? .oneBecomesSeveral : .listChange, nil)
        var old = Array(cluster.listed)
        // Somebody overlooks a node, and it runs on by the old list.
        var late: [SimulatedNode] = []
        if !isAlone, random.chance(400) { late = [old.remove(at: random.below(old.count))] }
        if !isAlone, late.count == 1, random.chance(300) { late.append(old.remove(at: random.below(old.count))) }
        current = .listChange(ListChange(mustBeHeard: isAlone, isMixed: !late.isEmpty))
        if isAlone { cluster.nemesis.calmDown() }
        takeDown(old) { [self] in
            backup = nil
            cluster.takeMembers((1...cluster.nodes.count).map(SimulatedCluster.member))
            for node in cluster.nodes where !late.contains(where: { $0 === node }) {
                node.list = cluster.members
                // Who is alone needs no more than the new file.
                if !isAlone || random.chance(500) { changeList(of: node) }
                later(0...(isAlone ? 300 : 1500)) { [self] in release(node) }
            }
            later(1500...6000) { [self] in changeLate(late) }
        }
    }

    private func changeLate(_ late: [SimulatedNode]) {
        guard let node = late.first else { return endChange() }
        takeDown([node]) { [self] in
            node.list = cluster.members
            changeList(of: node)
            release(node)
            later(100...3000) { [self] in changeLate(Array(late.dropFirst())) }
        }
    }

    /// Until nobody is empty any more, who has data must be heard; until each has what was committed so far, nothing else may be
    /// done wrong: who has just been admitted may have nothing yet.
    private func endChange() {
        let isEverybodyIn = cluster.nodes.allSatisfy { $0.image.identity?.clusterID != nil }
        if isEverybodyIn, case .listChange(var change)? = current {
            change.mustBeHeard = false
            current = .listChange(change)
        }
        let last = cluster.ledger.last
        guard isEverybodyIn, last > .zero else {
            restartDown()
            return later(50...500) { [self] in endChange() }
        }
        awaitEverybody(with: cluster.ledger.position(at: last))
    }

    /// Somebody may have ended because others had another list.
    private func restartDown() {
        for node in cluster.nodes where !node.isUp && !node.isHeld { cluster.nemesis.restartLater(node) }
    }

    private func awaitEverybody(with position: LogPosition) {
        restartDown()
        later(50...500) { [self] in
            let isWhole = cluster.nodes.allSatisfy { $0.isUp && $0.holds(position) }
            if isWhole { current = nil } else { awaitEverybody(with: position) }
        }
    }

    private func changeList(of node: SimulatedNode) {
        node.image.identity?.change(to: cluster.members.map(\.id))
        guard let identity = node.image.identity else { return }
        cluster.trace.record(.identity, node: node.id, 0, "list changed: \(identity.summary)")
    }
}
