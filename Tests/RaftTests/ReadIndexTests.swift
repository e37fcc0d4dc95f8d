import Testing

@testable import Raft

/// Linearizable reads (§6.4).
@Suite struct ReadIndexTests {
    static func ready(voters: Int = 3) -> Subject {
        let leader = Subject(voters: voters).lead()
        for peer in leader.node.voters.dropFirst() { leader.acknowledge(peer.number, match: 1) }
        precondition(leader.commit == 1)
        return leader
    }

    @Test("a round of heartbeats to a majority confirms") func round() {
        let leader = Self.ready()
        let asked = leader.step(.read(ReadID(1)))
        #expect([2, 3].allSatisfy { asked.appends(to: $0).map(\.readRound) == [1] })
        #expect(asked.confirmedReads.isEmpty, "not by the clock, nor by earlier answers")
        #expect(leader.acknowledge(2, match: 1, round: 1).contains(.readsConfirmed([ReadID(1)], index: LogIndex(1))))
    }

    @Test("a majority of five is two others") func fiveVoters() {
        let leader = Self.ready(voters: 5)
        leader.step(.read(ReadID(1)))
        #expect(leader.acknowledge(4, match: 1, round: 1).confirmedReads.isEmpty)
        #expect(leader.acknowledge(4, match: 1, round: 1).confirmedReads.isEmpty, "the same one twice")
        #expect(leader.acknowledge(5, match: 1, round: 1).confirmedReads == [ReadID(1)])
    }

    @Test("reads that come during a round wait for the next, all together") func batch() {
        let leader = Self.ready()
        leader.step(.read(ReadID(1)))
        for read: UInt64 in 2...4 { #expect(leader.step(.read(ReadID(read))).appends(to: 2).isEmpty) }
        let effects = leader.acknowledge(2, match: 1, round: 1)
        #expect(effects.confirmedReads == [ReadID(1)])
        #expect(effects.appends(to: 3).map(\.readRound) == [2])
        #expect(leader.acknowledge(3, match: 1, round: 1).confirmedReads.isEmpty, "an answer to the earlier round")
        #expect(leader.acknowledge(3, match: 1, round: 2).confirmedReads == [ReadID(2), ReadID(3), ReadID(4)])
    }

    @Test("the index is the commit index when the round began") func index() {
        let leader = Self.ready()
        leader.step(.propose([Proposal(type: "PUT", data: [])]))
        leader.persisted()
        leader.step(.read(ReadID(1)))
        leader.acknowledge(2, match: 2)
        #expect(leader.commit == 2)
        #expect(leader.acknowledge(2, match: 2, round: 1).contains(.readsConfirmed([ReadID(1)], index: LogIndex(1))))
    }

    @Test("before the opening entry commits nothing is read: the commit index may be behind what clients saw")
    func beforeOpeningEntry() {
        let leader = Subject(term: 2, log: [1, 2]).lead()
        #expect(leader.step(.read(ReadID(1))).appends(to: 2).isEmpty)
        let effects = leader.acknowledge(2, match: 3)
        #expect(effects.contains(.commit(through: LogIndex(3))))
        #expect(effects.appends(to: 2).map(\.readRound) == [1] && effects.confirmedReads.isEmpty)
        #expect(leader.acknowledge(2, match: 3, round: 1).contains(.readsConfirmed([ReadID(1)], index: LogIndex(3))))
    }

    @Test("a round that was never asked does not confirm") func futureRound() {
        let leader = Self.ready()
        leader.acknowledge(2, match: 1, round: 5)
        leader.step(.read(ReadID(1)))
        #expect(leader.acknowledge(3, match: 1, round: 0).confirmedReads.isEmpty)
    }

    @Test("a follower that refuses the entries confirms the leader all the same") func refusalConfirms() {
        let leader = Self.ready()
        leader.step(.read(ReadID(1)))
        #expect(leader.reject(2, previous: 1, conflict: (nil, 1), round: 1).confirmedReads == [ReadID(1)])
    }

    @Test("rounds that were lost are asked again by the next heartbeat") func lostRound() {
        let leader = Self.ready()
        leader.step(.read(ReadID(1)))
        let heartbeat = leader.pass(.milliseconds(1500))
        #expect(heartbeat.appends(to: 3).map(\.readRound) == [1])
    }

    @Test("whoever does not lead, or leads no longer, refuses") func refused() {
        #expect(Subject().step(.read(ReadID(1))) == [.readsRefused([ReadID(1)])])
        let leader = Self.ready()
        leader.step(.read(ReadID(1)))
        leader.step(.read(ReadID(2)))
        #expect(leader.append(3, term: 9).refusedReads == [ReadID(1), ReadID(2)])
        let paused = Self.ready()
        paused.step(.read(ReadID(1)))
        #expect(paused.pass(.seconds(6)).refusedReads == [ReadID(1)])
    }

    @Test("a leader that was paused past its authority steps down before it looks at the event")
    func pausedLeader() {
        let leader = Self.ready()
        leader.step(.read(ReadID(1)))
        leader.pass(.zero)
        let late = Subject().lead()
        late.acknowledge(2, match: 1)
        late.step(.read(ReadID(1)))
        late.pass(.milliseconds(5000))
        #expect(late.role == .follower)
        #expect(late.acknowledge(2, match: 1, round: 1).confirmedReads.isEmpty)
    }

    @Test("a single voter needs nobody's word") func singleVoter() {
        let leader = Subject(voters: 1).lead()
        #expect(leader.step(.read(ReadID(1))) == [.readsConfirmed([ReadID(1)], index: LogIndex(1))])
    }
}
