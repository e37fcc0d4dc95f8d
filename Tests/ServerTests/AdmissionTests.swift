import Raft
import Storage
import Testing
import Wire

@testable import Server

/// What follows from what the others say of themselves.
@Suite struct AdmissionTests {
    private static let start = Instant(nanoseconds: 1_000_000_000)
    private static let patience: Duration = .seconds(10)

    private func admission(
        _ bootstrap: Bootstrap = .auto, mayTakePlace: Bool = false, answers: [UInt64: Admission.Answer] = [:]
    ) -> Admission {
        var admission = Admission(
            startedAt: Self.start, patience: Self.patience, bootstrap: bootstrap, mayTakePlace: mayTakePlace)
        for (peer, answer) in answers { admission.heard(answer, from: NodeID(peer)) }
        return admission
    }

    private func step(
        _ admission: Admission, _ identity: NodeIdentity, after wait: Duration = .zero, reach: LogPosition = .zero,
        isConfigured: Bool = false
    ) -> Admission.Step {
        admission.step(
            of: identity, at: Self.start.advanced(by: wait), reach: reach, hasLeader: false, isConfigured: isConfigured)
    }

    private func empty(_ id: UInt64, of count: Int = 3) -> NodeIdentity {
        var identity = NodeIdentity.member(id, of: count)
        identity.clusterID = nil
        identity.electors = []
        for position in identity.members.indices { identity.members[position].isAdmitted = false }
        return identity
    }

    /// What a node that stands so says, changed a little.
    private func says(_ identity: NodeIdentity, _ change: (inout Introduction) -> Void = { _ in }) -> Admission.Answer {
        var introduction = Introduction.of(identity.node, of: identity.members.count)
        introduction.cluster = identity.clusterID
        introduction.members = identity.members
        introduction.electors = identity.electors
        introduction.isSettled = identity.isSettled
        introduction.speaker.isAdmitted = identity.isAdmitted
        change(&introduction)
        return .introduced(introduction)
    }

    private func isWaiting(_ step: Admission.Step) -> Bool {
        if case .wait = step { true } else { false }
    }

    // The birth of a cluster

    @Test func threeEmptyNodesBeginAtOnceByTheWordOfTheLowest() {
        let one = admission(answers: [2: says(empty(2)), 3: says(empty(3))])
        #expect(step(one, empty(1)) == .found(founders: [NodeID(1), NodeID(2), NodeID(3)]))
        let two = admission(answers: [1: says(empty(1)), 3: says(empty(3))])
        #expect(step(two, empty(2)) == .wait("node 1 starts the cluster"))
    }

    @Test func twoOfThreeBeginWhenTheThirdWasSilentForTwiceTheElectionTimeout() {
        let one = admission(answers: [2: says(empty(2))])
        #expect(isWaiting(step(one, empty(1), after: .seconds(9))))
        #expect(step(one, empty(1), after: Self.patience) == .found(founders: [NodeID(1), NodeID(2)]))
        #expect(isWaiting(step(admission(), empty(1), after: .seconds(60))), "one of three is no majority")
    }

    @Test func whoHasNotWrittenDownThisNodeIsNotCounted() {
        var other = empty(2)
        other[NodeID(1)]?.directory = nil
        #expect(isWaiting(step(admission(answers: [2: says(other), 3: says(empty(3))]), empty(1))))
    }

    @Test func neverWaitsAndForceDoesNot() {
        let heard: [UInt64: Admission.Answer] = [2: says(empty(2)), 3: says(empty(3))]
        #expect(isWaiting(step(admission(.never, answers: heard), empty(1), after: .seconds(100))))
        let gone: [UInt64: Admission.Answer] = [2: .absent, 3: .absent]
        #expect(step(admission(.force, answers: gone), empty(1)) == .found(founders: [NodeID(1)]))
        #expect(isWaiting(step(admission(.force), empty(1))), "whoever may be there is given the time to say so")
    }

