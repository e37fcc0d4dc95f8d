import Logging
import Metadata
import Raft
import Storage
import Testing

@testable import Server

private func digest(_ index: UInt64, _ value: UInt64) -> StateDigest {
    StateDigest(index: LogIndex(index), high: value, low: 0)
}

private func nodes(_ numbers: [UInt64]) -> [NodeID] { numbers.map { NodeID($0) } }

/// What a leader makes of the answers about one index.
@Suite struct DigestTallyTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        /// Of the leader, node 1, and then of nodes 2, 3 and so on; `nil` for one that does not answer.
        var digests: [UInt64?]
        /// The nodes of each side, the largest first; empty when all agree.
        var sides: [[UInt64]] = []
        var isDecided = true
        var testDescription: String { name }
    }

    @Test(arguments: [
        Case(name: "all agree", digests: [5, 5, 5]),
        Case(name: "one is silent", digests: [5, 5, nil]),
        Case(name: "a follower differs", digests: [5, 6, 5], sides: [[1, 3], [2]]),
        Case(name: "the leader differs", digests: [5, 6, 6], sides: [[2, 3], [1]]),
        Case(name: "two nodes differ", digests: [5, 6], sides: [[1], [2]], isDecided: false),
        Case(name: "the third is away", digests: [5, 6, nil], sides: [[1], [2]], isDecided: false),
        Case(name: "all differ", digests: [5, 6, 7], sides: [[1], [2], [3]], isDecided: false),
        Case(name: "two of five, the leader among them", digests: [5, 5, 6, 6, 6], sides: [[3, 4, 5], [1, 2]]),
        Case(
            name: "two of five against two", digests: [5, 5, 6, 6, nil], sides: [[1, 2], [3, 4]], isDecided: false),
        Case(name: "two of five that differ too", digests: [5, 5, 5, 6, 7], sides: [[1, 2, 3], [4], [5]]),
    ])
    func majority(_ test: Case) {
        var tally = DigestTally()
        let now = Instant(nanoseconds: 0)
        let own = digest(7, test.digests[0] ?? 0)
        #expect(tally.question(own, of: NodeID(1), now: now, every: .seconds(1)) == own)
        var last = DigestTally.Judgement.agreed
        for (offset, value) in test.digests.enumerated().dropFirst() {
            guard let value else { continue }
            let (voter, majority) = (NodeID(UInt64(offset) + 1), test.digests.count / 2 + 1)
            last = tally.answered(digest(7, value), by: voter, majority: majority)
        }
        switch last {
        case .agreed: #expect(test.sides.isEmpty)
        case .undecided(let difference):
            #expect(!test.isDecided && difference.sides.map(\.voters) == test.sides.map(nodes))
        case .odd(let difference):
            #expect(test.isDecided && difference.sides.map(\.voters) == test.sides.map(nodes))
            for (side, voters) in test.sides.enumerated() {
                for voter in voters { #expect((tally.verdict(for: NodeID(voter)) != nil) == (side > 0)) }
            }
        }
        #expect((tally.dispute != nil) == !test.isDecided)
    }

    @Test func aQuestionStaysForAWhile() {
        var tally = DigestTally()
        func ask(_ index: UInt64, _ seconds: UInt64) -> LogIndex {
            tally.question(
                digest(index, 5), of: NodeID(1), now: Instant(nanoseconds: seconds * 1_000_000_000), every: .seconds(2)
            ).index
        }
        let asked = [ask(7, 0), ask(8, 1), ask(9, 2), ask(9, 9), ask(10, 9)]
        #expect(asked == [7, 7, 9, 9, 10].map { LogIndex($0) })
        _ = tally.answered(digest(7, 6), by: NodeID(2), majority: 2)
        #expect(tally.dispute?.index == LogIndex(7), "late answers count")
        let unknown = tally.answered(digest(8, 6), by: NodeID(2), majority: 2)
        #expect(unknown == .agreed, "nobody asked about 8")
    }

    @Test func whoAgreesAgainIsOddNoMore() {
        var tally = DigestTally()
        for (index, value) in [(7, 6), (8, 5)] as [(UInt64, UInt64)] {
            _ = tally.question(
                digest(index, 5), of: NodeID(1), now: Instant(nanoseconds: index * 1_000_000_000), every: .seconds(1))
            _ = tally.answered(digest(index, 5), by: NodeID(3), majority: 2)
            _ = tally.answered(digest(index, value), by: NodeID(2), majority: 2)
            #expect((tally.verdict(for: NodeID(2)) != nil) == (value == 6))
        }
    }
}

@Suite struct DigestHistoryTests {
    @Test func whatIsKnownIsAnsweredAtOnce() {
        var history = DigestHistory()
        history.record(Digest(high: 5, low: 0), at: LogIndex(1))
        let answer = history.answer(LogIndex(1), applied: LogIndex(1))
        #expect(answer == digest(1, 5))
    }

