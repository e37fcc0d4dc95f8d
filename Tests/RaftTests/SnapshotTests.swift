import Testing

@testable import Raft

/// InstallSnapshot (figure 5.3), and the leader's decision to send one.
@Suite struct SnapshotTests {
    /// A leader of term 4 whose log begins behind 2/10: 11 of term 3, 12 its opening entry.
    static func leader() -> Subject { Subject(term: 3, base: position(2, 10), log: [3]).lead() }

    @discardableResult
    static func install(
        _ node: Subject, _ position: LogPosition, term: UInt64 = 4, sequence: UInt64 = 0, isLast: Bool = true
    ) -> [Effect] {
        node.request(
            .installSnapshot(
                InstallSnapshot(
                    term: Term(term), leader: NodeID(2), lastIncluded: position, sequence: sequence, data: [1],
                    isLast: isLast)))
    }

    static func installed(_ leader: Subject, _ position: LogPosition, by peer: UInt64) -> [Effect] {
        let reply = InstallSnapshotReply(term: leader.node.currentTerm, nextSequence: 1, isInstalled: true)
        return leader.step(.installSnapshotReply(reply, from: NodeID(peer), lastIncluded: position))
    }

    @Test("a follower that needs what was compacted gets a snapshot, once, and no appends meanwhile")
    func sends() {
        let leader = Self.leader()
        #expect(leader.reject(2, previous: 11, conflict: (nil, 5)).contains(.sendSnapshot(to: NodeID(2))))
        #expect(leader.reject(2, previous: 11, conflict: (nil, 5)).isEmpty)
        #expect(leader.step(.propose([Proposal(type: "PUT", data: [])])).appends(to: 2).isEmpty)
        let heartbeat = leader.pass(.milliseconds(1500))
        #expect(
            heartbeat.appends(to: 2).map(\.previous) == [.zero], "its match is behind the log; this agrees with any")
        let resumed = Self.installed(leader, position(2, 10), by: 2)
        #expect(resumed.batches(to: 2).map(\.previous) == [position(2, 10)])
        #expect(leader.progress(of: 2).matchIndex == LogIndex(10))
    }

    @Test("a snapshot that failed is tried again with the next heartbeat, not at once") func fails() {
        let leader = Self.leader()
        leader.reject(2, previous: 11, conflict: (nil, 5))
        #expect(leader.step(.snapshotFailed(to: NodeID(2))).isEmpty)
        #expect(leader.pass(.milliseconds(1500)).contains(.sendSnapshot(to: NodeID(2))))
        #expect(leader.step(.snapshotFailed(to: NodeID(3))).isEmpty)
    }

    @Test("who is out of reach when a leader begins needs no snapshot for that") func unreachableFromTheStart() {
        let leader = Self.leader()
        leader.step(.unreachable(NodeID(2)))
        #expect(!leader.pass(.milliseconds(1500)).contains(.sendSnapshot(to: NodeID(2))))
    }

    @Test("no snapshot is begun for a follower that may not be up: it answers first") func answersFirst() {
        let leader = Self.leader()
        leader.reject(2, previous: 11, conflict: (nil, 5))
        leader.step(.unreachable(NodeID(2)))
        #expect(leader.progress(of: 2).state == .snapshot, "the lanes break one by one")
        leader.step(.snapshotFailed(to: NodeID(2)))
        for _ in 0..<3 {
            leader.acknowledge(3, match: 12)
            #expect(!leader.pass(.milliseconds(1500)).contains(.sendSnapshot(to: NodeID(2))))
        }
        #expect(leader.acknowledge(2, match: 0).contains(.sendSnapshot(to: NodeID(2))))
    }

    @Test("compaction overtakes a follower that lags") func overtaken() {
        let leader = Subject().lead()
        leader.acknowledge(2, match: 1)
        leader.acknowledge(3, match: 1)
        leader.step(.propose([Proposal](repeating: Proposal(type: "PUT", data: []), count: 5)))
        leader.persisted()
        leader.acknowledge(3, match: 6)
        leader.step(.compact(through: LogIndex(5)))
        leader.step(.unreachable(NodeID(2)))
        #expect(!leader.pass(.milliseconds(1500)).contains(.sendSnapshot(to: NodeID(2))))
        #expect(leader.acknowledge(2, match: 1).contains(.sendSnapshot(to: NodeID(2))))
    }

    @Test("an answer from a term that is over, or beyond the log, is not believed") func answers() {
        let leader = Self.leader()
        leader.reject(2, previous: 11, conflict: (nil, 5))
        let old = InstallSnapshotReply(term: Term(3), nextSequence: 1, isInstalled: true)
        leader.step(.installSnapshotReply(old, from: NodeID(2), lastIncluded: position(2, 10)))
        _ = Self.installed(leader, position(9, 99), by: 2)
        #expect(leader.progress(of: 2).matchIndex == .zero)
    }

    @Test("rule 6: a snapshot of what the log holds already is acknowledged and changes nothing but the commit")
    func oldNews() {
        let node = Subject(term: 4, log: [1, 2, 3])
        #expect(Self.install(node, position(2, 2)).snapshotReplies.map(\.isInstalled) == [true])
        #expect(node.terms == [1, 2, 3] && node.commit == 2)
        #expect(Self.install(node, position(1, 1)).snapshotReplies.map(\.isInstalled) == [true])
        #expect(node.commit == 2)
    }

    @Test("but not before the entries that it stands for are durable") func oldNewsWaits() {
        let node = Subject(term: 4)
        node.append(2, term: 4, [4, 4])
        #expect(Self.install(node, position(4, 2)).snapshotReplies.isEmpty)
        #expect(node.persisted().snapshotReplies.map(\.isInstalled) == [true])
    }

    @Test("rule 7: else it replaces the whole log") func replaces() {
        let node = Subject(term: 4, log: [1, 2, 3])
        let effects = Self.install(node, position(4, 3))
        #expect(effects.contains { if case .receiveSnapshot = $0 { true } else { false } })
        #expect(node.terms == [1, 2, 3], "not before it is durable")
        let done = node.step(.snapshotInstalled(position(4, 3)))
        #expect(done == [.commit(through: LogIndex(3))])
        #expect(node.terms == [] && node.node.log.base == position(4, 3) && node.commit == 3)
        node.append(2, term: 4, after: (4, 3), [4])
        #expect(node.persisted().appendReplies.map(\.matchIndex) == [LogIndex(4)])
    }

    @Test("while it is installed the log stands still, over a change of term, too") func logStandsStill() {
        let node = Subject(term: 4, log: [1, 2, 3])
        Self.install(node, position(4, 9))
        #expect(node.append(2, term: 4, after: (3, 3), [4]).appendReplies.map(\.success) == [false])
        #expect(Self.install(node, position(4, 12)).snapshotReplies.map(\.isInstalled) == [false])
        node.append(3, term: 5, after: (3, 3), [5])
        #expect(node.persisted().appendReplies.map(\.success) == [false])
        #expect(node.terms == [1, 2, 3] && node.term == 5)
        node.step(.snapshotInstalled(position(4, 9)))
        node.append(3, term: 5, after: (4, 9), [5])
        #expect(node.persisted().appendReplies.map(\.matchIndex) == [LogIndex(10)])
    }

    @Test("while it is installed the node does not campaign on a transfer, and an abandoned one changes nothing")
    func abandoned() {
        let node = Subject(term: 4, log: [1])
        Self.install(node, position(4, 9))
        node.request(.timeoutNow(TimeoutNow(term: Term(4), leader: NodeID(2))))
        #expect(node.role == .follower)
        node.step(.snapshotAbandoned)
        node.append(2, term: 4, after: (1, 1), [4])
        #expect(node.persisted().appendReplies.map(\.success) == [true])
    }

    @Test("chunks before the last leave the log free") func chunks() {
        let node = Subject(term: 4, log: [1])
        Self.install(node, position(4, 9), isLast: false)
        node.append(2, term: 4, after: (1, 1), [4])
        #expect(node.persisted().appendReplies.map(\.success) == [true])
    }
}
