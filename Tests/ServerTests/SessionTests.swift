import Metadata
import Raft
import Testing

@testable import Server

/// Brokers that name their process: who is heard, who may take whose place, who may stop.
@Suite struct SessionTests {
    private static func process(_ letter: Character) -> String { String(repeating: letter, count: 32) }

    /// Brokers 101 and 102, both ACTIVE.
    private func leader() -> NodeUnderTest {
        let test = NodeUnderTest { settings in
            settings.brokerTimeout = .milliseconds(3000)
            settings.brokerCheckInterval = .milliseconds(500)
            settings.requestTimeout = .seconds(600)
        }.elected()
        test.submit(.raiseLevel(to: 3))
        test.settle()
        for broker: BrokerID in [101, 102] {
            _ = register(test, broker, "a")
            _ = beat(test, broker)
        }
        return test
    }

    private func register(
        _ test: NodeUnderTest, _ broker: BrokerID, _ letter: Character?, host: String? = nil,
        successorOf: Character? = nil, cluster: String? = nil
    ) -> RegistrationOutcome? {
        let answers = Answers<Result<RegistrationOutcome, RequestFailure>>()
        let registration = BrokerRegistration(
            RegisterBroker(id: broker, host: host ?? "b\(broker)", port: 8081), incarnation: letter.map(Self.process),
            clusterID: cluster, successorOf: successorOf.map(Self.process))
        test.process(.register(registration) { answers.add($0) })
        test.settle()
        return try? answers.all.last?.get()
    }

    /// Of the present registration, which knows everything, unless it is said otherwise.
    @discardableResult
    private func beat(
        _ test: NodeUnderTest, _ broker: BrokerID, epoch: UInt64? = nil, knows version: UInt64? = nil,
        fence: Bool = false, stop: Bool = false
    ) -> HeartbeatOutcome? {
        test.heartbeat(
            Heartbeat(
                broker: broker, epoch: epoch ?? self.epoch(test, broker),
                metadataVersion: version ?? test.node.metadata.counters.version, wantsFence: fence, wantsShutdown: stop)
        )
        test.settle()
        return try? test.heartbeats.all.last?.get()
    }

    private func state(_ test: NodeUnderTest, _ broker: BrokerID) -> BrokerState? {
        test.node.metadata.broker(broker)?.state
    }

    private func epoch(_ test: NodeUnderTest, _ broker: BrokerID) -> UInt64? {
        test.node.metadata.broker(broker)?.incarnation?.epoch
    }

    private func wait(_ test: NodeUnderTest, milliseconds: Int, beating brokers: BrokerID...) {
        for step in 1...(milliseconds / 50) {
            test.advance(milliseconds: 50)
            guard step % 5 == 0 else { continue }
            for broker in brokers { beat(test, broker) }
            test.settle()
        }
    }

    private func isDuplicate(_ outcome: RegistrationOutcome?) -> Bool {
        if case .duplicate? = outcome { true } else { false }
    }

    // Who is ACTIVE

    @Test func aBrokerIsActiveOnceItKnowsOfItsRegistration() {
        let test = leader()
        _ = register(test, 103, "a")
        let registered = epoch(test, 103)!
        guard case .acknowledged(let early)? = beat(test, 103, knows: registered - 1) else {
            Issue.record("the heartbeat was refused")
            return
        }
        #expect(early.incarnation?.state == .fenced)
        beat(test, 103, knows: registered, fence: true)
        #expect(state(test, 103) == .fenced, "it does not want to be ACTIVE")
        guard case .acknowledged(let answer)? = beat(test, 103, knows: registered) else { return }
        #expect(answer.incarnation?.state == .active && answer.version == test.node.metadata.counters.version)
    }

    @Test func aBrokerIsFencedByItsOwnWishAndBySilence() {
        let test = leader()
        beat(test, 101, fence: true)
        #expect(state(test, 101) == .fenced)
        beat(test, 101)
        #expect(state(test, 101) == .active)
        wait(test, milliseconds: 4000, beating: 101)
        #expect(state(test, 102) == .fenced && state(test, 101) == .active)
        #expect(test.node.measure().brokersExpired == 1)
        beat(test, 102)
        #expect(state(test, 102) == .active)
    }

