/// The position of an entry: what elections compare (dissertation §3.6.1) and appends are checked against (§3.5).
public struct LogPosition: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var term: Term
    public var index: LogIndex

    public init(term: Term, index: LogIndex) {
        self.term = term
        self.index = index
    }

    public static let zero = LogPosition(term: .zero, index: .zero)

    /// "More up-to-date" of §3.6.1: the later term wins, then the longer log.
    public static func < (a: Self, b: Self) -> Bool { (a.term, a.index) < (b.term, b.index) }
    public var description: String { "\(term)/\(index)" }
}

/// One entry of the replicated log. To Raft a command is a type name and bytes.
public struct LogEntry: Equatable, Sendable {
    public var index: LogIndex
    public var term: Term
    /// The name of the command; ``noop`` for the entry that opens a leader's term (§3.6.2, §6.4).
    public var type: String
    public var data: [UInt8]
    /// When the leader took the command, in Unix milliseconds. Opaque to Raft.
    public var timestamp: Int64

    public init(index: LogIndex, term: Term, type: String, data: [UInt8], timestamp: Int64) {
        self.index = index
        self.term = term
        self.type = type
        self.data = data
        self.timestamp = timestamp
    }

    /// The type of the entry that a new leader commits first.
    public static let noop = "NOOP"
    /// The type of the entries that change the members, or what they may use: they are consensus's own and reach no state
    /// machine.
    public static let configuration = "CONFIGURATION"

    /// What an entry of type ``configuration`` brings; `nil` for all others, and for one that nobody of us wrote.
    public var configuration: Configuration? {
        type == Self.configuration ? Configuration(text: String(decoding: data, as: UTF8.self)) : nil
    }

    /// Whether it is what it says: an entry that claims to be a configuration and is none must not get into a log.
    public var isWellFormed: Bool { type != Self.configuration || configuration != nil }

    public var position: LogPosition { LogPosition(term: term, index: index) }

    /// What the entry costs against limits, in bytes: its payload and a flat share for the rest.
    public var size: Int { data.count + 64 }
}

/// What must survive a crash besides the log (dissertation figure 3.1, "Persistent state on all servers").
public struct HardState: Equatable, Sendable {
    public var currentTerm: Term
    public var votedFor: NodeID?

    public init(currentTerm: Term = .zero, votedFor: NodeID? = nil) {
        self.currentTerm = currentTerm
        self.votedFor = votedFor
    }
}

/// One atomic change of stable storage: term and vote, then truncation, then new entries, all or nothing.
public struct Write: Equatable, Sendable {
    public var id: WriteID
    public var hardState: HardState?
    /// Delete every stored entry from this index on, before storing ``entries``.
    public var truncateFrom: LogIndex?
    public var entries: [LogEntry]

    public init(id: WriteID, hardState: HardState? = nil, truncateFrom: LogIndex? = nil, entries: [LogEntry] = []) {
        self.id = id
        self.hardState = hardState
        self.truncateFrom = truncateFrom
        self.entries = entries
    }
}
