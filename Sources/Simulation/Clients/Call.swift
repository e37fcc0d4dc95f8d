import Raft
import Server

/// What a client knows after a request.
enum CallOutcome<Value: Sendable> {
    case answered(Result<Value, RequestFailure>)
    /// The connection was refused: the request never reached the node.
    case refused
    /// No answer in time, or the connection broke: whatever happened, the client does not know.
    case lost
}

/// Spelt out: what the language prints of a private type by itself has an address in it, which differs from run to run.
extension CallOutcome: CustomStringConvertible {
    var description: String {
        switch self {
        case .answered(.success(let value)): "answered \(value)"
        case .answered(.failure(let failure)): "failed \(failure)"
        case .refused: "refused"
        case .lost: "lost"
        }
    }
}

/// A client's request on its way. Confined to the simulation's thread.
private final class Call<Value: Sendable>: @unchecked Sendable {
    private var completion: ((CallOutcome<Value>) -> Void)?

    init(_ completion: @escaping (CallOutcome<Value>) -> Void) { self.completion = completion }

    func finish(_ outcome: CallOutcome<Value>) {
        let completion = completion
        self.completion = nil
        completion?(outcome)
    }
}

/// The way of clients and brokers to the nodes: slower and less reliable than the one between nodes.
struct ClientNetwork {
    private let cluster: SimulatedCluster
    private var random: Randomness

    init(cluster: SimulatedCluster, random: Randomness) {
        self.cluster = cluster
        self.random = random
    }

    /// Sends what `input` makes to the node. `completion` is called once.
    mutating func call<Value: Sendable>(
        _ node: SimulatedNode, deadline: VirtualTime,
        _ input: @escaping (@escaping @Sendable (Result<Value, RequestFailure>) -> Void) -> Input,
        completion: @escaping (CallOutcome<Value>) -> Void
    ) {
        let call = Call(completion)
        let (cluster, timeline) = (cluster, cluster.timeline)
        let wayThere = random.time(microseconds: 100...3000)
        let wayBack = random.time(microseconds: 100...3000)
        let isLossy = !cluster.nemesis.isHealed
        let isRequestLost = isLossy && random.chance(cluster.faults.clientLossPermille)
        let isReplyLost = isLossy && random.chance(cluster.faults.clientLossPermille)
        if isRequestLost || isReplyLost { cluster.counts.count(.clientMessageLoss) }
        timeline.schedule(after: deadline) { call.finish(.lost) }
        guard !isRequestLost else { return }
        timeline.schedule(after: wayThere) {
            let node = cluster.network.listener(at: node.id) ?? node
            guard node.isUp else {
                timeline.schedule(after: wayBack) { call.finish(.refused) }
                return
            }
            let wait = AnswerWait(node: node, cluster: cluster)
            node.post(
                input { [box = Confined(timeline)] result in
                    wait.isAnswered = true
                    guard !isReplyLost else { return }
                    box.value.schedule(after: wayBack) { call.finish(.answered(result)) }
                })
        }
    }
}

/// Sees to it that a node which lives answers every request in time, whatever it answers.
private final class AnswerWait: @unchecked Sendable {
    private let node: SimulatedNode
    private let cluster: SimulatedCluster
    private let incarnation: UInt64
    private let askedAt: VirtualTime
    var isAnswered = false

    init(node: SimulatedNode, cluster: SimulatedCluster) {
        self.node = node
        self.cluster = cluster
        incarnation = node.incarnation
        askedAt = cluster.timeline.now
        look(after: limit)
    }

    /// Some requests wait twice: for the leader to be confirmed, and for an entry. A slow clock counts longer.
    private var limit: VirtualTime {
        let once = UInt64(cluster.settings.requestTimeout.wholeNanoseconds)
        return VirtualTime(nanoseconds: once * 2 / UInt64(cluster.faults.clockRates.lowerBound) * 1000)
            + .milliseconds(200)
    }

    private func look(after pause: VirtualTime) {
        cluster.timeline.schedule(after: pause) { [self] in
            guard !isAnswered, node.isUp, node.incarnation == incarnation else { return }
            // A process that stood still has its time again.
            let end = max(askedAt, node.lastPauseEnd) + limit
            guard end <= cluster.timeline.now else {
                return look(after: VirtualTime(nanoseconds: end.nanoseconds - cluster.timeline.now.nanoseconds))
            }
            cluster.violated("Every request is answered", "node \(node.id) owes an answer since \(askedAt)")
        }
    }
}

/// A node's callbacks are typed for many threads; a simulation has one.
struct Confined<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
