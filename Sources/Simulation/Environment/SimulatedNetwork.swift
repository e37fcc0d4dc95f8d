import Metadata
import Raft
import Server
import Wire

/// The network between the nodes: requests and replies as bytes, over one connection for each pair and lane. What it
/// loses, it loses as TCP does: the sender learns that the peer is unreachable, and the connection is a new one.
final class SimulatedNetwork: @unchecked Sendable {
    private struct Connection {
        var number: UInt64
        /// Bytes of one connection arrive in order.
        var requestsArrive = VirtualTime.zero
        var repliesArrive = VirtualTime.zero
        var outstanding: [UInt64] = []
    }

    private struct Exchange {
        let from: Int
        let to: Int
        let lane: Int
        let connection: UInt64
        let incarnation: UInt64
        let kind: RequestKind
    }

    private let cluster: SimulatedCluster
    private var random: Randomness
    private var connections: [Connection] = []
    /// Looked up by number, never iterated.
    private var exchanges: [UInt64: Exchange] = [:]
    private var lastExchange: UInt64 = 0
    private var lastConnection: UInt64 = 0
    private var timeouts: [[(due: VirtualTime, number: UInt64)]] = [[], []]
    var conditions: NetworkConditions

    init(cluster: SimulatedCluster, random: Randomness, nodes: Int) {
        self.cluster = cluster
        self.random = random
        conditions = NetworkConditions(nodes: nodes)
        for _ in 0..<(nodes * nodes * Lane.allCases.count) { connections.append(newConnection()) }
    }

    private func newConnection() -> Connection {
        lastConnection += 1
        return Connection(number: lastConnection)
    }

    private func slot(_ from: Int, _ to: Int, _ lane: Int) -> Int {
        (from * cluster.nodes.count + to) * Lane.allCases.count + lane
    }

    private func index(of lane: Lane) -> Int {
        switch lane {
        case .control: 0
        case .data: 1
        case .bulk: 2
        }
    }

    private func delay() -> VirtualTime { random.time(microseconds: conditions.microseconds) }

    // Requests

    func send(_ request: Raft.Request, from: SimulatedNode, to peer: NodeID, lane: Lane, clusterID: String?) {
        let to = cluster.node(peer)
        let bytes = MessageCodec.encode(request, sender: from.id, clusterID: clusterID)
        cluster.counts.messages += 1
        cluster.trace.record(.request, node: from.id, bytes: bytes, "-> n\(peer) \(lane) \(request.summary)")
        cluster.observe(.requested(request, from: from, to: to))
        let laneIndex = index(of: lane)
        let slot = slot(from.position, to.position, laneIndex)
        lastExchange += 1
        let number = lastExchange
        exchanges[number] = Exchange(
            from: from.position, to: to.position, lane: laneIndex, connection: connections[slot].number,
            incarnation: from.incarnation, kind: RequestKind(request))
        connections[slot].outstanding.append(number)
        scheduleTimeout(number, lane)

        if random.chance(conditions.lossPermille) {
            cluster.counts.count(.messageLoss)
            return breakConnection(slot)
        }
        let arrival = arrival(&connections[slot].requestsArrive)
        deliver(bytes, number, to, at: arrival)
        if random.chance(conditions.duplicatePermille) {
            cluster.counts.count(.duplication)
            deliver(bytes, number, to, at: arrival + random.time(milliseconds: 0...300))
        }
    }

    /// In order on one connection, unless this network reorders even those.
    private func arrival(_ last: inout VirtualTime) -> VirtualTime {
        let time = cluster.timeline.now + delay()
        if random.chance(conditions.reorderPermille) {
            cluster.counts.count(.reordering)
            return time + random.time(milliseconds: 0...80)
        }
        last = max(last, time)
        return last
    }

    /// Timeouts of one kind fall due in the order in which they begin: one event is enough for all.
    private func scheduleTimeout(_ number: UInt64, _ lane: Lane) {
        let kind = lane == .bulk ? 1 : 0
        let limit: Duration = lane == .bulk ? .seconds(4) : cluster.settings.raft.electionTimeout
        let due = cluster.timeline.now + VirtualTime(nanoseconds: limit.wholeNanoseconds)
        timeouts[kind].append((due, number))
        if timeouts[kind].count == 1 { awaitTimeout(kind) }
    }

    private func awaitTimeout(_ kind: Int) {
        guard let first = timeouts[kind].first else { return }
        cluster.timeline.schedule(at: first.due) { [self] in
            let pending = timeouts[kind].drop { exchange in
                guard let late = exchanges[exchange.number] else { return true }
                guard exchange.due <= cluster.timeline.now else { return false }
                breakConnection(slot(late.from, late.to, late.lane))
                return true
            }
            timeouts[kind] = Array(pending)
            awaitTimeout(kind)
        }
    }

