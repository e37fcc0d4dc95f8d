import Defects

/// What one node knows of one member of its cluster.
public struct KnownMember: Equatable, Sendable {
    public var id: NodeID
    /// The directory that the member is believed on; `nil` until one was heard of.
    public var directory: DirectoryID?
    /// How often an operator let a new directory take the place of this member's. Of two, the higher one counts.
    public var generation: UInt64
    /// Whether that directory has the member's vote. Without it, it is fed, and counts for nothing.
    public var isAdmitted: Bool
    /// The latest start that was heard of.
    public var run: Run?

    public init(
        id: NodeID, directory: DirectoryID? = nil, generation: UInt64 = 0, isAdmitted: Bool = false, run: Run? = nil
    ) {
        self.id = id
        self.directory = directory
        self.generation = generation
        self.isAdmitted = isAdmitted
        self.run = run
    }
}

/// Who a node is and whom it takes for its cluster: durable before the first vote, compared in every message.
public struct NodeIdentity: Equatable, Sendable {
    public let node: NodeID
    public var directory: DirectoryID
    public var run: Run
    /// `nil` until a cluster was born, or joined. While the log is empty it may still give way to another's.
    public var clusterID: String?
    /// When the cluster was born, in Unix milliseconds; `nil` for one of a release that did not write it down.
    public var bornAt: Int64?
    /// All members, this node included, in ascending id; empty before the first start.
    public var members: [KnownMember]
    /// Who decides about the directory of a member that is none of them: the founders, or the members before the last
    /// change of the list.
    public var electors: [NodeID]
    /// False from a change of the list until a majority of the electors is known to go by the new one.
    public var isSettled: Bool
    /// No candidate whose log ends before this gets this node's vote, nor does it campaign itself with less: what the
    /// cluster may have committed without it.
    public var floor: LogPosition

    /// A directory that nobody has heard of.
    public init(node: NodeID, directory: DirectoryID) {
        self.node = node
        self.directory = directory
        run = Run(number: 0, nonce: 0)
        clusterID = nil
        bornAt = nil
        members = []
        electors = []
        isSettled = true
        floor = .zero
    }

    public var ids: [NodeID] { members.map(\.id) }
    public var listVersion: UInt64 { Self.version(of: ids) }

    /// The version of a list of members: the same for the same ids, whatever is known of them besides (FNV-1a).
    public static func version(of ids: [NodeID]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for id in ids {
            for shift in stride(from: 0, to: 64, by: 8) {
                hash = (hash ^ (id.number >> UInt64(shift) & 0xFF)) &* 0x100_0000_01b3
            }
        }
        return hash
    }

    public subscript(id: NodeID) -> KnownMember? {
        get { members.first { $0.id == id } }
        set {
            guard let position = members.firstIndex(where: { $0.id == id }), let newValue else {
                preconditionFailure("node \(id) is no member")
            }
            members[position] = newValue
        }
    }

    /// Whether this directory has the node's vote.
    public var isAdmitted: Bool { self[node]?.isAdmitted ?? false }

    /// How many of `ids` are more than half of them.
    public static func majority(of ids: [NodeID]) -> Int { Quorum.size(of: ids.count) }
}

// The list of members
extension NodeIdentity {
    /// The list that a node was given is not the one that its data are of.
    public struct ListMismatch: Error, Equatable, Sendable {
        public var stored: [NodeID]
        public var given: [NodeID]
    }

    /// Takes the list that this start was given, this node on it, and the start's own number.
    ///
    /// A node that was a cluster by itself may be given a longer list: nobody else can hold another opinion, for whoever
    /// comes needs its word. An empty directory has nothing that a list could contradict. Everything else is for
    /// ``change(to:)``, on all nodes while they are stopped.
    public mutating func start(nonce: UInt64, members ids: [NodeID]) throws(ListMismatch) {
        if members.isEmpty || clusterID == nil {
            list(ids)
            electors = []
        } else if ids != self.ids {
            guard self.ids == [node] || Defect.listBelieved.isOn, ids.contains(node) else {
                throw ListMismatch(stored: self.ids, given: ids)
            }
            change(to: ids)
        }
        run = Run(number: run.number + 1, nonce: nonce)
        guard let position = members.firstIndex(where: { $0.id == node }) else { return }
        members[position].directory = directory
        members[position].run = run
    }

    /// Goes over to another list. The members before decide who else is one; entries that they committed may be missing
    /// here, so nobody votes by the new list before a majority of them is known to go by it (see `Admission`).
    public mutating func change(to ids: [NodeID]) {
        // A directory of the first release knows no list: it takes the one of its next start.
        guard ids != self.ids, !members.isEmpty else { return }
        // Two changes without a start between: the members before the first decide.
        if isSettled { electors = self.ids }
        list(ids)
        isSettled = electors == [node]
    }

    private mutating func list(_ ids: [NodeID]) {
        let known = members
        members = ids.map { id in known.first { $0.id == id } ?? KnownMember(id: id) }
    }
}
