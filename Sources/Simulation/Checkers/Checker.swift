import Metadata
import Raft
import Server

/// What checkers are shown, in the order in which it happens.
enum Observation {
    case started(SimulatedNode, Node)
    /// The node took a batch of inputs.
    case stepped(SimulatedNode, Node)
    /// The node took a batch of inputs, and stands elsewhere now.
    case moved(SimulatedNode, Node, Standing)
    case requested(Request, from: SimulatedNode, to: SimulatedNode)
    case replied(Reply, from: SimulatedNode, to: SimulatedNode)
    /// A snapshot took the place of the log on the node's disk, or the node starts with what is there.
    case logReplaced(SimulatedNode)
    /// A node is about to start with another directory, as the operator tells the others: it has forgotten its log, term and
    /// vote.
    case emptied(SimulatedNode)
    /// A node's files were replaced by others: its disk may go back.
    case replaced(SimulatedNode)
    /// The node ended, and must not go on with its data.
    case refused(SimulatedNode)
    /// An entry is committed that was not before. `token`: what tells this write from all others.
    case committed(LogEntry, Outcome, token: String?, by: SimulatedNode)
    /// A broker's heartbeat is acknowledged. `asked`: what was committed when the heartbeat was sent.
    case heartbeatAcknowledged(HeartbeatAnswer, of: BrokerID, by: SimulatedNode, asked: Asked)
    case pushArrived(Push, at: BrokerID, from: SimulatedNode)
    /// A client's write got its answer.
    case writeAnswered(token: String, WriteAnswer)
    /// The faults have ended and the cluster is whole.
    case finished
}

extension Observation {
    enum Kind: Int, CaseIterable {
        case started, stepped, moved, requested, replied, logReplaced, emptied, replaced, refused, committed
        case heartbeatAcknowledged, pushArrived
        case writeAnswered, finished
    }

    var kind: Kind {
        switch self {
        case .started: .started
        case .stepped: .stepped
        case .moved: .moved
        case .requested: .requested
        case .replied: .replied
        case .logReplaced: .logReplaced
        case .emptied: .emptied
        case .replaced: .replaced
        case .refused: .refused
        case .committed: .committed
        case .heartbeatAcknowledged: .heartbeatAcknowledged
        case .pushArrived: .pushArrived
        case .writeAnswered: .writeAnswered
        case .finished: .finished
        }
    }
}

/// How far the cluster was when somebody asked something: no answer may be older.
struct Asked {
    let index: LogIndex
    let openedTerm: Term
    let version: UInt64
    let revision: UInt64

    init(_ ledger: Ledger) {
        index = ledger.last
        openedTerm = ledger.openedTerm
        version = ledger.model.version
        revision = ledger.model.keys.revision
    }
}

/// What the rules between nodes look at in each of them. Most steps leave all of it as it was; then these rules hold as they
/// did before.
struct Standing: Equatable {
    let role: Role
    let state: HardState
    let commit: LogIndex
    let logBase: LogPosition
    let logEnd: LogPosition
    let applied: LogIndex
    let digest: Digest
    let version: UInt64
    let revision: UInt64

    init(_ process: Node) {
        self.init(
            process.raft, applied: process.lastApplied, digest: process.metadata.digest,
            version: process.metadata.counters.version, revision: process.metadata.counters.revision)
    }

    private init(
        _ raft: borrowing RaftNode, applied: LogIndex, digest: Digest, version: UInt64, revision: UInt64
    ) {
        role = raft.role
        state = raft.hardState
        commit = raft.commitIndex
        logBase = raft.log.base
        logEnd = raft.log.last
        self.applied = applied
        self.digest = digest
        self.version = version
        self.revision = revision
    }
}

enum WriteAnswer {
    case put(modRevision: UInt64)
    case notExecuted
}

/// One rule.
protocol Checker: AnyObject {
    /// Its name, with the paragraph of Ongaro's dissertation where there is one.
    var invariant: String { get }
    /// What it looks at; all, unless it says otherwise. There are a thousand observations in a virtual second.
    var kinds: [Observation.Kind] { get }
    /// What breaks the rule, if anything does.
    func check(_ observation: Observation, _ cluster: SimulatedCluster) -> String?
}

extension Checker {
    var kinds: [Observation.Kind] { Observation.Kind.allCases }
}

/// Something for each node, found without hashing its id.
struct PerNode<Value> {
    private var values: [Value?] = []

    subscript(node: SimulatedNode) -> Value? {
        get { node.position < values.count ? values[node.position] : nil }
        set {
            while values.count <= node.position { values.append(nil) }
            values[node.position] = newValue
        }
    }
}
