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
        var requests = Way()
        var replies = Way()
        var outstanding: [UInt64] = []
        var outstandingBytes = 0
    }

    /// One direction of a connection.
    private struct Way {
        /// When all that was sent so far is on the link, and when it arrives.
        var isSent = VirtualTime.zero
        var arrives = VirtualTime.zero
    }

    private struct Exchange {
        let from: Int
        let to: Int
        let lane: Int
        let connection: UInt64
        let incarnation: UInt64
        /// Whom the sender means.
        let peer: NodeID
        /// `nil` for an introduction.
        let kind: RequestKind?
        let bytes: Int
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
    /// The member whose address another process answers at.
    private var redirection: (member: NodeID, listener: SimulatedNode)?

    init(cluster: SimulatedCluster, random: Randomness, places: Int) {
        self.cluster = cluster
        self.random = random
        conditions = NetworkConditions(places: places)
        for _ in 0..<(places * places * Lane.allCases.count) { connections.append(newConnection()) }
    }

    private func newConnection() -> Connection {
        lastConnection += 1
        return Connection(number: lastConnection)
    }

    private func slot(_ from: Int, _ to: Int, _ lane: Int) -> Int {
        (from * cluster.places + to) * Lane.allCases.count + lane
    }

    private func index(of lane: Lane) -> Int {
        switch lane {
        case .control: 0
        case .data: 1
        case .bulk: 2
        }
    }

    private func delay() -> VirtualTime { random.time(microseconds: conditions.microseconds) }

    // Addresses

    /// Who answers at that member's address; `nil` if there is no such address.
    func listener(at member: NodeID) -> SimulatedNode? {
        if let redirection, redirection.member == member { return redirection.listener }
        return member.number <= UInt64(cluster.nodes.count) ? cluster.node(member) : nil
    }

    func redirect(_ member: NodeID, to listener: SimulatedNode) { redirection = (member, listener) }
    func endRedirection() { redirection = nil }

    // Requests

    func send(_ request: Raft.Request, in origin: RequestOrigin, from: SimulatedNode, to peer: NodeID, lane: Lane) {
        guard case .envelope(let envelope) = origin else {
            return cluster.violated("Wire", "node \(from.id) speaks the language of the first release")
        }
        let bytes = MessageCodec.encode(request, in: envelope)
        cluster.trace.record(.request, node: from.id, bytes: bytes, "-> n\(peer) \(lane) \(request.summary)")
        let kind = RequestKind(request)
        guard let to = listener(at: peer), !isCutOff(request, from) else {
            return nobodyListens(at: peer, to: from, .peerReply(kind.failure(of: peer), from: nil))
        }
        cluster.observe(.requested(request, from: from, to: to))
        send(bytes, kind, from, to, peer, lane)
    }

    /// Whether this chunk of a snapshot does not get through. None of a state does in which a bit has flipped, in the
    /// moments before that is found out: it would make a majority that is wrong, and no vote tells that.
    private func isCutOff(_ request: Raft.Request, _ from: SimulatedNode) -> Bool {
        guard case .installSnapshot(let snapshot) = request else { return false }
        if cluster.nemesis.takeSnapshotReadFailure() { return true }
        guard let header = (try? SnapshotChunk(decoding: snapshot.data))?.header else { return false }
        cluster.counts.snapshotsStarted += 1
        cluster.trace.record(
            .snapshot, node: from.id, snapshot.lastIncluded.index.number, "begun at \(snapshot.lastIncluded)")
        // What the leader has committed in this very step the ledger learns when the step is over.
        guard snapshot.lastIncluded.index <= cluster.ledger.last else { return from.isOdd }
        return header.digest != cluster.ledger.digest(at: snapshot.lastIncluded.index)
    }

    func introduce(_ introduction: Introduction, in envelope: Envelope, from: SimulatedNode, to peer: NodeID) {
        let bytes = MessageCodec.encode(introduction, in: envelope)
        cluster.trace.record(.request, node: from.id, bytes: bytes, "-> n\(peer) introduction")
        guard let to = listener(at: peer) else {
            return nobodyListens(at: peer, to: from, .introduced(to: peer, .silent))
        }
        send(bytes, nil, from, to, peer, .control)
    }

    /// The name is not known, or nobody has the address.
    private func nobodyListens(at peer: NodeID, to asker: SimulatedNode, _ outcome: Input) {
        let incarnation = asker.incarnation
        cluster.timeline.schedule(after: delay()) { if asker.incarnation == incarnation { asker.post(outcome) } }
    }

    private func send(
        _ bytes: [UInt8], _ kind: RequestKind?, _ from: SimulatedNode, _ to: SimulatedNode, _ peer: NodeID, _ lane: Lane
    ) {
        cluster.counts.messages += 1
        let laneIndex = index(of: lane)
        let slot = slot(from.position, to.position, laneIndex)
        lastExchange += 1
        let number = lastExchange
        exchanges[number] = Exchange(
            from: from.position, to: to.position, lane: laneIndex, connection: connections[slot].number,
            incarnation: from.incarnation, peer: peer, kind: kind, bytes: bytes.count)
        connections[slot].outstanding.append(number)
        connections[slot].outstandingBytes += bytes.count
        if lane == .data { checkWindow(connections[slot], from, peer) }
        scheduleTimeout(number, lane)

        if random.chance(conditions.lossPermille) {
            cluster.counts.count(.messageLoss)
            return breakConnection(slot)
        }
        let lanes = busyLanes(from.position, to.position)
        let arrival = arrival(of: bytes.count, from.position, to.position, lanes, &connections[slot].requests)
        deliver(bytes, number, to, at: arrival)
        if random.chance(conditions.duplicatePermille) {
            cluster.counts.count(.duplication)
            deliver(bytes, number, to, at: arrival + random.time(milliseconds: 0...300))
        }
    }

    /// What is on its way to a follower is bounded, whatever the clients write. Twice: a leader that is elected again does not
    /// know what it had sent before.
    private func checkWindow(_ connection: Connection, _ from: SimulatedNode, _ peer: NodeID) {
        let settings = cluster.settings.raft
        let message = max(settings.maximumAppendBytes, RushHour.largestValue) + 500
        let window = settings.maximumInflightBytes + message
        if connection.outstandingBytes > 2 * window {
            cluster.violated(
                "Costs are bounded", "node \(from.id) has \(connection.outstandingBytes) bytes on their way to \(peer)")
        }
    }

    /// How many lanes have something to send over the link.
    private func busyLanes(_ from: Int, _ to: Int) -> Int {
        Lane.allCases.indices.count { connections[slot(from, to, $0)].requests.isSent > cluster.timeline.now }
    }

    /// In order on one connection, unless this network reorders even those.
    private func arrival(of bytes: Int, _ from: Int, _ to: Int, _ lanes: Int, _ way: inout Way) -> VirtualTime {
        way.isSent = max(way.isSent, cluster.timeline.now) + conditions.sending(bytes, from, to, lanes: max(lanes, 1))
        let time = way.isSent + delay()
        if random.chance(conditions.reorderPermille) {
            cluster.counts.count(.reordering)
            return time + random.time(milliseconds: 0...80)
        }
        way.arrives = max(way.arrives, time)
        return way.arrives
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
                guard exchanges[number] != nil else { return }
                if sent.kind == nil, !to.isUp { return refuseConnection(number) }
                return breakConnection(slot(sent.from, sent.to, sent.lane))
            }
            do {
                switch try MessageCodec.decodeQuestion(bytes) {
                case .request(let request, let origin):
                    to.post(
                        .peerRequest(request, from: origin, connection: sent.connection) { [self] result in
                            answer(result, number, from: to)
                        })
                case .introduction(let introduction, let envelope):
                    to.post(
                        .introduction(introduction, envelope, connection: sent.connection) { [self] result in
                            answer(result, number, from: to)
                        })
                }
            } catch {
                cluster.violated("Wire", "a request can not be decoded: \(error)")
            }
        }
    }

    /// Nothing listens there: the kernel says so.
    private func refuseConnection(_ number: UInt64) {
        guard let exchange = exchanges[number] else { return }
        let (asker, peer) = (process(at: exchange.from), exchange.peer)
        cluster.timeline.schedule(after: delay()) { [self] in
            // If that is not heard, the time is up at some time.
            guard !conditions.isCut(exchange.to, exchange.from), finish(number) != nil else { return }
            breakConnection(slot(exchange.from, exchange.to, exchange.lane))
            if asker.incarnation == exchange.incarnation { asker.post(.introduced(to: peer, .absent)) }
        }
    }

    private func process(at position: Int) -> SimulatedNode { cluster.process(at: position) }

    // Replies

    private func answer(
        _ result: Result<MessageCodec.Answer, RequestFailure>, _ number: UInt64, from: SimulatedNode
    ) {
        guard case .success(let answer) = result else {
            cluster.timeline.schedule(after: delay()) { [self] in
                if let exchange = finish(number) { unreachable(exchange) }
            }
            return
        }
        // The second answer to a request that was delivered twice goes nowhere.
        guard let exchange = exchanges[number] else { return }
        let bytes = encode(answer, from, to: process(at: exchange.from))
        let slot = slot(exchange.from, exchange.to, exchange.lane)
        if random.chance(conditions.lossPermille) {
            cluster.counts.count(.messageLoss)
            return breakConnection(slot)
        }
        let time = arrival(of: bytes.count, exchange.to, exchange.from, 1, &connections[slot].replies)
        cluster.timeline.schedule(at: time) { [self] in
            guard !conditions.isCut(exchange.to, exchange.from), finish(number) != nil else { return }
            do { post(try MessageCodec.decodeAnswer(bytes), to: exchange) } catch {
                cluster.violated("Wire", "a reply can not be decoded: \(error)")
            }
        }
    }

    private func encode(_ answer: MessageCodec.Answer, _ from: SimulatedNode, to asker: SimulatedNode) -> [UInt8] {
        switch answer {
        case .reply(let reply, let speaker):
            let bytes = MessageCodec.encode(reply, from: speaker)
            cluster.trace.record(.reply, node: from.id, bytes: bytes, "-> n\(asker.id) \(reply.summary)")
            cluster.observe(.replied(reply, from: from, to: asker))
            return bytes
        case .introduction(let reply):
            let bytes = MessageCodec.encode(reply)
            cluster.trace.record(
                .reply, node: from.id, bytes: bytes, "-> n\(asker.id) introduction \(reply.refusal?.name ?? "fits")")
            return bytes
        }
    }

    private func post(_ answer: MessageCodec.Answer, to exchange: Exchange) {
        let node = process(at: exchange.from)
        guard node.incarnation == exchange.incarnation else { return }
        let peer = exchange.peer
        switch (answer, exchange.kind) {
        case (.introduction(let reply), nil): node.post(.introduced(to: peer, .answered(reply)))
        case (.introduction(let reply), let kind?):
            node.post(.peerRefused(reply, instead: kind.failure(of: peer)))
        case (.reply(let reply, let speaker), let kind?):
            node.post(.peerReply(kind.event(reply, from: peer), from: speaker))
        case (.reply, nil): cluster.violated("Wire", "an introduction is answered as a request")
        }
    }

    private func finish(_ number: UInt64) -> Exchange? {
        guard let exchange = exchanges.removeValue(forKey: number) else { return nil }
        let slot = slot(exchange.from, exchange.to, exchange.lane)
        connections[slot].outstanding.removeAll { $0 == number }
        connections[slot].outstandingBytes -= exchange.connection == connections[slot].number ? exchange.bytes : 0
        return exchange
    }

    private func unreachable(_ exchange: Exchange) {
        let peer = exchange.peer
        let asker = process(at: exchange.from)
        cluster.trace.record(.unreachable, node: asker.id, peer.number, "n\(peer)")
        guard asker.incarnation == exchange.incarnation else { return }
        asker.post(exchange.kind.map { .peerReply($0.failure(of: peer), from: nil) } ?? .introduced(to: peer, .silent))
    }

    // Connections

    /// Everything outstanding on it fails, and the receiver sees it close, if the news gets through.
    private func breakConnection(_ slot: Int) {
        let broken = connections[slot]
        connections[slot] = newConnection()
        let lanes = Lane.allCases.count
        let (from, to) = (slot / lanes / cluster.places, slot / lanes % cluster.places)
        cluster.timeline.schedule(after: delay()) { [self] in
            for number in broken.outstanding {
                if let exchange = exchanges.removeValue(forKey: number) { unreachable(exchange) }
            }
        }
        let receiver = process(at: to)
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
        for other in cluster.processes where other !== node {
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

    func send(_ request: Raft.Request, in origin: RequestOrigin, to peer: NodeID, lane: Lane) {
        cluster.network.send(request, in: origin, from: node, to: peer, lane: lane)
    }

    func introduce(_ introduction: Introduction, in envelope: Envelope, to peer: NodeID) {
        cluster.network.introduce(introduction, in: envelope, from: node, to: peer)
    }

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64) {
        cluster.brokers.push(body, to: broker, attempt: attempt, from: node)
    }

    /// Places are the same all the time.
    func membersChanged(_ members: [Member]) {}

    func make(_ body: PushBody) { node.post(.pushBodyMade(body.made)) }

    // What is on its way to a broker arrives or is lost, whether the connection is closed behind it or not.

    func forget(_ broker: BrokerID) {}

    func forgetBrokers() {}
}
