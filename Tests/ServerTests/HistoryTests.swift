import Metadata
import Raft
import Testing
import Wire

@testable import Server

/// What keys were: from when it is kept, and how much of it.
@Suite struct HistoryTests {
    private func alone(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        NodeUnderTest(members: 1, adjust).elected()
    }

    private func types(_ test: NodeUnderTest) -> [String] {
        (test.log.base.index.number..<test.log.last.index.number).map { test.log[LogIndex($0 + 1)].type }
    }

    private func compactions(_ test: NodeUnderTest) -> [String] { types(test).filter { $0 == "CompactionCommand" } }

    @Test func aNewClusterBeginsWithWhatItsMembersCan() {
        let test = alone()
        #expect(types(test) == ["NOOP", Command.levelType])
        #expect(test.node.metadata.counters.level == MetadataStateMachine.levels.upperBound)
        // Members that are not known to have it do not get it.
        #expect(NodeUnderTest().elected().node.metadata.counters.level == 1)
    }

    @Test func aClusterWithDataIsRaisedByItsOperatorOnly() {
        let test = NodeUnderTest(members: 1) { $0.newClusterLevel = 1 }.elected()
        test.put("/a")
        test.settle()
        test.submit(.compactHistory(through: 1))
        #expect(test.writes.all.last == .failure(.levelTooLow(needed: 2)))
        #expect(compactions(test).isEmpty, "what a release before does not know must not get into its log")
        let answers = Answers<Result<MembershipProgress, MembershipFailure>>()
        test.process(
            .changeMembers(MembershipRequest(.setFeature("metadata.version", level: 2))) { answers.add($0) })
        test.settle()
        #expect(answers.all == [.success(.done)])
        #expect(test.node.metadata.keepsHistory && test.node.metadata.oldestRevision == 1)
    }

    @Test func aMemberThatIsNotHeardHoldsTheLevelBack() {
        let test = NodeUnderTest().elected()
        let answers = Answers<Result<MembershipProgress, MembershipFailure>>()
        test.process(
            .changeMembers(MembershipRequest(.setFeature("metadata.version", level: 2))) { answers.add($0) })
        guard case .failure(.refused(.unsupportedLevel, _))? = answers.all.first else {
            return #expect(Bool(false), "\(answers.all)")
        }
        #expect(!types(test).contains(Command.levelType))
    }

    @Test func anEntryOfANewerReleaseEndsTheNode() {
        let test = NodeUnderTest()
        let (type, data) = CommandCodec.encode(.raiseLevel(to: MetadataStateMachine.levels.upperBound + 1))
        let entry = LogEntry(index: LogIndex(1), term: Term(1), type: type, data: data, timestamp: 1)
        test.append(from: 2, term: 1, behind: .zero, [entry, putEntry(2, term: 1)], commit: LogIndex(2))
        test.persist()
        test.append(from: 2, term: 1, behind: position(1, 2), commit: LogIndex(2))
        #expect(test.failed.count == 1)
        #expect("\(test.failed)".contains("metadata.version"))
        #expect(test.node.lastApplied == .zero, "nothing behind it is applied")
    }

    @Test func whatTakesTooMuchIsGivenUp() {
        let test = alone { $0.historyBytes = 20_000 }
        for number in 0..<400 {
            test.put("/a", "\(number)")
            test.settle()
        }
        #expect(test.node.metadata.history.byteCount <= 20_000)
        #expect((1...8).contains(compactions(test).count), "not one for each write")
        #expect(test.node.metadata.oldestRevision > 200)
    }

    @Test func whatIsOldIsGivenUp() {
        let test = alone { $0.historyAge = .seconds(64) }
        for number in 0..<100 {
            test.put("/a", "\(number)")
            test.settle()
            test.advance(milliseconds: 1000)
            test.settle()
        }
        // One write each second: about 64 of them are kept, and never fewer.
        let kept = test.node.metadata.counters.revision - test.node.metadata.oldestRevision
        #expect((63...67).contains(kept), "\(kept)")
        for _ in 0..<70 {
            test.advance(milliseconds: 1000)
            test.settle()
        }
        #expect(test.node.metadata.oldestRevision == 101, "all of it, though nobody writes")
    }
}
