import Metadata
import Server

// An operator lets a cluster place replicas anew, as the README says for one whose nodes all run this release.
extension Operator {
    /// Asks until it is done; where metadata.version is too low he is told so, every time.
    func raisePlacement(until end: VirtualTime, _ random: Randomness) {
        var random = random
        cluster.timeline.schedule(after: random.time(milliseconds: 300...4000)) { [self] in
            guard cluster.timeline.now < end, cluster.ledger.model.placement == 1 else { return }
            cluster.leader?.post(
                .changeMembers(MembershipRequest(.setFeature("placement.version", level: 2))) { [cluster] result in
                    cluster.trace.note(.phase, "placement.version to 2: \(result)")
                })
            raisePlacement(until: end, random)
        }
    }
}
