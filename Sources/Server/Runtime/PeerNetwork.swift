import Dispatch
import Glibc
import HTTP
import Logging
import Metadata
import Raft
import Wire

/// The other nodes and the brokers over HTTP: three persistent connections to each node, one to each broker.
/// Confined to the node's queue; answers come on the event loop and go to the mailbox.
final class PeerNetwork: NodeNetwork {
    private let id: NodeID
    private let loop: EventLoop
    private let mailbox: Mailbox
    private let logger: Logger
    private let timeout: Duration
    private var members: [Member] = []
    private let onMembers: ([Member]) -> Void
    private var peers: [NodeID: [Lane: HTTPClientConnection]] = [:]
    private var brokers: [BrokerID: BrokerConnection] = [:]
    private let headers: HTTPHeaders
    /// Peers never wait for the name of a broker; all of them can be asked for at the same time.
    private let peerNames = Resolver(maxLookups: 8)
    private let brokerNames = Resolver(maxLookups: 4)

    private struct BrokerConnection {
        let host: String
        let port: Int
        let connection: HTTPClientConnection
    }

    /// The time limit of a push: a real broker sleeps up to 5 s in its handler.
    private static let pushTimeout: Duration = .seconds(10)
    /// One at a time: many would take all processors.
    private static let makingBodies = DispatchQueue(label: "dmq.push-bodies", qos: .utility)
    private static let bulkTimeout: Duration = .seconds(60)

    init(
        id: NodeID, members: [Member], loop: EventLoop, mailbox: Mailbox, electionTimeout: Duration, logger: Logger,
        onMembers: @escaping ([Member]) -> Void
    ) {
        self.id = id
        self.loop = loop
        self.mailbox = mailbox
        self.logger = logger
        timeout = max(electionTimeout, .milliseconds(500))
        self.onMembers = onMembers
        headers = HTTPHeaders([("Content-Type", MessageCodec.contentType)])
        membersChanged(members)
    }

    func membersChanged(_ members: [Member]) {
        for known in self.members where !members.contains(known) {
            for connection in (peers.removeValue(forKey: known.id) ?? [:]).values { connection.close() }
        }
        for member in members where !self.members.contains(member) { add(member) }
        self.members = members
        onMembers(members)
    }

    private func add(_ member: Member) {
        // Whoever else listens at this node's own address is asked for its name, and nothing else.
        for lane in member.id == id ? [.control] : Lane.allCases {
            peers[member.id, default: [:]][lane] = HTTPClientConnection(
                host: member.host, port: member.port, loop: loop, resolver: peerNames, connectTimeout: timeout,
                isUrgent: true)
        }
    }

    func send(_ request: Raft.Request, in origin: RequestOrigin, to peer: NodeID, lane: Lane) {
        guard let connection = peers[peer]?[lane] else { return }
        let context = RequestContext(request)
        let body =
            switch origin {
            case .envelope(let envelope): MessageCodec.encode(request, in: envelope)
            case .legacy(let sender, let cluster):
                MessageCodec.encodeLegacy(request, sender: sender, clusterID: cluster)
            case .anybody: preconditionFailure("a node always says who it is")
            }
        connection.send(
            method: "POST", path: context.path, headers: headers, body: body,
            timeout: lane == .bulk ? Self.bulkTimeout : timeout,
            // Entries and rows take as long as the link needs for them; only on the control lane does time say anything.
            restartsOnProgress: lane != .control
        ) { [mailbox, logger] result in
            mailbox.post(context.input(result, from: peer, logger: logger))
        }
    }

    func introduce(_ introduction: Introduction, in envelope: Envelope, to peer: NodeID) {
        guard let connection = peers[peer]?[.control] else { return }
        connection.send(
            method: "POST", path: "/api/v1/raft/introduce", headers: headers,
            body: MessageCodec.encode(introduction, in: envelope), timeout: timeout
        ) { [mailbox] result in
            mailbox.post(.introduced(to: peer, IntroductionOutcome(result)))
        }
    }

    func push(_ body: [UInt8], to broker: Broker, attempt: UInt64) {
        let id = broker.id
        connection(to: broker).send(
            method: "POST", path: "/api/v1/storage/metadata",
            headers: HTTPHeaders([("Content-Type", "application/json")]), body: body, timeout: Self.pushTimeout
        ) { [mailbox, logger] result in
            var taken = false
            switch result {
            case .success(let response): taken = (200..<300).contains(response.status)
            case .failure(let error):
                logger.debug("push failed", metadata: ["broker": "\(id)", "error": "\(error)"])
            }
            mailbox.post(.pushFinished(broker: id, attempt: attempt, taken: taken))
        }
    }