    /// It is not ONLINE, so it does not expire; it is only not awaited any more.
    @Test func aFencedBrokerThatIsSilentIsToldAgainWhenItComesBack() {
        let test = leader()
        _ = register(test, 103, "a")
        test.takePushes()
        wait(test, milliseconds: 5000, beating: 101, 102)
        #expect(test.node.measure().brokersExpired == 0)
        let told = test.network.pushes.count { $0.broker == 103 }
        beat(test, 103, knows: 0)
        test.takePushes()
        #expect(test.network.pushes.count { $0.broker == 103 } > told)
    }

    // Of two processes

    @Test func aReplacedProcessIsRefusedAndKeepsNobodyAlive() {
        let test = leader()
        let old = epoch(test, 101)!
        _ = register(test, 101, "b", successorOf: "a")
        beat(test, 101)
        let present = epoch(test, 101)!
        for _ in 0..<16 {
            test.advance(milliseconds: 250)
            guard case .refused(.staleBrokerEpoch(101, present))? = beat(test, 101, epoch: old) else {
                Issue.record("an earlier registration is heard")
                return
            }
            beat(test, 102)
        }
        #expect(state(test, 101) == .fenced, "nobody with its epoch was heard")
        #expect(test.node.measure().staleBrokerEpochs == 16)
        // Nor is one heard that names none.
        test.heartbeat(101)
        test.settle()
        guard case .success(.refused(.staleBrokerEpoch))? = test.heartbeats.all.last else {
            Issue.record("a heartbeat without epoch counts")
            return
        }
    }

