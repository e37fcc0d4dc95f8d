import Metadata
import Raft
import Server

/// No lease ends before its time is over, since it was granted or kept alive; only its holder may end it earlier. That it ends
/// then the recovery waits for.
final class LeaseLife: Checker {
    let invariant = "Leases live as long as they are told"
    let kinds: [Observation.Kind] = [.committed]
    private var renewed: [LeaseID: VirtualTime] = [:]
    private var ttls: [LeaseID: Int64] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .committed(_, let outcome, _, _) = observation else { return nil }
        let now = cluster.timeline.now
        switch (cluster.ledger.lastCommand, outcome.result) {
        case (.grantLease(let lease)?, .lease): (renewed[lease.id], ttls[lease.id]) = (now, lease.ttlSeconds)
        case (.keepLeasesAlive(let ids)?, .done): for id in ids { renewed[id] = now }
        case (.revokeLease(let id)?, .deleted):
            guard let since = renewed.removeValue(forKey: id), !cluster.leaseHolders.givenBack.contains(id),
                let lease = ttls.removeValue(forKey: id)
            else { return nil }
            // The leader's clock may be fast.
            let rate = UInt64(cluster.faults.clockRates.upperBound)
            let end = since + VirtualTime(nanoseconds: UInt64(lease) * 1_000_000_000 / rate * 1000)
            if now < end { return "lease \(id) of \(lease) s ends at \(now), and was renewed at \(since)" }
        default: break
        }
        return nil
    }
}
