import Testing

@testable import Raft

/// Messages that no honest peer sends are refused, and change nothing. Peers are reached over plain HTTP: anybody can
/// post anything.
@Suite struct ForgedMessageTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var request: Request
        var testDescription: String { name }

        static func append(
            _ name: String, leader: UInt64 = 2, term: UInt64 = 4, after previous: LogPosition = position(3, 5),
            _ entries: [LogEntry] = [], commit: UInt64 = 0
        ) -> Case {
            Case(
                name: name,
                request: .appendEntries(
                    AppendEntries(
                        term: Term(term), leader: NodeID(leader), previous: previous, entries: entries,
                        leaderCommit: LogIndex(commit))))
        }
    }

    static let absurd = Term.maximum.number + 1

    /// The follower is at term 4 of node 2, with entries 3...5 of terms 2, 3, 3 behind a base of 1/2, committed to 4.
    static let forgeries: [Case] = [
        .append("a leader that is not a member", leader: 9),
        .append("this node itself as leader", leader: 1),
        .append("a second leader in one term", leader: 3),
        .append("a term beyond the last", term: absurd),
        .append("a term that would use up all others", term: 1 << 50),
        .append("a gap between the entries", [entry(6, 4), entry(8, 4)], commit: 9),
        .append("a gap before the entries", [entry(7, 4)], commit: 9),
        .append("an entry twice", after: position(3, 4), [entry(5, 3), entry(5, 3)], commit: 9),
        .append("an index at the end of the numbers", [entry(.max, 4)], commit: .max),
        .append("falling terms", [entry(6, 4), entry(7, 3)]),
        .append("an entry older than the one before it", [entry(6, 2)]),
        .append("an entry of a later term than the leader's", [entry(6, 5)]),
        .append("a conflict with a committed entry", after: position(1, 2), [entry(3, 3)]),
        .append("a conflict with the compacted log", after: position(1, 1), [entry(2, 2), entry(3, 2)]),
        .append(
            "falling terms behind the compacted log", after: position(0, 0), [entry(1, 1), entry(2, 0), entry(3, 0)]),
        Case(
            name: "a vote in a term beyond the last",
            request: .requestVote(
                RequestVote(
                    term: Term(absurd), candidate: NodeID(3), lastLog: position(9, 9), isLeadershipTransfer: true))),
        Case(
            name: "a pre-vote in a term beyond the last",
            request: .requestVote(
                RequestVote(term: Term(absurd), candidate: NodeID(3), lastLog: position(9, 9), isPreVote: true))),
        Case(
            name: "a snapshot of a stranger",
            request: .installSnapshot(
                InstallSnapshot(
                    term: Term(4), leader: NodeID(9), lastIncluded: position(4, 99), sequence: 0, data: [], isLast: true
                ))),
        Case(
            name: "a snapshot of a later term than its leader's",
            request: .installSnapshot(
                InstallSnapshot(
                    term: Term(4), leader: NodeID(2), lastIncluded: position(5, 99), sequence: 0, data: [], isLast: true
                ))),
    ]

    static func follower() -> Subject {
        let node = Subject(term: 4, base: position(1, 2), log: [2, 3, 3], applied: 2)
        node.append(2, term: 4, after: (3, 4), commit: 4)
        return node
    }

    @Test(arguments: forgeries) func refused(_ test: Case) {
        let node = Self.follower()
        let effects = node.request(test.request)
        #expect(effects.isViolation)
        #expect(effects.replies.count == 1 && !effects.replies.contains(where: \.isPositive))
        #expect(!effects.hasWrite)
        #expect(node.term == 4 && node.vote == nil && node.leader == 2 && node.commit == 4)
        #expect(node.terms == [2, 3, 3])
    }

    @Test("TimeoutNow counts only from the leader of the term") func timeoutNow() {
        for (term, leader) in [(4, 3), (3, 2), (5, 2), (4, 9)] as [(UInt64, UInt64)] {
            let node = Self.follower()
            node.request(.timeoutNow(TimeoutNow(term: Term(term), leader: NodeID(leader))))
            #expect(node.role == .follower && node.term == 4)
        }
    }

    @Test("a node without a history believes any term of its cluster") func newNodeJoins() {
        let node = Subject()
        node.append(2, term: 1 << 50)
        #expect(node.term == 1 << 50)
    }

    @Test("odd positions in a request and in an answer do not trap") func oddNumbers() {
        let node = Subject(term: 4, log: [1])
        for previous in [(1, .max), (.max, 1), (3, 0), (0, .max)] as [(UInt64, UInt64)] {
            let effects = node.append(2, term: 4, after: previous, commit: .max)
            #expect(effects.appendReplies.map(\.success) == [false])
        }
        let leader = Subject(log: [0, 0]).lead()
        leader.acknowledge(2, match: .max)
        leader.reject(2, previous: .max, conflict: (.max, .max))
        leader.acknowledge(2, match: 3, round: .max)
        leader.reject(2, previous: 2, conflict: (nil, 0), round: .max)
        leader.reject(2, previous: 1, conflict: (nil, .max), round: .max)
        leader.step(.read(ReadID(1)))
        leader.reject(2, previous: 2, conflict: (nil, 0), round: 2)
        leader.reject(2, previous: 0, conflict: (0, 0))
        leader.reject(3, previous: 2, conflict: (1, 0))
        #expect(leader.role == .leader && leader.commit == 3)
    }
}

extension Reply {
    /// Whether it grants, acknowledges or claims anything.
    var isPositive: Bool {
        switch self {
        case .requestVote(let reply): reply.voteGranted
        case .appendEntries(let reply): reply.success
        case .installSnapshot(let reply): reply.isInstalled
        case .timeoutNow: false
        }
    }
}