    @Test func whatIsToComeIsAnsweredWhenItCame() {
        var history = DigestHistory()
        let early = history.answer(LogIndex(2), applied: .zero)
        #expect(early == nil)
        for index: UInt64 in 1...3000 { history.record(Digest(high: index, low: 0), at: LogIndex(index)) }
        let late = history.answer(LogIndex(9000), applied: LogIndex(3000))
        #expect(late == digest(2, 2), "though it would be forgotten by now")
        #expect(history.answer(at: LogIndex(2)) == digest(2, 2))
    }

    @Test func whatIsForgottenIsNotAnswered() {
        var history = DigestHistory()
        for index: UInt64 in 1...1025 { history.record(Digest(high: index, low: 0), at: LogIndex(index)) }
        let forgotten = history.answer(LogIndex(1), applied: LogIndex(1025))
        let known = history.answer(LogIndex(2), applied: LogIndex(1025))
        #expect(forgotten == nil && known == digest(2, 2))
        history.reset()
        let reset = history.answer(LogIndex(2), applied: LogIndex(1025))
        #expect(reset == nil)
    }
}

@Suite struct OddNodeTests {
    /// A follower that applied entry 1 and was asked about it.
    private static func follower() -> NodeUnderTest {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        test.persist()
        test.append(from: 2, term: 1, behind: position(1, 1), commit: LogIndex(1), digest: digest(1, 42))
        return test
    }

    private static func tell(
        _ test: NodeUnderTest, _ verdict: StateDigest, voters: [UInt64] = [2, 3], from leader: UInt64 = 2,
        term: UInt64 = 1
    ) -> Input {
        test.appendInput(
            AppendEntries(
                term: Term(term), leader: NodeID(leader), previous: position(1, 1), entries: [],
                leaderCommit: LogIndex(1), verdict: Verdict(.state(verdict), voters: nodes(voters))))
    }

    @Test func aFollowerAnswersWithItsOwnDigestAndJudgesNothing() {
        let test = Self.follower()
        guard case .success(.appendEntries(let reply))? = test.replies.all.last else {
            Issue.record("no reply")
            return
        }
        let own = test.node.metadata.digest
        #expect(reply.digest == StateDigest(index: LogIndex(1), high: own.high, low: own.low))
        #expect(test.node.outOfService == nil && test.failed.isEmpty)
    }

    @Test func aFollowerThatAMajorityContradictsEnds() {
        let test = Self.follower()
        let sent = test.network.sent.count
        test.node.process([
            Self.tell(test, digest(1, 42)), .read(.stale) { [reads = test.reads] in reads.add($0.map { _ in 0 }) },
            test.submission(.put(Put(key: Key(validated: Array("/a".utf8)), value: []))),
        ])
        test.read()
        test.read(.stale)
        test.append(from: 2, term: 1, behind: position(1, 1), [putEntry(2, term: 1)])
        let failures = test.reads.all.map(\.failure) + [test.writes.all.last?.failure, test.replies.all.last?.failure]
        #expect(failures.count == 5)
        let own = test.node.metadata.digest
        let reason =
            "different state digests at index 1: nodes 2 and 3 have \(Digest(high: 42, low: 0)), node 1 has \(own); "
            + "node 1 is the odd one out"
        for failure in failures { #expect(failure == .unavailable(reason)) }
        #expect(test.failed == [.oddOneOut(reason)])
        #expect(test.node.status.notReady == reason)
        test.advance(milliseconds: 60_000)
        #expect(test.network.sent.count == sent, "it disturbs nobody")
    }

    struct Word: CustomTestStringConvertible {
        var name: String
        var verdict = digest(1, 42)
        var voters: [UInt64] = [2, 3]
        var leader: UInt64 = 2
        var term: UInt64 = 1
        var testDescription: String { name }
    }

    @Test(arguments: [
        Word(name: "one voter is no majority", voters: [2]),
        Word(name: "the same voter twice", voters: [3, 3]),
        Word(name: "strangers", voters: [2, 9]),
        Word(name: "about an index that nobody asked about", verdict: digest(2, 42)),
        Word(name: "of one that does not lead", leader: 3),
    ])
    func aWordAloneEndsNobody(_ test: Word) {
        let node = Self.follower()
        node.process(Self.tell(node, test.verdict, voters: test.voters, from: test.leader, term: test.term))
        #expect(node.failed.isEmpty && node.node.outOfService == nil)
    }

    private static func answer(_ test: NodeUnderTest, _ peer: UInt64, digest: StateDigest?) {
        let reply = AppendEntriesReply(
            term: test.node.raft.currentTerm, success: true, matchIndex: LogIndex(1), digest: digest)
        test.process(
            .peerReply(.appendEntriesReply(reply, from: NodeID(peer), previous: LogIndex(1)), from: .member(peer)))
    }

    /// A leader that asked about its opening entry, and what it asked.
    private static func leader() -> (NodeUnderTest, StateDigest) {
        let test = NodeUnderTest().elected()
        test.advance(milliseconds: 1500)
        return (test, test.network.appends.compactMap(\.digest).last ?? digest(0, 0))
    }

    @Test func aLeaderThatAMajorityContradictsStepsDownAndEnds() {
        let (test, own) = Self.leader()
        test.put("/a")
        let other = StateDigest(index: own.index, high: own.high ^ 1, low: own.low)
        Self.answer(test, 2, digest: other)
        #expect(test.failed.isEmpty, "one against one")
        #expect(test.node.status.notReady?.contains("no majority agrees") == true)
        test.read(.stale)
        #expect(test.reads.all.last?.isSuccess == true)
        Self.answer(test, 3, digest: other)
        #expect(test.failed.count == 1 && "\(test.failed)".contains("node 1 is the odd one out"))
        #expect(test.node.raft.role == .follower)
        #expect(test.writes.all.map(\.failure) == [.outcomeUnknown])
        #expect(test.network.sent.contains { if case .timeoutNow = $0.request { true } else { false } })
        test.read(.stale)
        #expect(test.reads.all.last?.isSuccess == false)
    }

    @Test func aLeaderTellsTheOddFollower() {
        let (test, own) = Self.leader()
        Self.answer(test, 2, digest: StateDigest(index: own.index, high: own.high ^ 1, low: own.low))
        Self.answer(test, 3, digest: own)
        #expect(test.failed.isEmpty && test.node.status.notReady == nil)
        test.network.sent = []
        test.advance(milliseconds: 1500)
        let told = test.network.sent.filter {
            if case .appendEntries(let append) = $0.request { append.verdict != nil } else { false }
        }
        #expect(told.map(\.peer) == [NodeID(2)])
    }

    /// Safety of committed entries (§3.6.3): the node says so, answers nobody, and goes on listening.
    @Test func aFollowerInDoubtAnswersNoReads() {
        let test = Self.follower()
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 0)])
        test.read(.stale)
        let reason =
            "leader 2 has entry 1 of term 0 where node 1 committed one of term 1; which of them is wrong is not decided"
        #expect(test.reads.all.last?.failure == .unavailable(reason))
        #expect(test.node.status.notReady == reason)
        #expect(test.node.measure().protocolViolations == 1)
        test.append(from: 2, term: 1, behind: position(1, 1), commit: LogIndex(1))
        test.read(.stale)
        #expect(test.reads.all.last?.isSuccess == true)
    }
}

