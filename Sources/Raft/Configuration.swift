import Defects

/// Who is a member of the cluster, and what all of them can do: a value with a place in the log (dissertation chapter 4).
///
/// While it is *joint* (§4.3) every decision needs two majorities: of those who were voters, and of those who will be.
public struct Configuration: Equatable, Sendable {
    public enum Role: String, Sendable, CaseIterable {
        case voter
        /// Is fed and counts for nothing (§4.2.1).
        case learner
        /// A voter from this joint configuration on.
        case joining
        /// A voter until this joint configuration is left.
        case leaving
    }

    /// One directory under one id. Only in a joint configuration may an id appear twice: leaving on one directory, joining
    /// on another.
    public struct Member: Equatable, Sendable {
        public var id: NodeID
        /// `nil` for whichever directory the nodes admit: only in the list that a cluster was started with.
        public var directory: DirectoryID?
        public var role: Role
        /// Where the others reach it; nothing to Raft. No control characters, quotes or backslashes.
        public var host: String
        public var port: UInt16
        /// What clients are sent to; `nil` for the address.
        public var url: String?

        public init(
            id: NodeID, directory: DirectoryID? = nil, role: Role = .voter, host: String = "", port: UInt16 = 0,
            url: String? = nil
        ) {
            self.id = id
            self.directory = directory
            self.role = role
            self.host = host
            self.port = port
            self.url = url
        }

        /// A majority is counted among those that were voters, and among those that will be.
        var halves: Halves {
            switch role {
            case .voter: [.incoming, .outgoing]
            case .joining: .incoming
            case .leaving: .outgoing
            case .learner: Defect.learnerCounts.isOn ? [.incoming, .outgoing] : []
            }
        }
    }

    /// A level of one feature that the whole cluster has agreed to use: no member may lack it.
    public struct Feature: Equatable, Sendable {
        public var name: String
        public var level: Int

        public init(name: String, level: Int) {
            self.name = name
            self.level = level
        }
    }

    /// The bound of voters in each half.
    public static let maximumVoters = 7
    /// The bound of all of them together, learners included.
    public static let maximumMembers = 16

    /// In ascending id, who leaves before who joins.
    public private(set) var members: [Member]
    /// In the order of their names.
    public private(set) var features: [Feature]

    public init(_ members: [Member] = [], features: [Feature] = []) {
        self.members = members.sorted { ($0.id, $0.role == .joining ? 1 : 0) < ($1.id, $1.role == .joining ? 1 : 0) }
        self.features = features.sorted { $0.name < $1.name }
    }

    /// The list that a cluster is started with.
    init(founding ids: [NodeID]) { self.init(ids.map { Member(id: $0) }) }

    public var isEmpty: Bool { members.isEmpty }
    public var isJoint: Bool { members.contains { $0.role == .joining || $0.role == .leaving } }

    /// All members, each once, in ascending order.
    public var ids: [NodeID] {
        var ids: [NodeID] = []
        for member in members where ids.last != member.id { ids.append(member.id) }
        return ids
    }

    /// Who has a vote in either half, each once, in ascending order.
    public var voters: [NodeID] {
        var ids: [NodeID] = []
        for member in members where !member.halves.isEmpty && ids.last != member.id { ids.append(member.id) }
        return ids
    }

    public func contains(_ id: NodeID) -> Bool { members.contains { $0.id == id } }

    /// The member of that id on that directory.
    public func member(_ id: NodeID, on directory: DirectoryID?) -> Member? {
        members.first { $0.id == id && ($0.directory == directory || $0.directory == nil) }
    }

    public func level(of feature: String) -> Int? { features.first { $0.name == feature }?.level }

    /// What is wrong with it, if anything: no such configuration may get into a log.
    public var fault: String? {
        if members.count > Self.maximumMembers { return "\(members.count) members, at most \(Self.maximumMembers)" }
        for half in [Halves.incoming, .outgoing] {
            let voters = members.filter { $0.halves.contains(half) }.map(\.id)
            if voters.isEmpty { return "no voters" }
            if voters.count > Self.maximumVoters { return "\(voters.count) voters, at most \(Self.maximumVoters)" }
            if Set(voters).count < voters.count { return "an id twice among the voters" }
        }
        for (before, member) in zip(members, members.dropFirst()) where before.id == member.id {
            guard before.role == .leaving, member.role == .joining, before.directory != member.directory else {
                return "node \(member.id) twice"
            }
        }
        return nil
    }
}

/// The two sets of voters that a majority is counted in. Outside of a joint configuration they are the same.
struct Halves: OptionSet, Sendable {
    var rawValue: UInt8
    static let incoming = Halves(rawValue: 1)
    static let outgoing = Halves(rawValue: 2)
}

// The way from one set of voters to another (§4.3)
extension Configuration {
    /// Whether both count the same voters, on the same directories: then one entry leads from one to the other, and
    /// learners, addresses, features and directories that become known may differ.
    func hasVoters(of other: Configuration) -> Bool {
        let mine = members.filter { !$0.halves.isEmpty }
        let theirs = other.members.filter { !$0.halves.isEmpty }
        return mine.map(\.id) == theirs.map(\.id)
            && zip(mine, theirs).allSatisfy {
                $0.directory == $1.directory || $1.directory == nil || $0.directory == nil
            }
    }

    /// Whether `next` may stand in the log behind this one: whatever is decided by the one has somebody in common with
    /// whatever is decided by the other (§4.3).
    func mayBeFollowed(by next: Configuration) -> Bool {
        if isJoint { return !next.isJoint && settled.hasVoters(of: next) }
        return hasVoters(of: next.isJoint ? next.outgoing : next)
    }

    /// The voters before the joint configuration.
    private var outgoing: Configuration {
        Configuration(
            members.filter { $0.halves.contains(.outgoing) }.map { member in
                var member = member
                member.role = .voter
                return member
            })
    }

    /// What must be committed, by majorities of both, before `target` may stand alone.
    func joint(with target: Configuration) -> Configuration {
        var joint: [Member] = []
        for var member in members where !member.halves.isEmpty {
            let stays = target.members.contains {
                $0.id == member.id && $0.directory == member.directory && !$0.halves.isEmpty
            }
            if !stays { member.role = .leaving }
            joint.append(member)
        }
        for var member in target.members {
            if let position = joint.firstIndex(where: { $0.id == member.id && $0.directory == member.directory }) {
                if joint[position].role == .leaving { continue }
                member.role = .voter
                joint[position] = member
            } else if !member.halves.isEmpty {
                member.role = .joining
                joint.append(member)
            } else if !joint.contains(where: { $0.id == member.id }) {
                joint.append(member)
            }
        }
        return Configuration(joint, features: target.features)
    }

    /// The configuration that a joint one leads to. A voter that leaves is no member any more.
    var settled: Configuration {
        Configuration(
            members.compactMap { member in
                guard member.role != .leaving else { return nil }
                var member = member
                if member.role == .joining { member.role = .voter }
                return member
            }, features: features)
    }
}
