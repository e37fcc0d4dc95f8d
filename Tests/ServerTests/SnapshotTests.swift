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

    /// A leader whose follower 3 needs what was compacted.
    private func sender(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = NodeUnderTest { settings in
            settings.checkpointEntries = 1
            settings.retainedEntries = 0
            settings.retainedBytes = 0
            adjust(&settings)
        }.elected()
        for number in 0..<4 {
            test.put("/k\(number)")
            test.settle()
            if let last = test.disk.checkpoints.last { test.process(.checkpointed(last.position.index)) }
        }
        test.advance(milliseconds: 1500)
        test.settle()
        return test
    }

    private func description(_ test: NodeUnderTest) -> SnapshotDescription {
        let last = test.disk.checkpoints[test.disk.checkpoints.count - 1]
        return SnapshotDescription(position: last.position, counters: last.counters, digest: last.digest)
    }

    private func answer(_ test: NodeUnderTest, next: UInt64, isInstalled: Bool = false) {
        let reply = InstallSnapshotReply(term: test.node.raft.currentTerm, nextSequence: next, isInstalled: isInstalled)
        test.process(
            .peerReply(
                .installSnapshotReply(reply, from: NodeID(3), lastIncluded: description(test).position),
                from: .member(3)))
    }

    @Test func chunksGoOutOneByOne() {
        let test = sender()
        #expect(test.disk.snapshotCalls == ["open 3"])
        test.process(.snapshotOpened(for: NodeID(3), description(test)))
        #expect(test.disk.snapshotCalls == ["open 3", "read 3"])
        let row = Row.keyValue(
            KeyValue(key: Key(validated: Array("/a".utf8)), value: [], createRevision: 1, modRevision: 1, version: 1))
        test.process(.snapshotRead(for: NodeID(3), [row]))
        #expect(test.network.chunks.map(\.sequence) == [0])
        answer(test, next: 1)
        test.process(.snapshotRead(for: NodeID(3), []))
        #expect(test.network.chunks.map(\.isLast) == [false, true])
        answer(test, next: 0, isInstalled: true)
        #expect(test.disk.snapshotCalls.last == "close 3")
        #expect(test.node.measure().snapshotsSent == 1)
    }

    @Test func aTransferIsGivenUp() {
        for end in ["unreachable", "unreadable", "late", "wrong chunk", "deposed"] {
            let test = sender { $0.snapshotTimeout = .milliseconds(3000) }
            test.process(.snapshotOpened(for: NodeID(3), description(test)))
            test.process(.snapshotRead(for: NodeID(3), []))
            switch end {
            case "unreachable": test.process(.peerReply(.unreachable(NodeID(3)), from: nil))
            case "unreadable": test.process(.snapshotUnreadable(for: NodeID(3), "gone"))
            case "late": test.advance(milliseconds: 3001)
            case "wrong chunk": answer(test, next: 7)
            default: test.append(from: 2, term: 9, behind: .zero)
            }
            #expect(test.disk.snapshotCalls.last == "close 3", "\(end)")
            #expect(test.node.senders.isEmpty, "\(end)")
        }
    }

    /// What a deposed leader reads late must not go out in the name of a term that it does not lead.
    @Test func aDeposedLeaderSendsNoMoreChunks() {
        let test = NodeUnderTest()
        test.elect()
        test.node.startSnapshot(to: NodeID(3))
        let state = MetadataStateMachine()
        test.process(
            .snapshotOpened(
                for: NodeID(3),
                SnapshotDescription(position: position(0, 0), counters: state.counters, digest: state.digest)))
        test.append(from: 2, term: 9, behind: .zero)
        test.process(.snapshotRead(for: NodeID(3), []))
        #expect(test.network.chunks.isEmpty)
    }

    private func checkpointThrice(_ test: NodeUnderTest) {
        for _ in 0..<3 {
            test.put("/more")
            test.settle()
            if let last = test.disk.checkpoints.last { test.process(.checkpointed(last.position.index)) }
        }
    }

    @Test func aSnapshotHoldsBackCompactionUntilItIsDone() {
        let test = sender()
        test.process(.snapshotOpened(for: NodeID(3), description(test)))
        let held = description(test).position.index
        checkpointThrice(test)
        #expect(test.log.base.index <= held)
        test.process(.peerReply(.unreachable(NodeID(3)), from: nil))
        checkpointThrice(test)
        #expect(test.log.base.index > held)
    }
}
