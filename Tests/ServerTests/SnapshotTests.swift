import Metadata
import Raft
import Storage
import Testing
import Wire

@testable import Server

/// The only chunk but the last of a snapshot of an empty state, or the last.
func chunk(
    of state: MetadataStateMachine, at position: LogPosition, term: UInt64, sequence: UInt64, isLast: Bool
) -> InstallSnapshot {
    var rows: [Row] = []
    if !isLast { state.forEachRow { rows.append($0) } }
    let header = SnapshotChunk.Header(counters: state.counters, digest: state.digest)
    return InstallSnapshot(
        term: Term(term), leader: NodeID(2), lastIncluded: position, sequence: sequence,
        data: SnapshotChunk(header: sequence == 0 ? header : nil, rows: rows).encode(), isLast: isLast)
}

func lastChunk(of state: MetadataStateMachine, at position: LogPosition, term: UInt64) throws -> InstallSnapshot {
    chunk(of: state, at: position, term: term, sequence: 0, isLast: true)
}

@Suite struct SnapshotTests {
    private func reply(_ test: NodeUnderTest) -> InstallSnapshotReply? {
        guard case .success(.installSnapshot(let reply))? = test.replies.all.last else { return nil }
        return reply
    }

    private func filled() -> MetadataStateMachine {
        var state = MetadataStateMachine()
        _ = state.apply(.put(Put(key: Key(validated: Array("/a".utf8)), value: [1])), timestamp: 1)
        return state
    }

    // Receiving

    @Test func chunksAreAnsweredWhenStagedAndTheLastWhenInstalled() {
        let test = NodeUnderTest()
        let state = filled()
        test.install(chunk(of: state, at: position(1, 9), term: 1, sequence: 0, isLast: false))
        test.persist()
        #expect(test.replies.all.isEmpty)
        #expect(test.disk.staged.count == 1)
        test.process(.snapshotStaged)
        #expect(reply(test)?.nextSequence == 1)
        test.install(chunk(of: state, at: position(1, 9), term: 1, sequence: 1, isLast: true))
        test.process(.snapshotStaged)
        #expect(test.disk.installs == [position(1, 9)])
        #expect(test.replies.all.count == 1)
        test.process(.snapshotInstalled(position(1, 9), state))
        #expect(reply(test)?.isInstalled == true)
        #expect(test.node.lastApplied == LogIndex(9))
        #expect(test.log.last == position(1, 9))
        #expect(test.node.metadata.keyCount == 1)
    }