@Suite struct ReadinessTests {
    @Test func aLeaderThatCanNotCommitIsNotReady() {
        let test = NodeUnderTest().elected()
        #expect(test.node.status.notReady == nil)
        test.put("/a")
        test.persist()
        for _ in 0..<4 {
            test.advance(milliseconds: 1400)
            // The follower lives and takes nothing.
            let reply = AppendEntriesReply(
                term: test.node.raft.currentTerm, success: true, matchIndex: LogIndex(1))
            test.process(
                .peerReply(.appendEntriesReply(reply, from: NodeID(2), previous: LogIndex(1)), from: .member(2)))
        }
        #expect(test.node.raft.role == .leader)
        #expect(test.node.status.notReady == "entry 2 is not committed, and none was for 5600 ms")
        test.settle()
        #expect(test.node.status.notReady == nil)
    }
}

@Suite struct LogThrottleTests {
    @Test func oneLineInTenSeconds() {
        var throttle = LogThrottle()
        func admit(_ kind: LogThrottle.Kind, _ seconds: UInt64) -> Int? {
            throttle.admit(kind, at: Instant(nanoseconds: seconds * 1_000_000_000))
        }
        let answers = [0, 1, 9, 10, 11, 30].map { admit(.refusedMessage, $0) }
        #expect(answers == [0, nil, nil, 2, nil, 1])
        let other = admit(.digests, 30)
        #expect(other == 0, "each kind by itself")
    }

    @Test func aFloodOfRefusedMessagesIsCountedNotLogged() {
        let lines = Lines()
        let test = NodeUnderTest(logger: Logger(label: "test") { _ in lines })
        for _ in 0..<100 { test.append(from: 2, term: 1 << 54, behind: .zero) }
        #expect(test.node.measure().protocolViolations == 100)
        #expect(lines.all.filter { $0.contains("message refused") }.count == 1)
        test.advance(milliseconds: 10_000)
        test.append(from: 2, term: 1 << 54, behind: .zero)
        #expect(lines.all.last { $0.contains("message refused") }?.contains("suppressed=99") == true)
    }

    /// Confined to the test's thread.
    private final class Lines: LogHandler, @unchecked Sendable {
        var all: [String] = []
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.info

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            let fields = (event.metadata ?? [:]).map { " \($0.key)=\($0.value)" }.joined()
            all.append("\(event.message)\(fields)")
        }
    }
}
