import Raft
import Server

/// A broker's heartbeat is acknowledged only by the leader: never by one whose successor had opened its term before the
/// heartbeat was sent, nor by a node that knows itself that it does not lead.
final class HeartbeatAuthority: Checker {
    let invariant = "Heartbeats are acknowledged by the leader only"
    let kinds: [Observation.Kind] = [.heartbeatAcknowledged]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .heartbeatAcknowledged(let answer, let node, let openedBefore) = observation else { return nil }
        cluster.counts.heartbeatsAcknowledged += 1
        if answer.term < openedBefore {
            return "node \(node.id) of term \(answer.term) answers a heartbeat sent after term \(openedBefore) was open"
        }
        if let process = node.process, process.raft.role != .leader {
            return "node \(node.id) answers a heartbeat as \(process.raft.role)"
        }
        return nil
    }
}
