import Testing

@testable import Raft

@Suite struct ConfigurationTests {
    static func member(_ id: UInt64, _ directory: UInt64, _ role: Configuration.Role = .voter) -> Configuration.Member {
        Configuration.Member(
            id: NodeID(id), directory: DirectoryID(high: directory, low: 0), role: role, host: "node\(id)", port: 9091)
    }

    static let three = Configuration([member(1, 1), member(2, 2), member(3, 3)])

    @Test("§4.3: a joint configuration counts who was and who will be, and leads to who will be")
    func joint() {
        let target = Configuration([Self.member(1, 1), Self.member(2, 2), Self.member(4, 4)])
        let joint = Self.three.joint(with: target)
        #expect(joint.isJoint && joint.fault == nil)
        #expect(joint.members.map(\.role) == [.voter, .voter, .leaving, .joining])
        #expect(joint.settled == target)
    }

    @Test("a voter that comes on another directory is another voter with the same id")
    func emptied() {
        let target = Configuration([Self.member(1, 1), Self.member(2, 2), Self.member(3, 9)])
        #expect(!Self.three.hasVoters(of: target))
        let joint = Self.three.joint(with: target)
        #expect(joint.fault == nil && joint.members.map(\.id.number) == [1, 2, 3, 3])
        #expect(joint.members.map(\.role) == [.voter, .voter, .leaving, .joining])
        #expect(joint.ids.count == 3 && joint.settled == target)
    }

    @Test func simpleChanges() {
        let learner = Configuration(Self.three.members + [Self.member(4, 4, .learner)])
        #expect(Self.three.hasVoters(of: learner))
        #expect(!learner.hasVoters(of: Configuration(Self.three.members + [Self.member(4, 4)])))
        #expect(Configuration(founding: [1, 2, 3].map { NodeID($0) }).hasVoters(of: Self.three), "now they have names")
    }

    @Test func faults() {
        #expect(Configuration([Self.member(1, 1), Self.member(1, 2)]).fault != nil)
        #expect(Configuration([Self.member(1, 1, .learner)]).fault != nil)
        #expect(Configuration((1...8).map { Self.member($0, $0) }).fault != nil)
        #expect(Configuration((1...7).map { Self.member($0, $0) }).fault == nil)
    }

    @Test func textAndBack() {
        var named = Self.three.members
        named[0].url = "https://a.example:1/x"
        let configurations = [
            Self.three, Configuration(named, features: [.init(name: "kraft.version", level: 1)]),
            Self.three.joint(with: Configuration([Self.member(3, 9)])),
        ]
        for configuration in configurations {
            #expect(Configuration(text: configuration.text) == configuration)
            for length in 0..<configuration.text.count {
                #expect(Configuration(text: String(configuration.text.prefix(length))) == nil)
            }
        }
        #expect(Configuration(text: Self.three.text.replacing("node2", with: "no\"de")) == nil)
        #expect(Configuration(text: Self.three.text.replacing("\"id\":2", with: "\"id\":02")) == nil)
    }
}

/// What a leader does when the members are to change, and what it refuses.
@Suite struct MembershipTests {
    /// Nodes 1 to 3 with directories 1 to 3 in the log; node 1 leads, and all of it is committed.
    static func leader() -> Subject {
        let subject = Subject().lead()
        subject.acknowledge(2, match: 1)
        subject.acknowledge(3, match: 1)
        subject.step(
            .electorate(
                nonVoting: [],
                directories: [2, 3, 4].reduce(into: [:]) { $0[NodeID($1)] = DirectoryID(high: $1, low: 0) },
                replaced: []))
        subject.step(.reconfigure(ConfigurationTests.three, isForced: false))
        subject.persisted()
        subject.acknowledge(2, match: 2)
        subject.acknowledge(3, match: 2)
        precondition(subject.commit == 2 && subject.node.hasConfiguration)
        return subject
    }

    static func refusal(_ effects: [Effect]) -> ReconfigurationRefusal? {
        for case .reconfigurationRefused(let refusal) in effects { return refusal }
        return nil
    }

    static let withFourth = Configuration(
        ConfigurationTests.three.members + [ConfigurationTests.member(4, 4, .learner)])

    @Test("§4.2.1: a learner gets everything and counts for nothing, and votes when it follows")
    func learnerThenVoter() {
        let leader = Self.leader()
        let effects = leader.step(.reconfigure(Self.withFourth, isForced: false))
        #expect(!effects.appends(to: 4).isEmpty)
        leader.acknowledge(4, match: 3)
        #expect(leader.commit == 2, "neither its word nor an entry that is not durable here makes a majority")
        leader.persisted()
        leader.acknowledge(2, match: 3)
        #expect(leader.commit == 3)
        var four = Self.withFourth.members
        four[3].role = .voter
        leader.step(.reconfigure(Configuration(four), isForced: false))
        #expect(leader.configuration.isJoint)
        leader.persisted()
        leader.acknowledge(2, match: 4)
        #expect(leader.commit == 3, "of the four that will be only two have it")
        leader.acknowledge(4, match: 4)
        #expect(leader.commit == 4 && !leader.configuration.isJoint, "committed by both, so it is left at once")
        #expect(leader.configuration == Configuration(four))
    }

