import Raft

/// How the network between the nodes behaves at present.
struct NetworkConditions {
    var lossPermille = 0
    var duplicatePermille = 0
    var reorderPermille = 0
    var microseconds = Self.healthyMicroseconds
    private var cuts: [Bool]
    /// Of each link and direction.
    private var bytesPerSecond: [Int]
    private let places: Int

    static let healthyMicroseconds = 50...600
    /// A good network's: 100 Mbit/s.
    static let healthyBytesPerSecond = 12_500_000

    init(places: Int) {
        self.places = places
        cuts = Array(repeating: false, count: places * places)
        bytesPerSecond = Array(repeating: Self.healthyBytesPerSecond, count: places * places)
    }

    /// How long it takes to get so many bytes onto a lane of the link: each has its share, as connections beside each other
    /// do.
    func sending(_ bytes: Int, _ from: Int, _ to: Int, lanes: Int) -> VirtualTime {
        VirtualTime(nanoseconds: UInt64(bytes * lanes) * 1_000_000_000 / UInt64(bytesPerSecond[from * places + to]))
    }

    mutating func slowDown(_ from: Int, _ to: Int, bytesPerSecond rate: Int) {
        bytesPerSecond[from * places + to] = rate
    }

    /// Whether what `from` sends does not reach `to`.
    func isCut(_ from: Int, _ to: Int) -> Bool { cuts[from * places + to] }

    mutating func cut(_ from: Int, _ to: Int) { cuts[from * places + to] = true }

    mutating func mendAllCuts() { self = mended }

    /// The same with all links whole and fast.
    private var mended: Self {
        var conditions = Self(places: places)
        conditions.lossPermille = lossPermille
        conditions.duplicatePermille = duplicatePermille
        conditions.reorderPermille = reorderPermille
        conditions.microseconds = microseconds
        return conditions
    }
}

/// What must be remembered of a request to understand its answer.
enum RequestKind {
    case vote
    case append(previous: LogIndex)
    case snapshot(LogPosition)
    case timeoutNow

    init(_ request: Request) {
        switch request {
        case .requestVote: self = .vote
        case .appendEntries(let request): self = .append(previous: request.previous.index)
        case .installSnapshot(let request): self = .snapshot(request.lastIncluded)
        case .timeoutNow: self = .timeoutNow
        }
    }

    /// A lost chunk says nothing about the other lanes.
    func failure(of peer: NodeID) -> Event {
        if case .snapshot = self { .snapshotFailed(to: peer) } else { .unreachable(peer) }
    }

    func event(_ reply: Reply, from peer: NodeID) -> Event {
        switch (reply, self) {
        case (.requestVote(let reply), .vote): .requestVoteReply(reply, from: peer)
        case (.appendEntries(let reply), .append(let previous)):
            .appendEntriesReply(reply, from: peer, previous: previous)
        case (.installSnapshot(let reply), .snapshot(let position)):
            .installSnapshotReply(reply, from: peer, lastIncluded: position)
        case (.timeoutNow(let reply), .timeoutNow): .timeoutNowReply(reply, from: peer)
        default: .unreachable(peer)
        }
    }
}

extension Request {
    /// For a line of the trace.
    var summary: String {
        switch self {
        case .requestVote(let vote):
            "\(vote.isPreVote ? "pre-vote" : "vote")? term \(vote.term) last \(vote.lastLog)"
                + (vote.isLeadershipTransfer ? " transfer" : "")
        case .appendEntries(let append):
            "append term \(append.term) behind \(append.previous) +\(append.entries.count) commit \(append.leaderCommit)"
                + " round \(append.readRound)"
        case .installSnapshot(let snapshot):
            "snapshot term \(snapshot.term) at \(snapshot.lastIncluded) chunk \(snapshot.sequence)"
                + (snapshot.isLast ? " last" : "")
        case .timeoutNow(let timeout): "timeout-now term \(timeout.term)"
        }
    }
}

extension Reply {
    var summary: String {
        switch self {
        case .requestVote(let reply):
            "\(reply.isPreVote ? "pre-vote" : "vote") \(reply.voteGranted ? "granted" : "refused") term \(reply.term)"
        case .appendEntries(let reply):
            "append \(reply.success ? "ok" : "refused") term \(reply.term) match \(reply.matchIndex)"
                + " round \(reply.readRound)" + (reply.conflict.map { " conflict \($0.index)" } ?? "")
        case .installSnapshot(let reply):
            "snapshot term \(reply.term) next \(reply.nextSequence) installed \(reply.isInstalled)"
        case .timeoutNow(let reply): "timeout-now term \(reply.term)"
        }
    }
}