    @Test("a transfer that breaks off holds up no checkpoint of what comes by the log")
    func checkpointsGoOnBesideATransfer() {
        let test = NodeUnderTest { $0.checkpointEntries = 1 }
        test.install(chunk(of: filled(), at: position(1, 9), term: 1, sequence: 0, isLast: false))
        test.persist()
        test.process(.snapshotStaged)
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        test.persist()
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 1)])
    }

    @Test func aChunkOutOfOrderStartsAgain() {
        let test = NodeUnderTest()
        test.install(chunk(of: filled(), at: position(1, 9), term: 1, sequence: 1, isLast: true))
        test.persist()
        #expect(reply(test)?.nextSequence == 0)
        #expect(reply(test)?.isInstalled == false)
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)])
        #expect(test.log.last == position(1, 1), "the log is open again")
    }

    @Test func aRejectedSnapshotLeavesEverythingAsItWas() throws {
        let test = NodeUnderTest()
        test.install(try lastChunk(of: MetadataStateMachine(), at: position(1, 9), term: 1))
        test.process(.snapshotStaged)
        test.process(.snapshotRejected("wrong digest"))
        #expect(reply(test)?.isInstalled == false)
        #expect(test.node.lastApplied == .zero)
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        #expect(test.node.lastApplied == LogIndex(1))
    }

    @Test func whileItInstallsEntriesAreRefusedAndAnOldCheckpointWaits() throws {
        let test = NodeUnderTest { $0.checkpointEntries = 1 }
        test.install(try lastChunk(of: MetadataStateMachine(), at: position(1, 9), term: 1))
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        #expect(test.log.last == .zero)
        #expect(test.disk.checkpoints.isEmpty)
    }

    @Test func aTransferThatStopsHalfWayDoesNotStopCheckpoints() {
        let test = NodeUnderTest { $0.checkpointEntries = 1 }
        test.install(chunk(of: filled(), at: position(1, 9), term: 1, sequence: 0, isLast: false))
        test.process(.snapshotStaged)
        test.append(from: 2, term: 1, behind: .zero, [putEntry(1, term: 1)], commit: LogIndex(1))
        test.persist()
        #expect(test.disk.checkpoints.map(\.position) == [position(1, 1)])
    }

    // Sending

    /// A leader whose follower 3, which answers nothing, lacks what was compacted.
    private func leader(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = NodeUnderTest { settings in
            settings.checkpointEntries = 1
            settings.retainedEntries = 0
            settings.retainedBytes = 0
            adjust(&settings)
        }.elected()
        checkpoint(test, times: 4)
        return test
    }

    /// One whose follower 3 is there again, and is being sent a snapshot.
    private func sender(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = leader(adjust)
        answerHeartbeat(test)
        return test
    }

    private func checkpoint(_ test: NodeUnderTest, times: Int) {
        for _ in 0..<times {
            test.put("/k\(test.log.last.index)")
            test.settle()
            if let last = test.disk.checkpoints.last { test.process(.checkpointed(last.position.index)) }
        }
    }

    /// Follower 3 is empty, or has the log up to `match`.
    private func answerHeartbeat(_ test: NodeUnderTest, match: LogIndex = .zero) {
        let reply = AppendEntriesReply(term: test.node.raft.currentTerm, success: true, matchIndex: match)
        test.process(.peerReply(.appendEntriesReply(reply, from: NodeID(3), previous: match), from: .member(3)))
    }

    private func answer(_ test: NodeUnderTest, next: UInt64, isInstalled: Bool = false) throws {
        let reply = InstallSnapshotReply(term: test.node.raft.currentTerm, nextSequence: next, isInstalled: isInstalled)
        let position = try #require(test.network.chunks.last).lastIncluded
        test.process(
            .peerReply(.installSnapshotReply(reply, from: NodeID(3), lastIncluded: position), from: .member(3)))
    }

    /// A read of everything, and a line in the log, for somebody who is not up yet.
    @Test func noSnapshotIsBegunBeforeTheFollowerAnswers() throws {
        let test = leader()
        test.advance(milliseconds: 1500)
        test.settle()
        #expect(test.network.chunks.isEmpty && test.node.senders.isEmpty)
        answerHeartbeat(test)
        #expect(test.network.chunks.map(\.sequence) == [0])
        test.process(.peerReply(.snapshotFailed(to: NodeID(3)), from: nil))
        test.process(.peerReply(.unreachable(NodeID(3)), from: nil))
        test.advance(milliseconds: 1500)
        #expect(test.node.senders.isEmpty)
    }

    @Test func chunksGoOutOneByOneOfTheStateAsItWas() throws {
        let test = sender { $0.snapshotChunkBytes = 1 }
        let (digest, rows) = (test.node.metadata.digest, test.node.metadata.keyCount)
        let position = LogPosition(term: test.node.raft.currentTerm, index: test.node.lastApplied)
        for number in 0..<rows {
            #expect(test.network.chunks.map(\.sequence) == (0...UInt64(number)).map { $0 })
            checkpoint(test, times: 1)
            try answer(test, next: UInt64(number) + 1)
        }
        let chunks = try test.network.chunks.map { try SnapshotChunk(decoding: $0.data) }
        #expect(test.network.chunks.map(\.isLast) == chunks.map(\.rows.isEmpty))
        #expect(test.network.chunks.allSatisfy { $0.lastIncluded == position })
        #expect(chunks.flatMap(\.rows).count == rows && chunks.last?.rows.isEmpty == true)
        var state = MetadataStateMachine(counters: try #require(chunks[0].header).counters)
        for row in chunks.flatMap(\.rows) { try state.restore(row) }
        try state.finishRestoration()
        #expect(state.digest == digest && chunks[0].header?.digest == digest)
        try answer(test, next: 0, isInstalled: true)
        #expect(test.node.senders.isEmpty && test.node.measure().snapshotsSent == 1)
    }

    @Test func aTransferIsGivenUp() throws {
        for end in ["cut off", "no progress", "wrong chunk", "deposed"] {
            let test = sender { $0.snapshotTimeout = .milliseconds(3000) }
            #expect(test.node.senders.count == 1)
            switch end {
            case "cut off": test.process(.peerReply(.snapshotFailed(to: NodeID(3)), from: nil))
            case "no progress": test.advance(milliseconds: 3001)
            case "wrong chunk": try answer(test, next: 7)
            default: test.append(from: 2, term: 9, behind: .zero)
            }
            #expect(test.node.senders.isEmpty, "\(end)")
        }
    }

    /// However long it takes: each answered chunk is progress. And a data lane that broke says nothing about it.
    @Test func aTransferLastsAsLongAsItGoesOn() throws {
        let test = sender {
            $0.snapshotTimeout = .milliseconds(3000)
            $0.snapshotChunkBytes = 1
        }
        for number in 1...3 {
            test.advance(milliseconds: 2500)
            test.settle()
            test.process(.peerReply(.unreachable(NodeID(3)), from: nil))
            try answer(test, next: UInt64(number))
            #expect(test.network.chunks.count == number + 1)
        }
    }

    /// What a deposed leader answers late must not go out in the name of a term that it does not lead.
    @Test func aDeposedLeaderSendsNoMoreChunks() throws {
        let test = sender { $0.snapshotChunkBytes = 1 }
        let sent = test.network.chunks.count
        test.append(from: 2, term: 9, behind: .zero)
        try answer(test, next: 1)
        #expect(test.network.chunks.count == sent)
    }

    // The log for those who are behind

    /// From the snapshot on, and after it, until the follower has what there is.
    @Test func theLogIsKeptForWhoeverCatchesUp() throws {
        let test = sender()
        let held = try #require(test.network.chunks.first).lastIncluded.index
        checkpoint(test, times: 3)
        #expect(test.log.base.index <= held)
        try answer(test, next: 1)
        try answer(test, next: 0, isInstalled: true)
        answerHeartbeat(test, match: held)
        checkpoint(test, times: 3)
        #expect(test.log.base.index <= held)
        answerHeartbeat(test, match: test.log.last.index)
        checkpoint(test, times: 2)
        #expect(test.log.base.index > held)
    }

    @Test func aFollowerThatIsSilentHoldsNothingBack() throws {
        let test = sender()
        let held = try #require(test.network.chunks.first).lastIncluded.index
        test.process(.peerReply(.snapshotFailed(to: NodeID(3)), from: nil))
        test.process(.peerReply(.unreachable(NodeID(3)), from: nil))
        for _ in 0..<4 {
            test.advance(milliseconds: 1500)
            test.settle()
        }
        checkpoint(test, times: 3)
        #expect(test.log.base.index > held)
    }

    /// The log is in memory: beyond the bound it goes, and another snapshot is due.
    @Test func theLogForThoseBehindHasABound() throws {
        let test = sender { settings in
            settings.catchUpBytes = 20 * 1200
        }
        let held = try #require(test.network.chunks.first).lastIncluded.index
        checkpoint(test, times: 15)
        #expect(test.log.base.index <= held)
        checkpoint(test, times: 15)
        #expect(test.log.base.index > held)
        #expect(test.log.last.index.number - test.log.base.index.number <= 22)
    }
}