    private func deliver(_ bytes: [UInt8], _ number: UInt64, _ to: SimulatedNode, at time: VirtualTime) {
        guard let sent = exchanges[number] else { return }
        let incarnation = to.incarnation
        cluster.timeline.schedule(at: time) { [self] in
            guard !conditions.isCut(sent.from, sent.to) else { return }
            guard to.isUp, to.incarnation == incarnation else {
                if exchanges[number] != nil { breakConnection(slot(sent.from, sent.to, sent.lane)) }
                return
            }
            do {
                let (request, _, clusterID) = try MessageCodec.decodeRequest(bytes)
                to.post(
                    .peerRequest(request, clusterID: clusterID, connection: sent.connection) { [self] result in
                        answer(result, number, from: to)
                    })
            } catch {
                cluster.violated("Wire", "a request can not be decoded: \(error)")
            }
        }
    }

    // Replies

    private func answer(_ result: Result<Reply, RequestFailure>, _ number: UInt64, from: SimulatedNode) {
        guard case .success(let reply) = result else {
            cluster.timeline.schedule(after: delay()) { [self] in
                if let exchange = finish(number) { unreachable(exchange) }
            }
            return
        }
        let bytes = MessageCodec.encode(reply)
        // The second answer to a request that was delivered twice goes nowhere.
        guard let exchange = exchanges[number] else { return }
        cluster.trace.record(
            .reply, node: from.id, bytes: bytes, "-> n\(cluster.nodes[exchange.from].id) \(reply.summary)")
        cluster.observe(.replied(reply, from: from, to: cluster.nodes[exchange.from]))
        let slot = slot(exchange.from, exchange.to, exchange.lane)
        if random.chance(conditions.lossPermille) {
            cluster.counts.count(.messageLoss)
            return breakConnection(slot)
        }
        let time = arrival(&connections[slot].repliesArrive)
        cluster.timeline.schedule(at: time) { [self] in
            guard !conditions.isCut(exchange.to, exchange.from), finish(number) != nil else { return }
            do {
                let event = exchange.kind.event(try MessageCodec.decodeReply(bytes), from: from.id)
                post(event, to: exchange)
            } catch {
                cluster.violated("Wire", "a reply can not be decoded: \(error)")
            }
        }
    }

    private func finish(_ number: UInt64) -> Exchange? {
        guard let exchange = exchanges.removeValue(forKey: number) else { return nil }
        let slot = slot(exchange.from, exchange.to, exchange.lane)
        connections[slot].outstanding.removeAll { $0 == number }
        return exchange
    }

    private func post(_ event: Event, to exchange: Exchange) {
        let node = cluster.nodes[exchange.from]
        if node.incarnation == exchange.incarnation { node.post(.peerReply(event)) }
    }

    private func unreachable(_ exchange: Exchange) {
        let peer = cluster.nodes[exchange.to].id
        cluster.trace.record(.unreachable, node: cluster.nodes[exchange.from].id, peer.number, "n\(peer)")
        post(.unreachable(peer), to: exchange)
    }

    // Connections

    /// Everything outstanding on it fails, and the receiver sees it close, if the news gets through.
    private func breakConnection(_ slot: Int) {
        let broken = connections[slot]
        connections[slot] = newConnection()
        let lanes = Lane.allCases.count
        let (from, to) = (slot / lanes / cluster.nodes.count, slot / lanes % cluster.nodes.count)
        cluster.timeline.schedule(after: delay()) { [self] in
            for number in broken.outstanding {
                if let exchange = exchanges.removeValue(forKey: number) { unreachable(exchange) }
            }
        }
        let receiver = cluster.nodes[to]
        let incarnation = receiver.incarnation
        cluster.timeline.schedule(after: delay()) { [self] in
            guard !conditions.isCut(from, to), receiver.incarnation == incarnation else { return }
            cluster.trace.record(.closed, node: receiver.id, broken.number)
            receiver.post(.peerConnectionClosed(broken.number))
        }
    }

    func breakConnection(from: SimulatedNode, to: SimulatedNode, lane: Int) {
        breakConnection(slot(from.position, to.position, lane))
    }

    /// The kernel closes all connections of a process that ended, and refuses new ones.
    func processEnded(_ node: SimulatedNode) { resetConnections(of: node) }

    func resetConnections(of node: SimulatedNode) {
        for other in cluster.nodes where other !== node {
            for lane in Lane.allCases.indices {
                breakConnection(slot(node.position, other.position, lane))
                breakConnection(slot(other.position, node.position, lane))
            }
        }
    }
}

/// One node's way into the network.
final class SimulatedNetworkPort: NodeNetwork {
    private let node: SimulatedNode
    private let cluster: SimulatedCluster

    init(node: SimulatedNode, cluster: SimulatedCluster) {
        self.node = node
        self.cluster = cluster
    }

    func send(_ request: Raft.Request, to peer: NodeID, lane: Lane, clusterID: String?) {
        cluster.network.send(request, from: node, to: peer, lane: lane, clusterID: clusterID)
    }

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64) {
        cluster.brokers.push(body, to: broker, attempt: attempt, from: node)
    }
}
