import Testing

@testable import Raft

/// When an entry is committed (§3.5, §3.6.2, §10.2.1).
@Suite struct CommitmentTests {
    @Test("figure 3.7: an entry of an earlier term does not commit by counting copies, only behind one of the own")
    func figure37() {
        // Time (c): S1 leads term 4 with the entry of term 2 at index 2, and brings it to a majority.
        let s1 = Subject(voters: 5, term: 3, log: [1, 2]).lead()
        #expect(s1.term == 4 && s1.terms == [1, 2, 4])
        s1.acknowledge(2, match: 2)
        s1.acknowledge(3, match: 2)
        s1.acknowledge(4, match: 2)
        #expect(s1.commit == 0, "time (d) could still overwrite it")
        s1.acknowledge(2, match: 3)
        #expect(s1.commit == 0)
        let effects = s1.acknowledge(3, match: 3)
        #expect(effects.contains(.commit(through: LogIndex(3))), "time (e): all before it commits with it")
        #expect(s1.commit == 3)
    }

    struct Case: CustomTestStringConvertible {
        var voters: Int
        /// What the others acknowledged of one proposal behind the opening entry, in the order of their ids.
        var matches: [UInt64]
        var isOwnDurable = true
        var commit: UInt64
        var testDescription: String { "\(voters) voters, \(matches), own durable: \(isOwnDurable)" }
    }

    @Test(arguments: [
        Case(voters: 1, matches: [], commit: 2),
        Case(voters: 1, matches: [], isOwnDurable: false, commit: 1),
        Case(voters: 2, matches: [0], commit: 0),
        Case(voters: 2, matches: [2], commit: 2),
        Case(voters: 2, matches: [2], isOwnDurable: false, commit: 1),
        Case(voters: 3, matches: [1, 0], commit: 1),
        Case(voters: 3, matches: [2, 0], commit: 2),
        Case(voters: 3, matches: [2, 0], isOwnDurable: false, commit: 1),
        Case(voters: 3, matches: [2, 2], isOwnDurable: false, commit: 2),
        Case(voters: 4, matches: [2, 0, 0], commit: 0),
        Case(voters: 4, matches: [2, 2, 0], commit: 2),
        Case(voters: 5, matches: [2, 1, 1, 0], commit: 1),
        Case(voters: 5, matches: [2, 2, 1, 0], commit: 2),
        Case(voters: 5, matches: [2, 2, 1, 0], isOwnDurable: false, commit: 1),
        Case(voters: 7, matches: [2, 2, 2, 1, 1, 1], commit: 2),
        Case(voters: 7, matches: [2, 2, 1, 1, 1, 1], commit: 1),
    ])
    func durableMajority(_ test: Case) {
        let leader = Subject(voters: test.voters).lead()
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        if test.isOwnDurable { leader.persisted() }
        for (offset, match) in test.matches.enumerated() where match > 0 {
            leader.acknowledge(UInt64(offset) + 2, match: match)
        }
        #expect(leader.commit == test.commit)
    }

    @Test("§10.2.1: the entries go to the followers while the leader's own disk still writes them")
    func sentBeforeDurable() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        let effects = leader.step(.propose([Proposal(type: "PUT", data: [])]))
        #expect(effects.hasWrite && effects.batches(to: 2).count == 1)
        leader.acknowledge(2, match: 2)
        #expect(leader.commit == 1)
        #expect(leader.persisted().contains(.commit(through: LogIndex(2))))
    }

    @Test("an acknowledgement from an earlier term does not count") func oldAcknowledgement() {
        let leader = Subject(term: 4, log: [4, 4]).lead()
        leader.step(
            .appendEntriesReply(
                AppendEntriesReply(term: Term(4), success: true, matchIndex: LogIndex(3)), from: NodeID(2),
                previous: .zero))
        #expect(leader.commit == 0 && leader.progress(of: 2).matchIndex == .zero)
        #expect(leader.progress(of: 2).lastContact == nil)
    }

    @Test("timestamps never fall, whatever the wall clock does") func timestamps() {
        var node = RaftNode(
            id: NodeID(1), voters: [NodeID(1)], settings: Settings(), hardState: HardState(), log: RaftLog(),
            applied: .zero, seed: 1, now: Moment(instant: Instant(nanoseconds: 0), unixMilliseconds: 0))
        var effects = EffectBuffer()
        var milliseconds: Int64 = 1000
        func moment(_ wall: Int64) -> Moment {
            Moment(instant: Instant(nanoseconds: UInt64(milliseconds) * 1_000_000), unixMilliseconds: wall)
        }
        node.step(.clockAdvanced, at: moment(500), into: &effects)
        milliseconds += 1
        node.step(.persisted(WriteID(1)), at: moment(500), into: &effects)
        for wall: Int64 in [700, 300, 800] {
            milliseconds += 1
            node.step(.propose([Proposal(type: "PUT", data: [])]), at: moment(wall), into: &effects)
        }
        #expect((1...4).map { node.log[LogIndex($0)].timestamp } == [500, 700, 700, 800])
    }
}
