import Raft

/// On the outside of every request between nodes: who speaks, to whom, and of which cluster. What does not fit is refused.
public struct Envelope: Equatable, Sendable {
    public var sender: Speaker
    public var cluster: String?
    /// Whom it is for.
    public var receiver: NodeID
    /// The directory that the receiver is believed on; `nil` if none was heard of.
    public var receiverDirectory: DirectoryID?
    /// ``NodeIdentity/listVersion`` of the sender.
    public var listVersion: UInt64
    /// The index of the configuration that the sender goes by; zero for the list that its cluster was started with. `nil` on a
    /// message in the words of the release before, which knew only that.
    public var configuration: LogIndex?

    public init(
        sender: Speaker, cluster: String?, receiver: NodeID, receiverDirectory: DirectoryID?, listVersion: UInt64,
        configuration: LogIndex? = nil
    ) {
        self.configuration = configuration
        self.sender = sender
        self.cluster = cluster
        self.receiver = receiver
        self.receiverDirectory = receiverDirectory
        self.listVersion = listVersion
    }
}

/// One process of a node, as it names itself in what it asks and answers.
public struct Speaker: Equatable, Sendable {
    public var node: NodeID
    public var directory: DirectoryID
    public var run: Run
    /// Whether its directory has the node's vote.
    public var isAdmitted: Bool

    public init(node: NodeID, directory: DirectoryID, run: Run, isAdmitted: Bool) {
        self.node = node
        self.directory = directory
        self.run = run
        self.isAdmitted = isAdmitted
    }
}

/// From whom a request says that it is.
public enum RequestOrigin: Equatable, Sendable {
    case envelope(Envelope)
    /// A node of the first release, which names neither itself nor the receiver.
    case legacy(sender: NodeID, cluster: String?)
    /// A message as JSON, of whoever wrote it: answered, and never acted on where a node's word is known.
    case anybody
}

/// All that a node says of itself when it introduces itself, and when it refuses a message.
public struct Introduction: Equatable, Sendable {
    public var speaker: Speaker
    public var cluster: String?
    /// In Unix milliseconds.
    public var bornAt: Int64?
    public var members: [KnownMember]
    public var electors: [NodeID]
    public var isSettled: Bool
    /// How often an operator let another directory take this member's place.
    public var generation: UInt64
    /// Where its log ends, or where it must end before the node has a vote.
    public var reach: LogPosition
    public var term: Term
    /// When the process started, in Unix milliseconds: of two with one id, the newer stops.
    public var startedAt: Int64
    /// Where it runs, for people.
    public var place: String
    /// What the release before does not say of itself, and is not told.
    public var abilities: Abilities?

    /// What a node goes by, and what it could.
    public struct Abilities: Equatable, Sendable {
        /// The index of the configuration that it goes by; zero for the list that its cluster was started with.
        public var configuration: LogIndex
        public var features: [SupportedFeature]
        /// The version of its program.
        public var build: String

        public init(configuration: LogIndex, features: [SupportedFeature], build: String) {
            self.configuration = configuration
            self.features = features
            self.build = build
        }
    }

    public init(
        speaker: Speaker, cluster: String?, bornAt: Int64?, members: [KnownMember], electors: [NodeID],
        isSettled: Bool, generation: UInt64, reach: LogPosition, term: Term, startedAt: Int64, place: String,
        abilities: Abilities? = nil
    ) {
        self.abilities = abilities
        self.speaker = speaker
        self.cluster = cluster
        self.bornAt = bornAt
        self.members = members
        self.electors = electors
        self.isSettled = isSettled
        self.generation = generation
        self.reach = reach
        self.term = term
        self.startedAt = startedAt
        self.place = place
    }

    public var listVersion: UInt64 { NodeIdentity.version(of: members.map(\.id)) }
    /// Whether it goes by members in the log, and not by a list.
    public var hasConfiguration: Bool { abilities?.configuration ?? .zero > .zero }
    public subscript(id: NodeID) -> KnownMember? { members.first { $0.id == id } }
}

/// Why a message does not fit.
public enum Misfit: UInt8, CaseIterable, Sendable {
    /// It was for another node than the one that got it.
    case otherNode = 1
    /// It comes from another process with the receiver's own id.
    case sameNode = 2
    case otherCluster = 3
    case otherList = 4
    /// The sender is not on the directory that is known for it.
    case otherDirectory = 5
    /// The receiver is not on the directory that the sender knows for it.
    case movedDirectory = 6
    /// A later start of the sender's directory was heard.
    case olderRun = 7
    /// Another process on the sender's directory, or on a copy of it, is alive.
    case rivalRun = 8
    /// The receiver belongs to no cluster yet.
    case notIntroduced = 9
    /// The receiver knows a later configuration than the sender, and the sender is not in it.
    case notMember = 10

    /// For metrics and logs.
    public var name: String {
        switch self {
        case .otherNode: "other_node"
        case .sameNode: "same_node"
        case .otherCluster: "other_cluster"
        case .otherList: "other_members"
        case .otherDirectory: "other_directory"
        case .movedDirectory: "moved_directory"
        case .olderRun: "older_run"
        case .rivalRun: "rival_run"
        case .notIntroduced: "not_introduced"
        case .notMember: "not_member"
        }
    }
}

/// What an introduction is answered with, and every message that is refused.
public struct IntroductionReply: Equatable, Sendable {
    public var introduction: Introduction
    /// `nil` when the asker is known now as what it said.
    public var refusal: Misfit?

    public init(introduction: Introduction, refusal: Misfit?) {
        self.introduction = introduction
        self.refusal = refusal
    }
}
