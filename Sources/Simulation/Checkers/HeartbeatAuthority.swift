import Metadata
import Raft
import Server

/// A broker's heartbeat is acknowledged only by the leader: never by one whose successor had opened its term before the
/// heartbeat was sent, nor by a node that knows itself that it does not lead.
final class HeartbeatAuthority: Checker {
    let invariant = "Heartbeats are acknowledged by the leader only"
    let kinds: [Observation.Kind] = [.heartbeatAcknowledged]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .heartbeatAcknowledged(let answer, _, let node, let asked) = observation else { return nil }
        cluster.counts.heartbeatsAcknowledged += 1
        if answer.term < asked.openedTerm {
            return
                "node \(node.id) of term \(answer.term) answers a heartbeat sent after term \(asked.openedTerm) was open"
        }
        if let process = node.process, process.raft.role != .leader {
            return "node \(node.id) answers a heartbeat as \(process.raft.role)"
        }
        return nil
    }
}

/// The answer says what is so: the version that the node stands at, which is no older than what was committed when the
/// broker asked, the term, and that the broker is ONLINE, or what became of its incarnation.
final class HeartbeatAnswers: Checker {
    let invariant = "Heartbeats are answered with the truth"
    let kinds: [Observation.Kind] = [.heartbeatAcknowledged]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .heartbeatAcknowledged(let answer, let broker, let node, let asked) = observation,
            let process = node.process
        else { return nil }
        let version = process.metadata.counters.version
        if answer.version != version || answer.version < asked.version {
            return "node \(node.id) at version \(version) tells broker \(broker) version \(answer.version), asked at "
                + "\(asked.version)"
        }
        if answer.term != process.raft.currentTerm {
            return "node \(node.id) of term \(process.raft.currentTerm) tells broker \(broker) term \(answer.term)"
        }
        let known = process.metadata.broker(broker)
        if let incarnation = answer.incarnation {
            if known?.incarnation == incarnation { return nil }
            return "node \(node.id) tells broker \(broker) \(incarnation), right is \(String(describing: known))"
        }
        let status = known?.status
        return status == .online
            ? nil : "node \(node.id) answers broker \(broker), which is \(status?.rawValue ?? "not registered")"
    }
}