    @Test("one change at a time (§4.1), and none before the leader has committed an entry of its own term")
    func refusals() {
        let fresh = Subject().lead()
        #expect(
            Self.refusal(fresh.step(.reconfigure(ConfigurationTests.three, isForced: false))) == .notReady)
        let leader = Self.leader()
        leader.step(.reconfigure(Self.withFourth, isForced: false))
        #expect(
            Self.refusal(leader.step(.reconfigure(ConfigurationTests.three, isForced: false)))
                == .changeInProgress(LogIndex(3)))
        #expect(
            Self.refusal(Self.leader().step(.reconfigure(Configuration(), isForced: false))) == .invalid("no voters"))
        let strange = Configuration([ConfigurationTests.member(1, 1), ConfigurationTests.member(4, 4)])
        #expect(
            Self.refusal(Self.leader().step(.reconfigure(strange, isForced: false))) == .notCaughtUp([NodeID(4)]))
        #expect(Self.refusal(Subject().step(.reconfigure(strange, isForced: false))) == .notLeader)
    }

    @Test("those who do not answer are not left alone with the others")
    func quorumIsNotGivenAway() {
        let leader = Self.leader()
        leader.pass(.milliseconds(3000))
        leader.acknowledge(2, match: 2)
        leader.pass(.milliseconds(3000))
        let two = Configuration([ConfigurationTests.member(1, 1), ConfigurationTests.member(3, 3)])
        #expect(
            Self.refusal(leader.step(.reconfigure(two, isForced: false)))
                == .wouldLoseQuorum(heard: [NodeID(1)], voters: [NodeID(1), NodeID(3)]))
        let others = Configuration([ConfigurationTests.member(1, 1), ConfigurationTests.member(2, 2)])
        #expect(Self.refusal(leader.step(.reconfigure(others, isForced: false))) == nil)
    }

    @Test("§4.2.2: a leader that is to go counts the others only, and goes when they have agreed")
    func leaderLeaves() {
        let leader = Self.leader()
        let others = Configuration([ConfigurationTests.member(2, 2), ConfigurationTests.member(3, 3)])
        leader.step(.reconfigure(others, isForced: false))
        leader.persisted()
        leader.acknowledge(2, match: 3)
        #expect(leader.commit == 2, "of the two that will be one has it")
        leader.acknowledge(3, match: 3)
        leader.persisted()
        #expect(leader.commit == 3 && leader.role == .leader && leader.configuration == others)
        leader.acknowledge(2, match: 4)
        #expect(leader.role == .leader)
        let effects = leader.acknowledge(3, match: 4)
        #expect(leader.commit == 4 && leader.role == .follower)
        #expect(effects.contains { if case .send(.timeoutNow, _) = $0 { true } else { false } }, "and hands over")
        #expect(leader.wake().voteRequests.isEmpty, "who is no member does not campaign")
    }

    @Test("a voter's word on another directory than the configuration's is nobody's")
    func otherDirectory() {
        let leader = Self.leader()
        leader.step(
            .electorate(
                nonVoting: [],
                directories: [NodeID(2): DirectoryID(high: 2, low: 0), NodeID(3): DirectoryID(high: 9, low: 0)],
                replaced: [NodeID(3)]))
        leader.propose()
        leader.acknowledge(3, match: 3)
        #expect(leader.commit == 2)
        leader.acknowledge(2, match: 3)
        #expect(leader.commit == 3)
    }

    @Test("§4.1: a configuration counts from the moment it is in the log, and no longer when it is truncated")
    func truncation() {
        let follower = Subject(2, term: 1, log: [1])
        let entry = LogEntry(
            index: LogIndex(2), term: Term(1), type: LogEntry.configuration,
            data: Array(ConfigurationTests.three.text.utf8), timestamp: 0)
        follower.request(
            .appendEntries(
                AppendEntries(
                    term: Term(1), leader: NodeID(1), previous: position(1, 1), entries: [entry],
                    leaderCommit: .zero)))
        #expect(follower.hasConfiguration)
        follower.append(3, term: 2, after: (1, 1), [2])
        #expect(!follower.hasConfiguration && follower.voters.map(\.number) == [1, 2, 3])
    }
}

extension Subject {
    fileprivate var configuration: Configuration { node.configuration }
    fileprivate var hasConfiguration: Bool { node.hasConfiguration }
    fileprivate var voters: [NodeID] { node.voters }

    fileprivate func propose() {
        step(.propose([Proposal(type: "PUT", data: [])]))
        persisted()
    }
}
