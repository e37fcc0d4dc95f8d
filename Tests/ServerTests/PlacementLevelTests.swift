import Metadata
import Raft
import Testing
import Wire

@testable import Server

/// Feature placement.version: an operator raises it, once all members can.
@Suite struct PlacementLevelTests {
    private func raise(_ test: NodeUnderTest, to level: Int = 2) -> Result<MembershipProgress, MembershipFailure>? {
        let answers = Answers<Result<MembershipProgress, MembershipFailure>>()
        test.process(
            .changeMembers(MembershipRequest(.setFeature("placement.version", level: level))) { answers.add($0) })
        test.settle()
        return answers.all.last
    }

    private func refusal(_ result: Result<MembershipProgress, MembershipFailure>?) -> MembershipFailure.Reason? {
        if case .failure(.refused(let reason, _)) = result { reason } else { nil }
    }

    private func abilities(_ features: [SupportedFeature]) -> Introduction.Abilities {
        Introduction.Abilities(configuration: .zero, features: features, build: "1.0")
    }

    private func introduce(_ features: [SupportedFeature], to test: NodeUnderTest) {
        for id in [NodeID(2), NodeID(3)] {
            var other = Introduction.of(id, of: 3)
            other.abilities = abilities(features)
            test.process(.introduced(to: id, .answered(IntroductionReply(introduction: other, refusal: nil))))
        }
    }

    @Test func aNewClusterPlacesAsTheContractSays() {
        let test = NodeUnderTest(members: 1).elected()
        #expect(test.node.metadata.counters.placementLevel == 1)
        #expect(raise(test) == .success(.done))
        #expect(test.node.metadata.counters.placementLevel == 2)
        #expect(raise(test) == .success(.done), "it is so already")
        #expect(refusal(raise(test, to: 1)) == .unsupportedLevel)
        #expect(refusal(raise(test, to: 3)) == .unsupportedLevel)
    }

    @Test func itNeedsLevelFourOfTheMetadata() {
        let test = NodeUnderTest(members: 1) { $0.newClusterLevel = 3 }.elected()
        let last = test.log.last
        #expect(refusal(raise(test)) == .featureNotEnabled)
        #expect(test.log.last == last, "members that do not know it must not find it in the log")
    }

    @Test func aMemberThatDoesNotSpeakOfItHoldsItBack() {
        let test = NodeUnderTest { $0.newClusterLevel = 4 }.elected()
        introduce([.dynamicQuorum, .metadata], to: test)
        test.process(.timer)
        test.settle()
        test.submit(.raiseLevel(to: 4))
        test.settle()
        #expect(test.node.metadata.counters.level == 4)
        #expect(refusal(raise(test)) == .unsupportedLevel)
        introduce(SupportedFeature.all, to: test)
        #expect(raise(test) == .success(.done))
    }

    @Test func aNewMemberNeedsItOnceItIsRaised() {
        let test = NodeUnderTest(members: 1).elected()
        let silent = abilities([.dynamicQuorum, .metadata])
        #expect(test.node.lacking(silent) == nil, "it does what the first level is")
        #expect(
            test.node.lacking(abilities([.dynamicQuorum]))?.contains(
                "metadata.version \(MetadataStateMachine.levels.upperBound)") == true)
        #expect(raise(test) == .success(.done))
        #expect(test.node.lacking(silent)?.contains("placement.version 2") == true)
        #expect(test.node.lacking(test.node.ownAbilities) == nil)
    }

    @Test func anEntryOfANewerReleaseEndsTheNode() {
        let test = NodeUnderTest()
        let (type, data) = CommandCodec.encode(.raiseLevel(of: .placement, to: 3))
        let entry = LogEntry(index: LogIndex(1), term: Term(1), type: type, data: data, timestamp: 1)
        test.append(from: 2, term: 1, behind: .zero, [entry], commit: LogIndex(1))
        test.persist()
        test.append(from: 2, term: 1, behind: position(1, 1), commit: LogIndex(1))
        #expect("\(test.failed)".contains("placement.version") && test.node.lastApplied == .zero)
    }

    @Test(arguments: Feature.allCases) func aSnapshotOfANewerReleaseEndsTheNode(_ feature: Feature) throws {
        let test = NodeUnderTest()
        var counters = Counters(version: 3)
        counters.level = feature == .metadata ? MetadataStateMachine.levels.upperBound + 1 : 4
        counters.placementLevel = feature == .placement ? 3 : 1
        test.install(try lastChunk(of: MetadataStateMachine(counters: counters), at: position(1, 9), term: 1))
        #expect(test.failed.count == 1 && "\(test.failed)".contains(feature.rawValue))
        #expect(test.replies.all.count == 1, "who sent it is told")
    }
}