    @Test func theLagReportOfAReplacedProcessIsRefused() {
        let test = leader()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 1, replicationFactor: 2)))
        test.settle()
        let old = epoch(test, 102)!
        _ = register(test, 102, "b", successorOf: "a")
        beat(test, 102)
        let caughtUp = LagReport.PartitionLag(
            topic: "t", partition: 0, offsetLag: 0, timeSinceCaughtUp: 0, isOutOfSync: false)
        test.process(.lagReport(LagReport(broker: 102, epoch: old, partitions: [caughtUp])) { test.writes.add($0) })
        test.settle()
        #expect(test.writes.all.last == .success(.refused(.staleBrokerEpoch(102, present: epoch(test, 102)))))
        #expect(test.node.metadata.partition("t", 0)?.inSyncReplicas == [101])
        test.process(.lagReport(LagReport(broker: 102, partitions: [caughtUp])) { test.writes.add($0) })
        test.settle()
        #expect(test.writes.all.last == .success(.refused(.staleBrokerEpoch(102, present: epoch(test, 102)))))
        test.process(
            .lagReport(LagReport(broker: 102, epoch: epoch(test, 102), partitions: [caughtUp])) { test.writes.add($0) })
        test.settle()
        #expect(test.node.metadata.partition("t", 0)?.inSyncReplicas == [101, 102])
    }

    // What leaders say of their partitions

    private func alter(
        _ test: NodeUnderTest, _ members: [BrokerID], at partitionEpoch: Int, epoch: UInt64? = nil
    ) -> Result<CommandResult, RequestFailure>? {
        let change = AlterPartitions.Change(
            topic: .name("t"), partition: 0, leaderEpoch: 0, partitionEpoch: partitionEpoch,
            inSync: members.map { AlterPartitions.Member($0) })
        let alteration = AlterPartitions(broker: 101, epoch: epoch ?? self.epoch(test, 101)!, changes: [change])
        test.process(.alterPartitions(alteration) { test.writes.add($0) })
        test.settle()
        return test.writes.all.last
    }

    @Test func whatChangesNothingIsAnsweredWithoutAnEntry() {
        let test = leader()
        guard case .failure(.levelTooLow(needed: 4))? = alter(test, [101], at: 0) else {
            Issue.record("partitions are altered at level 3")
            return
        }
        test.submit(.raiseLevel(to: 4))
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 1, replicationFactor: 2)))
        test.settle()
        _ = alter(test, [101], at: 0)
        #expect(test.node.metadata.partition("t", 0)?.inSyncReplicas == [101])
        let last = test.node.raft.log.last
        let (repeated, flawed) = (alter(test, [101], at: 0), alter(test, [101, 102], at: 0))
        let topic = test.node.metadata.topic("t")!
        let version = test.node.metadata.counters.version
        let present = PartitionResult(topic: topic.0, partition: .success(topic.1[0]))
        #expect(repeated == .success(.partitions([present], version: version)))
        let flaw = PartitionResult(
            topic: topic.0, partition: .failure(.invalidPartitionEpoch(present: 1)))
        #expect(flawed == .success(.partitions([flaw], version: version)))
        let stale = alter(test, [101, 102], at: 1, epoch: 77)
        #expect(stale == .success(.refused(.staleBrokerEpoch(101, present: epoch(test, 101)))))
        #expect(test.node.raft.log.last == last)
        _ = alter(test, [101, 102], at: 1)
        #expect(test.node.metadata.partition("t", 0)?.inSyncReplicas == [101, 102])
    }

    @Test func aConditionIsNotPassedOverBelowItsLevel() {
        let test = leader()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 1, replicationFactor: 2)))
        test.settle()
        test.submit(.deleteTopic(DeleteTopic("t", id: TopicID(high: 1, low: 1))))
        test.settle()
        #expect(test.writes.all.last == .failure(.levelTooLow(needed: 4)))
        #expect(test.node.metadata.topic("t") != nil)
    }

    @Test func whatTheOthersCouldNotTakeIsNotProposed() {
        let test = leader()
        test.submit(.raiseLevel(to: 4))
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 1, replicationFactor: 2)))
        test.settle()
        let members = (1...1000).map { AlterPartitions.Member(BrokerID($0), epoch: 9_007_199_254_740_991) }
        let flawed = AlterPartitions.Change(
            topic: .name("t"), partition: 9, leaderEpoch: 0, partitionEpoch: 0, inSync: members)
        let right = AlterPartitions.Change(
            topic: .name("t"), partition: 0, leaderEpoch: 0, partitionEpoch: 0, inSync: [AlterPartitions.Member(101)])
        let last = test.node.raft.log.last
        let alteration = AlterPartitions(
            broker: 101, epoch: epoch(test, 101)!, changes: [right] + Array(repeating: flawed, count: 60))
        test.process(.alterPartitions(alteration) { test.writes.add($0) })
        test.settle()
        #expect(test.writes.all.last == .failure(.commandTooLarge(limit: 2_031_616)))
        #expect(test.node.raft.log.last == last)
    }

    @Test func anotherProcessWaitsForTheSessionToEnd() {
        let test = leader()
        wait(test, milliseconds: 1000)
        guard case .duplicate(let broker, let remaining)? = register(test, 101, "b") else {
            Issue.record("the id was taken")
            return
        }
        #expect(broker.id == 101 && remaining == .milliseconds(2000))
        wait(test, milliseconds: 3000, beating: 102)
        #expect(state(test, 101) == .fenced)
        guard case .registered(_, isNew: true)? = register(test, 101, "b") else {
            Issue.record("nobody has the id any more")
            return
        }
    }

    /// FENCED and alive: it just registered.
    @Test func aFencedProcessThatIsHeardKeepsItsId() {
        let test = leader()
        _ = register(test, 103, "a")
        #expect(isDuplicate(register(test, 103, "b")))
        #expect(isDuplicate(register(test, 103, nil)))
        wait(test, milliseconds: 4000, beating: 101, 102)
        #expect(!isDuplicate(register(test, 103, "b")))
    }

    @Test func whoIsFencedByItsOwnWishKeepsItsId() {
        let test = leader()
        beat(test, 101, fence: true)
        #expect(isDuplicate(register(test, 101, "b")))
        let told = test.network.pushes.count { $0.broker == 101 }
        test.register(104)
        test.takePushes()
        #expect(test.network.pushes.count { $0.broker == 101 } > told, "it is told what changes")
    }

    @Test func theSameProcessMayRepeatItself() {
        let test = leader()
        let before = epoch(test, 101)
        #expect(register(test, 101, "a") == .registered(test.node.metadata.broker(101)!, isNew: false))
        #expect(epoch(test, 101) == before)
    }

    @Test func aProofIsOfTheProcessThatIsRegistered() {
        let test = leader()
        #expect(isDuplicate(register(test, 101, "b", successorOf: "c")))
        #expect(!isDuplicate(register(test, 101, "b", successorOf: "a")))
    }

    @Test func whoHasNoIncarnationIsReplacedAtItsAddress() {
        let test = leader()
        test.register(104)
        #expect(isDuplicate(register(test, 104, "a", host: "elsewhere")))
        #expect(!isDuplicate(register(test, 104, "a")))
        #expect(state(test, 104) == .fenced)
    }

    @Test func anotherClustersBrokerIsRefused() {
        let test = leader()
        let here = test.node.metadata.counters.clusterID
        #expect(register(test, 105, "a", cluster: Self.process("f")) == .otherCluster(here))
        #expect(test.node.metadata.broker(105) == nil)
        guard case .registered? = register(test, 105, "a", cluster: here) else {
            Issue.record("it is this cluster's")
            return
        }
    }

    @Test func belowTheLevelNobodyHasAnEpoch() {
        let test = NodeUnderTest().elected()
        guard case .registered(let broker, isNew: true)? = register(test, 101, "a") else {
            Issue.record("it was refused")
            return
        }
        #expect(broker.incarnation == nil && broker.status == .online)
        // Nor would a node of the release before look at one.
        guard case .acknowledged? = beat(test, 101, epoch: 7) else {
            Issue.record("the heartbeat was refused")
            return
        }
    }

    // Who may stop

    @Test func aBrokerStopsWhenAllOthersKnowThatItLeadsNothing() {
        let test = leader()
        test.register(103)
        test.takePushes()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 3, replicationFactor: 3)))
        test.settle()
        let before = test.node.metadata.counters.version
        beat(test, 101, stop: true)
        #expect(state(test, 101) == .controlledShutdown)
        #expect(test.node.metadata.leaderCount(of: 101) == 0)
        beat(test, 101, stop: true)
        beat(test, 102, knows: before)
        beat(test, 101, stop: true)
        #expect(state(test, 101) == .controlledShutdown, "102 has not heard of it")
        beat(test, 102)
        beat(test, 101, stop: true)
        #expect(state(test, 101) == .controlledShutdown, "103 was not told, and says nothing by itself")
        test.takePushes()
        // Also if it changed its mind: there is no way back.
        guard case .acknowledged(let answer)? = beat(test, 101) else {
            Issue.record("the heartbeat was refused")
            return
        }
        #expect(answer.incarnation?.state == .shutdown)
        #expect(test.status(of: 101) == .offline)
        // Another process need not wait.
        #expect(!isDuplicate(register(test, 101, "b")))
    }

    @Test func whatABrokerSaysThatItKnowsCounts() {
        let test = leader()
        test.register(103)
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 3, replicationFactor: 3)))
        test.settle()
        beat(test, 102, knows: 1_000_000)
        beat(test, 101, stop: true)
        // It says nothing this time, and has not forgotten.
        test.heartbeat(Heartbeat(broker: 102, epoch: epoch(test, 102)))
        beat(test, 101, stop: true)
        #expect(state(test, 101) == .controlledShutdown, "103 takes no pushes, and has said nothing")
        test.heartbeat(Heartbeat(broker: 103, metadataVersion: 1_000_000))
        test.settle()
        beat(test, 101, stop: true)
        #expect(state(test, 101) == .shutdown)
    }

    @Test func aNewLeaderWaitsForFencedBrokersToo() {
        let test = leader()
        _ = register(test, 103, "a")
        test.advance(milliseconds: 5900)
        #expect(test.node.raft.role != .leader)
        test.elect()
        test.settle()
        #expect(isDuplicate(register(test, 103, "b")), "it has a full session before it")
    }
}
