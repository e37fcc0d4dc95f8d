import Testing

@testable import Raft

/// The receiver's rules of AppendEntries (figure 3.1) and the conflict hints of §3.5.
@Suite struct AppendEntriesTests {
    struct Case: CustomTestStringConvertible {
        var name: String
        var term: UInt64 = 4
        var previous: (term: UInt64, index: UInt64)
        var entries: [UInt64] = []
        var leaderCommit: UInt64 = 0
        /// The answer: the match, or the conflict.
        var match: UInt64?
        var conflict: AppendEntriesReply.Conflict?
        /// The terms of the log afterwards.
        var log: [UInt64] = [1, 1, 2, 2, 2]
        var commit: UInt64 = 0
        var testDescription: String { name }
    }

    /// The follower is at term 4 with a log of terms 1, 1, 2, 2, 2.
    @Test(arguments: [
        Case(name: "rule 1: an old term", term: 3, previous: (2, 5), entries: [3]),
        Case(
            name: "rule 2: no entry there; the hint is the end of the log", previous: (3, 9), entries: [4],
            conflict: .init(term: nil, index: LogIndex(6))),
        Case(
            name: "rule 2: another term there; the hint is that term and its first index", previous: (3, 5),
            entries: [4], conflict: .init(term: Term(2), index: LogIndex(3))),
        Case(
            name: "rule 2: the hint of the first term starts at 1", previous: (3, 2),
            conflict: .init(term: Term(1), index: LogIndex(1))),
        Case(
            name: "rule 3: a conflicting entry and all behind it go", previous: (2, 3), entries: [4], match: 4,
            log: [1, 1, 2, 4]),
        Case(
            name: "rule 3: only from the conflict on", previous: (1, 1), entries: [1, 2, 3, 4], match: 5,
            log: [1, 1, 2, 3, 4]),
        Case(
            name: "rule 4: new entries are added", previous: (2, 5), entries: [3, 4], match: 7,
            log: [1, 1, 2, 2, 2, 3, 4]),
        Case(
            name: "rule 4: what is there already is not added again", previous: (1, 2), entries: [2, 2, 2, 4], match: 6,
            log: [1, 1, 2, 2, 2, 4]),
        Case(
            name: "§3.5: an old append does not remove newer entries", previous: (1, 1), entries: [1, 2], match: 3),
        Case(name: "from the beginning", previous: (0, 0), entries: [1], match: 1),
        Case(name: "heartbeat", previous: (2, 4), match: 4),
        Case(name: "rule 5: commit", previous: (2, 5), leaderCommit: 4, match: 5, commit: 4),
        Case(
            name: "rule 5: no further than the entries that are known to agree", previous: (1, 2), leaderCommit: 5,
            match: 2, commit: 2),
        Case(
            name: "rule 5: the new entries agree", previous: (2, 5), entries: [4], leaderCommit: 9, match: 6,
            log: [1, 1, 2, 2, 2, 4], commit: 6),
        Case(
            name: "rule 5: not when refused", previous: (3, 9), leaderCommit: 5,
            conflict: .init(term: nil, index: LogIndex(6))),
    ])
    func receive(_ test: Case) {
        let node = Subject(term: 4, log: [1, 1, 2, 2, 2])
        let first = node.append(
            2, term: test.term, after: test.previous, test.entries, commit: test.leaderCommit, round: 7)
        let effects = first + node.persisted(ifAny: first)
        let reply = AppendEntriesReply(
            term: Term(4), success: test.match != nil, matchIndex: LogIndex(test.match ?? 0), conflict: test.conflict,
            readRound: test.term == 4 ? 7 : 0)
        #expect(effects.appendReplies == [reply])
        #expect(node.terms == test.log)
        #expect(node.commit == test.commit)
    }

    @Test("§3.8: an acknowledgement waits for the disk; a heartbeat's promises only what is durable already")
    func acknowledgementWaits() {
        let node = Subject(term: 4, log: [1])
        let effects = node.append(2, term: 4, after: (1, 1), [4, 4])
        #expect(
            effects == [
                .persist(Write(id: WriteID(1), entries: [entry(2, 4), entry(3, 4)])),
                .roleChanged(.follower, term: Term(4), leader: NodeID(2)),
            ])
        let heartbeat = node.append(2, term: 4, after: (4, 3))
        #expect(heartbeat.appendReplies == [.init(term: Term(4), success: true, matchIndex: LogIndex(1))])
        // The same entries again: they are in memory, and still on their way to the disk.
        #expect(node.append(2, term: 4, after: (1, 1), [4, 4]).appendReplies.isEmpty)
        #expect(node.persisted().appendReplies.map(\.matchIndex) == [LogIndex(3), LogIndex(3)])
    }

    @Test("§3.8: the term is durable before anything is said in it")
    func termIsDurableFirst() {
        let node = Subject(term: 4)
        #expect(node.append(2, term: 5).appendReplies.isEmpty)
        #expect(node.append(2, term: 4).appendReplies.isEmpty, "a refusal speaks of term 5, too")
        #expect(node.persisted().appendReplies.map(\.success) == [true, false])
    }

    @Test("a late completion does not make an overwritten entry look durable (ABA)")
    func overwrittenEntry() {
        let node = Subject(voters: 5, log: [1])
        node.append(2, term: 2, after: (1, 1), [2])
        let first = node.lastWrite
        node.append(3, term: 3, after: (1, 1), [3])
        let second = node.lastWrite
        node.append(4, term: 4, after: (1, 1), [2])
        #expect(node.terms == [1, 2])
        let old = node.step(.persisted(first))
        #expect(old.appendReplies.map(\.term) == [Term(2)], "what node 2 was promised was durable once")
        #expect(node.node.log.durableIndex == LogIndex(1))
        node.step(.persisted(second))
        #expect(node.node.log.durableIndex == LogIndex(1))
        #expect(node.persisted().appendReplies.map(\.matchIndex) == [LogIndex(2)])
        #expect(node.node.log.durableIndex == LogIndex(2))
    }

    @Test("truncation and new entries are one write")
    func oneWrite() {
        let node = Subject(term: 2, log: [1, 1, 2])
        node.append(2, term: 3, after: (1, 1), [3, 3])
        #expect(
            node.writes == [
                Write(
                    id: WriteID(1), hardState: HardState(currentTerm: Term(3)), truncateFrom: LogIndex(2),
                    entries: [entry(2, 3), entry(3, 3)])
            ])
    }

    @Test("an append that reaches back behind the compacted log is no conflict")
    func compactedPrefix() {
        let node = Subject(term: 4, base: position(2, 10), log: [3])
        #expect(node.append(2, term: 4, after: (1, 4), [1, 1]).appendReplies.map(\.matchIndex) == [LogIndex(6)])
        node.append(2, term: 4, after: (2, 8), [2, 2, 3, 4])
        #expect(node.terms == [3, 4])
        #expect(node.persisted().appendReplies.map(\.matchIndex) == [LogIndex(12)])
        #expect(node.append(2, term: 4, after: (0, 0)).appendReplies.map(\.success) == [true])
    }

    @Test("a restarted node tells nothing it has not stored", arguments: [1, 2, 3])
    func restart(voters: Int) {
        let node = Subject(voters: voters, term: 7, votedFor: 1, log: [6, 7], applied: 1)
        #expect(node.role == .follower && node.leader == nil && node.commit == 1)
        #expect(node.node.log.durableIndex == LogIndex(2))
    }
}