    func make(_ body: PushBody) {
        Self.makingBodies.async { [mailbox] in mailbox.post(.pushBodyMade(body.made)) }
    }

    func forget(_ broker: BrokerID) { brokers.removeValue(forKey: broker)?.connection.close() }

    func forgetBrokers() {
        for broker in brokers.values { broker.connection.close() }
        brokers = [:]
    }

    private func connection(to broker: Broker) -> HTTPClientConnection {
        if let known = brokers[broker.id], known.host == broker.host, known.port == broker.port {
            return known.connection
        }
        forget(broker.id)
        let connection = HTTPClientConnection(
            host: broker.host, port: UInt16(clamping: broker.port), loop: loop, resolver: brokerNames,
            maxResponseBytes: 64 * 1024)
        brokers[broker.id] = BrokerConnection(host: broker.host, port: broker.port, connection: connection)
        return connection
    }

    func close() {
        for lanes in peers.values { for connection in lanes.values { connection.close() } }
        forgetBrokers()
    }
}

/// What must be remembered of a request to understand its answer.
private struct RequestContext: Sendable {
    private enum Kind: Sendable {
        case vote
        case append(previous: LogIndex)
        case snapshot(LogPosition)
        case timeoutNow
    }

    let path: String
    private let kind: Kind

    init(_ request: Raft.Request) {
        switch request {
        case .requestVote: (path, kind) = ("/api/v1/raft/vote", .vote)
        case .appendEntries(let request):
            (path, kind) = ("/api/v1/raft/append", .append(previous: request.previous.index))
        case .installSnapshot(let request): (path, kind) = ("/api/v1/raft/snapshot", .snapshot(request.lastIncluded))
        case .timeoutNow: (path, kind) = ("/api/v1/raft/timeout-now", .timeoutNow)
        }
    }

    /// What the node is told of an answer, or of none.
    func input(_ result: Result<HTTPResponse, HTTPClientError>, from peer: NodeID, logger: Logger) -> Input {
        do {
            let response = try result.get()
            guard response.status == 200 else {
                logger.debug("peer refused", metadata: ["peer": "\(peer)", "status": "\(response.status)"])
                return .peerReply(failure(of: peer), from: nil)
            }
            switch try MessageCodec.decodeAnswer(response.body) {
            case .introduction(let reply): return .peerRefused(reply, instead: failure(of: peer))
            case .reply(let reply, let speaker):
                if let event = event(reply, from: peer) { return .peerReply(event, from: speaker) }
                logger.error("❌ answer of another kind", metadata: ["peer": "\(peer)"])
            }
        } catch {
            logger.debug("peer unreachable", metadata: ["peer": "\(peer)", "error": "\(error)"])
        }
        return .peerReply(failure(of: peer), from: nil)
    }

    /// A lost chunk says nothing about the other lanes.
    private func failure(of peer: NodeID) -> Event {
        if case .snapshot = kind { .snapshotFailed(to: peer) } else { .unreachable(peer) }
    }

    private func event(_ reply: Reply, from peer: NodeID) -> Event? {
        switch (reply, kind) {
        case (.requestVote(let reply), .vote): .requestVoteReply(reply, from: peer)
        case (.appendEntries(let reply), .append(let previous)):
            .appendEntriesReply(reply, from: peer, previous: previous)
        case (.installSnapshot(let reply), .snapshot(let position)):
            .installSnapshotReply(reply, from: peer, lastIncluded: position)
        case (.timeoutNow(let reply), .timeoutNow): .timeoutNowReply(reply, from: peer)
        default: nil
        }
    }
}

extension IntroductionOutcome {
    /// Only a refused connection proves that nobody is there.
    fileprivate init(_ result: Result<HTTPResponse, HTTPClientError>) {
        switch result {
        case .success(let response) where response.status == 404: self = .legacy
        case .success(let response) where response.status == 400: self = .outdated
        case .success(let response) where response.status == 200:
            if case .introduction(let reply)? = try? MessageCodec.decodeAnswer(response.body) {
                self = .answered(reply)
            } else {
                self = .silent
            }
        case .failure(.connectionFailed(errno: ECONNREFUSED)): self = .absent
        default: self = .silent
        }
    }
}
