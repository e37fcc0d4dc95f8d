import Metadata
import Raft

/// What one leadership tells one broker comes in order of version.
final class PushOrder: Checker {
    let invariant = "Pushes in order of version"
    let kinds: [Observation.Kind] = [.pushArrived]
    private struct Stream: Hashable {
        let broker: BrokerID
        let term: UInt64
    }
    private var versions: [Stream: UInt64] = [:]
    private var leaders: [UInt64: NodeID] = [:]

    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String? {
        guard case .pushArrived(let push, let broker, let node) = observation else { return nil }
        let (term, version) = (push.term, push.version)
        if let leader = leaders.updateValue(node.id, forKey: term), leader != node.id {
            return "nodes \(leader) and \(node.id) both push as leader of term \(term)"
        }
        let before = versions.updateValue(version, forKey: Stream(broker: broker, term: term)) ?? 0
        return version < before ? "broker \(broker) gets version \(version) after \(before), both of term \(term)" : nil
    }
}
