import Raft
import Server

// Members leave the cluster and come back on empty directories, while it works and everything else happens: the verbs of
// the README, typed again until they are done.
extension Mistakes {
    func planMemberChanges(until end: VirtualTime) {
        guard cluster.faults.includes(.memberChange) else { return }
        let next = cluster.timeline.now + random.time(milliseconds: 200...4000)
        guard next < end else { return }
        cluster.timeline.schedule(at: next) { [self] in
            make(.memberChange, random.pick(cluster.nodes))
            planMemberChanges(until: end)
        }
    }

    /// Removes `node`, or all but that, and lets who left come back.
    func changeMembers(_ node: SimulatedNode) {
        guard cluster.hasMembersInLog else { return }
        let isShrunk = random.chance(250)
        let leaving = isShrunk ? cluster.listed.filter { $0 !== node } : [node]
        begin(.memberChange(leaving), .memberChange, node)
        let change = isShrunk ? MembershipChange.setVoters([node.id]) : .remove(node.id)
        ask(change) { [self] in takeAway(leaving) { [self] in bringBack(leaving) } }
    }

    /// Gives them empty directories.
    private func takeAway(_ nodes: [SimulatedNode], then action: @escaping () -> Void) {
        // Until then they may be started on what they have.
        later(0...3000) { [self] in
            takeDown(nodes) {
                for node in nodes { node.empty() }
                action()
            }
        }
    }

    /// One by one: many empty nodes that hear nobody with data would begin a cluster.
    private func bringBack(_ nodes: [SimulatedNode]) {
        guard let node = nodes.first else {
            current = nil
            return
        }
        release(node)
        let member = SimulatedCluster.member(Int(node.id.number))
        guard nodes.count == 1, random.chance(400) else {
            return ask(.add(member, asLearner: false)) { [self] in bringBack(Array(nodes.dropFirst())) }
        }
        let other = random.pick(cluster.listed.filter { $0 !== node })
        current = .memberChange([node, other])
        ask(.replace(other.id, by: member)) { [self] in takeAway([other]) { [self] in bringBack([other]) } }
    }

    /// Asks whoever leads until it says that the change is done.
    private func ask(_ change: MembershipChange, then action: @escaping () -> Void) {
        let isDone = Flag()
        func attempt() {
            if isDone.value { return action() }
            cluster.leader?.post(
                .changeMembers(MembershipRequest(change)) { [cluster] result in
                    guard case .success(.done) = result, !isDone.value else { return }
                    isDone.value = true
                    cluster.trace.note(.phase, "\(change) is done")
                })
            later(100...1500, attempt)
        }
        attempt()
    }
}