    @Test func oneAloneBegins() { #expect(step(admission(), empty(1, of: 1)) == .found(founders: [NodeID(1)])) }

    // The way into a cluster that lives

    /// Node 3 on a directory that was not there when the cluster was born.
    private func joining(electors: [UInt64], generation: UInt64 = 0) -> NodeIdentity {
        var identity = NodeIdentity.member(3, of: 3)
        identity.electors = electors.map { NodeID($0) }
        identity[NodeID(3)]?.isAdmitted = false
        identity[NodeID(3)]?.generation = generation
        return identity
    }

    /// Node `id` of the cluster, which knows node 3 as `known`.
    private func member(_ id: UInt64, knows known: KnownMember, _ change: (inout Introduction) -> Void = { _ in })
        -> Admission.Answer
    {
        var identity = NodeIdentity.member(id, of: 3)
        identity[NodeID(3)] = known
        return says(identity, change)
    }

    private let written = KnownMember(
        id: NodeID(3), directory: .of(NodeID(3)), isAdmitted: false, run: .of(NodeID(3)))

    @Test func aNewcomerHasItsVoteWhenAMajorityOfTheElectorsKnowsIt() {
        let one = member(1, knows: written) { $0.reach = position(4, 40) }
        let two = member(2, knows: written) {
            $0.reach = position(3, 90)
            $0.term = Term(6)
        }
        #expect(isWaiting(step(admission(answers: [1: one]), joining(electors: [1, 2]))))
        #expect(
            step(admission(answers: [1: one, 2: two]), joining(electors: [1, 2]))
                == .admit(floor: position(4, 40), spentTerm: Term(6)))
        #expect(
            step(admission(answers: [1: one]), joining(electors: [1]))
                == .admit(floor: position(4, 40), spentTerm: .zero))
    }

    @Test func aFounderHasItsVoteByOneWord() {
        var known = written
        known.isAdmitted = true
        #expect(
            step(admission(answers: [1: member(1, knows: known)]), joining(electors: [1, 2, 3]))
                == .admit(floor: .zero, spentTerm: .zero))
    }

    @Test func anEmptiedDirectoryWaitsForItsOperator() {
        var before = written
        before.directory?.low += 1
        let answers: [UInt64: Admission.Answer] = [
            1: member(1, knows: before) { $0.reach = position(4, 40) }, 2: member(2, knows: before),
        ]
        guard
            case .wait(let text?) = step(
                admission(answers: answers), joining(electors: [1, 2, 3]), after: .seconds(60))
        else {
            Issue.record("it does not wait")
            return
        }
        #expect(text.contains("--kraft.rejoin=\(DirectoryID.of(NodeID(3)))"))
        #expect(
            step(admission(mayTakePlace: true, answers: answers), joining(electors: [1, 2, 3]))
                == .takePlace(generation: 1))
        var after = written
        after.generation = 1
        let taken: [UInt64: Admission.Answer] = [
            1: member(1, knows: after) { $0.reach = position(4, 40) }, 2: member(2, knows: after),
        ]
        #expect(
            step(admission(mayTakePlace: true, answers: taken), joining(electors: [1, 2, 3], generation: 1))
                == .admit(floor: position(4, 40), spentTerm: .zero))
        #expect(
            isWaiting(
                step(
                    admission(mayTakePlace: true, answers: [1: taken[1]!]), joining(electors: [1, 2, 3], generation: 1))
            ),
            "one of two others may not know what was committed")
    }

    // A changed list

    @Test func nobodyVotesByANewListBeforeAMajorityOfTheOldOneGoesByIt() {
        var identity = NodeIdentity.member(3, of: 5)
        identity.electors = [1, 2, 3].map { NodeID($0) }
        identity.isSettled = false
        func old(_ id: UInt64) -> Admission.Answer {
            var other = NodeIdentity.member(id, of: 5)
            other.electors = identity.electors
            other.isSettled = false
            return says(other) {
                $0.reach = position(2, 20 + id)
                $0.term = Term(id)
            }
        }
        #expect(isWaiting(step(admission(answers: [4: old(4), 5: old(5)]), identity, after: .seconds(60))))
        #expect(
            step(admission(answers: [2: old(2)]), identity, reach: position(2, 7))
                == .settle(floor: position(2, 22), spentTerm: Term(2)))
    }

    // The vote of a start

    @Test func aStartVotesWhenEverybodyKnowsItOrIsAway() {
        let identity = NodeIdentity.member(1, of: 3)
        var unaware = NodeIdentity.member(2, of: 3)
        unaware[NodeID(1)]?.run = .of(NodeID(1), number: 4)
        #expect(isWaiting(step(admission(answers: [2: says(unaware), 3: .absent]), identity)))
        #expect(isWaiting(step(admission(answers: [2: says(.member(2, of: 3))]), identity)))
        #expect(step(admission(answers: [2: says(.member(2, of: 3)), 3: .absent]), identity) == .grantVote)
        #expect(step(admission(answers: [2: says(.member(2, of: 3))]), identity, after: Self.patience) == .grantVote)
    }

    /// Node `id` of five, as it knows node 1: on the directory before, which its log ends with.
    private func behind(_ id: UInt64, reach: LogPosition = position(3, 20)) -> Admission.Answer {
        var identity = NodeIdentity.member(id, of: 5)
        identity[NodeID(1)] = KnownMember(
            id: NodeID(1), directory: .of(NodeID(9)), isAdmitted: true, run: .of(NodeID(1), number: 9))
        return says(identity) { $0.reach = reach }
    }

    /// It was let in on this directory while node 2 was away, by an entry that this start's vote may be needed to send there.
    @Test func whoKnowsOnlyTheDirectoryBeforeForWantOfEntriesIsNotWaitedFor() {
        let identity = NodeIdentity.member(1, of: 5)
        let reach = position(4, 40)
        let aware = says(.member(3, of: 5)) { $0.reach = reach }
        let heard = admission(answers: [2: behind(2), 3: aware, 4: .absent, 5: behind(5)])
        #expect(isWaiting(step(heard, identity, reach: reach, isConfigured: true)), "it may be sent the entry yet")
        #expect(step(heard, identity, after: Self.patience, reach: reach, isConfigured: true) == .grantVote)
        #expect(
            isWaiting(step(heard, identity, after: .seconds(60), reach: reach)),
            "by a list no log says whose directory is the later")
    }

    /// It does not know it at all: the entry that added it is missing there.
    @Test func whoHasNotHeardOfAMemberForWantOfEntriesIsNotWaitedFor() {
        let reach = position(4, 40)
        var before = NodeIdentity.member(2, of: 5)
        before.members.removeFirst()
        let heard = admission(answers: [2: says(before), 3: says(.member(3, of: 5)) { $0.reach = reach }])
        #expect(
            step(heard, .member(1, of: 5), after: Self.patience, reach: reach, isConfigured: true) == .grantVote)
    }

    @Test func theWordOfWhoIsBehindCountsWhereItMaySayMore() {
        let reach = position(4, 40)
        let aware = says(.member(3, of: 5)) { $0.reach = reach }
        func waits(_ admission: Admission, _ identity: NodeIdentity = .member(1, of: 5)) -> Bool {
            isWaiting(step(admission, identity, after: .seconds(60), reach: reach, isConfigured: true))
        }
        #expect(waits(admission(answers: [2: behind(2)])), "nobody else knows this start: this may be an old copy")
        #expect(waits(admission(answers: [2: behind(2, reach: reach), 3: aware])), "its log has all that is here")
        #expect(waits(admission(answers: [2: behind(2, reach: position(5, 30)), 3: aware])), "and later entries")
        var other = NodeIdentity.member(3, of: 5)
        other[NodeID(1)]?.run = .of(NodeID(1), number: 4)
        #expect(waits(admission(answers: [2: behind(2), 3: says(other)])), "it knows the directory, and not the start")
        var guest = NodeIdentity.member(1, of: 5)
        guest[NodeID(1)]?.isAdmitted = false
        #expect(waits(admission(answers: [2: behind(2), 3: aware]), guest), "it was not let in")
        var rivalled = admission(answers: [2: behind(2), 3: aware])
        _ = rivalled.isRivalled(true, by: NodeID(2), askedAt: Self.start, at: Self.start)
        #expect(waits(rivalled), "another process on these data is heard there")
    }

    /// Ended before it had anything of the cluster that it was added to: its services file lists more than the members.
    @Test func whoJustJoinedAClusterWithMembersInItsLogGoesByThose() throws {
        var recovered = RecoveredNode(identity: .member(2, of: 2))
        recovered.identity.electors = []
        recovered.identity[NodeID(2)]?.isAdmitted = false
        let list = (1...3).map { NodeID($0) }
        let started = try recovered.identityAtStart(members: list, nonce: 1, newDirectory: .of(NodeID(9)))
        #expect(started.ids == [NodeID(1), NodeID(2)])
        recovered.identity.electors = [NodeID(1)]
        #expect(throws: StorageError.self, "of a list it knows the electors, and another list is a mistake") {
            try recovered.identityAtStart(members: list, nonce: 1, newDirectory: .of(NodeID(9)))
        }
    }

    // Contradictions

    @Test func aNodeThatIsOutvotedAboutTheListStops() {
        let identity = NodeIdentity.member(1, of: 3)
        let other = says(.member(2, of: 5))
        guard case .stop(let text) = step(admission(answers: [2: other, 3: says(.member(3, of: 5))]), identity) else {
            Issue.record("it does not stop")
            return
        }
        #expect(text.contains("1, 2, 3") && text.contains("1, 2, 3, 4, 5"))
        #expect(isWaiting(step(admission(answers: [2: other]), identity)), "one of two others may be the odd one")
    }

    /// Wherever each of them has its members: in a list, or in the log.
    @Test(arguments: [false, true], [false, true])
    func dataOfAnotherClusterSayWhichIsTheOlder(isConfigured: Bool, areOthersConfigured: Bool) {
        let identity = NodeIdentity.member(1, of: 3)
        let other: (UInt64) -> Admission.Answer = { id in
            self.says(.member(id, of: 3)) {
                $0.cluster = String(repeating: "f", count: 32)
                $0.bornAt = 1_732_000_000_000
                $0.reach = position(1, 1)
                guard areOthersConfigured else { return }
                $0.abilities = Introduction.Abilities(configuration: LogIndex(1), features: [], build: "1.0")
            }
        }
        guard
            case .stop(let text) = step(
                admission(answers: [2: other(2), 3: other(3)]), identity, reach: position(1, 1),
                isConfigured: isConfigured)
        else {
            Issue.record("it does not stop")
            return
        }
        #expect(text.contains("This node's is the older") && text.contains(NodeIdentity.sampleCluster))
    }
}
