import Metadata
import Testing

/// What leaders say of their in-sync replicas: one test for each rule, in the order in which they hold.
@Suite struct AlterPartitionsTests {
    private static let name = String(repeating: "a", count: 32)

    /// Brokers 1 to 4 are ACTIVE; 1 leads partition 0 of `t`, with replicas on 1, 2 and 3; only it is in sync.
    private func machine() -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 4))
        for id in BrokerID(1)...4 {
            machine.enroll(id, Self.name)
            machine.enter(id, .active)
        }
        machine.create("t", replicas: 3, id: TopicID(high: 1, low: 2))
        machine.alter(1, [1], at: (0, 0))
        return machine
    }

    private func flaw(_ outcome: Outcome) -> PartitionFlaw? {
        guard case .partitions(let results, _) = outcome.result, case .failure(let flaw) = results[0].partition else {
            return nil
        }
        return flaw
    }

    @Test func theLeaderLetsFollowersInAndOut() {
        var machine = machine()
        let version = machine.state.counters.version
        #expect(
            machine.partition("t")
                == Partition(
                    id: 0, leader: 1, replicas: [1, 2, 3], inSyncReplicas: [1], leaderEpoch: 0, partitionEpoch: 1))
        let outcome = machine.alter(1, [3, 1], at: (0, 1))
        let now = Partition(
            id: 0, leader: 1, replicas: [1, 2, 3], inSyncReplicas: [1, 3], leaderEpoch: 0, partitionEpoch: 2)
        #expect(machine.partition("t") == now)
        #expect(outcome.changes == [.inSyncReplicasChanged(topic: "t", partition: 0)])
        let topic = machine.state.topic("t")!.0
        #expect(
            outcome.result
                == .partitions(
                    [PartitionResult(topic: topic, partition: .success(now))], version: version + 1))
    }

    @Test func aRepeatAfterALostAnswerChangesNothing() {
        var machine = machine()
        machine.alter(1, [1, 2], at: (0, 1))
        let before = machine.state.counters.version
        let outcome = machine.alter(1, [2, 1], at: (0, 1))
        #expect(outcome.changes.isEmpty && flaw(outcome) == nil)
        #expect(machine.state.counters.version == before && machine.partition("t").partitionEpoch == 2)
    }

    @Test func ofTheWholeReport() {
        var machine = machine()
        let epoch = machine.state.broker(1)!.incarnation!.epoch
        let report = AlterPartitions(broker: 1, epoch: epoch + 1, changes: [])
        #expect(machine.apply(.alterPartitions(report)).refusal == .staleBrokerEpoch(1, present: epoch))
        let unknown = AlterPartitions(broker: 9, epoch: 1, changes: [])
        #expect(machine.apply(.alterPartitions(unknown)).refusal == .unknownBroker(9))
        machine.register(5)
        let legacy = AlterPartitions(broker: 5, epoch: 1, changes: [])
        #expect(machine.apply(.alterPartitions(legacy)).refusal == .staleBrokerEpoch(5, present: nil))
        var old = Machine()
        #expect(old.apply(.alterPartitions(report)).refusal == .invalidCommand)
    }

    @Test func rule1And2TopicAndPartitionMustExist() {
        var machine = machine()
        #expect(flaw(machine.alter(1, [1], at: (0, 1), topic: .name("u"))) == .unknownTopic)
        #expect(flaw(machine.alter(1, [1], at: (0, 1), topic: .id(TopicID(high: 9, low: 9)))) == .unknownTopic)
        #expect(flaw(machine.alter(1, [1], at: (0, 1), partition: 1)) == .unknownPartition)
        #expect(flaw(machine.alter(1, [1, 2], at: (0, 1), topic: .id(TopicID(high: 1, low: 2)))) == nil)
        // A topic of the same name that came later is another one.
        machine.apply(.deleteTopic(DeleteTopic("t")))
        machine.create("t", replicas: 3, id: TopicID(high: 1, low: 3))
        #expect(flaw(machine.alter(1, [1], at: (0, 0), topic: .id(TopicID(high: 1, low: 2)))) == .unknownTopic)
    }

    @Test(arguments: [(1, 1), (0, 2), (1, 0)])
    func rule3And4NobodyKnowsMoreThanTheState(epochs: (Int, Int)) {
        var machine = machine()
        #expect(flaw(machine.alter(1, [1, 2], at: epochs)) == .epochAhead)
        // Also of one that does not lead.
        #expect(flaw(machine.alter(2, [1, 2], at: epochs)) == .epochAhead)
    }

    @Test func rule5And6OnlyTheLeaderOfThePresentEpochSpeaks() {
        var machine = machine()
        #expect(flaw(machine.alter(2, [1, 2], at: (0, 1))) == .notLeader(present: 1))
        machine.alter(1, [1, 2], at: (0, 1))
        machine.enter(1, .fenced)
        #expect(machine.partition("t").leader == 2 && machine.partition("t").leaderEpoch == 1)
        #expect(flaw(machine.alter(1, [1, 2], at: (0, 2))) == .fencedLeaderEpoch(present: 1))
        #expect(flaw(machine.alter(1, [1, 2], at: (1, 3))) == .notLeader(present: 2))
    }

    @Test func rule7TheLeaderMustKnowThePartitionAsItIs() {
        var machine = machine()
        machine.alter(1, [1, 2], at: (0, 1))
        #expect(flaw(machine.alter(1, [1, 2, 3], at: (0, 1))) == .invalidPartitionEpoch(present: 2))
    }

    @Test func rule8TheListIsOfReplicasAndHasTheLeader() {
        var machine = machine()
        #expect(flaw(machine.alter(1, [1, 2, 2], at: (0, 1))) == .invalidISR("names a replica twice"))
        #expect(flaw(machine.alter(1, [1, 4], at: (0, 1))) == .invalidISR("has members that are no replicas"))
        #expect(flaw(machine.alter(1, [2], at: (0, 1))) == .invalidISR("is without the leader"))
        #expect(flaw(machine.alter(1, [], at: (0, 1))) == .invalidISR("is without the leader"))
    }

    @Test(arguments: [BrokerState.fenced, .controlledShutdown, .shutdown])
    func rule11AMemberMustBeActive(state: BrokerState) {
        var machine = machine()
        machine.enter(3, state == .shutdown ? .controlledShutdown : state)
        let present = machine.state.broker(3)!.state
        #expect(flaw(machine.alter(1, [1, 2, 3], at: (0, 1))) == .ineligibleReplica(3, .notActive(present)))
    }

    @Test func rule11AMemberMustBeTheOneThatTheLeaderSaw() {
        var machine = machine()
        let seen = machine.state.broker(2)!.incarnation!.epoch
        machine.enter(2, .fenced)
        machine.enroll(2, String(repeating: "b", count: 32), replacing: seen)
        let present = machine.state.broker(2)!.incarnation!.epoch
        machine.enter(2, .active)
        #expect(present > seen)
        let members = [AlterPartitions.Member(1), AlterPartitions.Member(2, epoch: seen)]
        #expect(
            flaw(machine.alter(1, members: members, at: (0, 1)))
                == .ineligibleReplica(2, .staleEpoch(present: present)))
        #expect(flaw(machine.alter(1, [1, 2], at: (0, 1))) == nil)
    }

    @Test func oneFlawDoesNotKeepTheOthers() {
        var machine = machine()
        machine.create("u", replicas: 1, id: TopicID(high: 1, low: 4))
        let epoch = machine.state.broker(1)!.incarnation!.epoch
        let changes = [("u", [1, 2]), ("t", [1, 2])].map { name, members in
            AlterPartitions.Change(
                topic: .name(name), partition: 0, leaderEpoch: 0, partitionEpoch: name == "t" ? 1 : 0,
                inSync: members.map { AlterPartitions.Member($0) })
        }
        machine.apply(.alterPartitions(AlterPartitions(broker: 1, epoch: epoch, changes: changes)))
        #expect(machine.partition("t").inSyncReplicas == [1, 2])
    }

    // Followers' own reports (control by legacy leaders stays as it was)

    @Test func aFollowerOfALeaderWithAnIncarnationMayOnlyLeaveByItself() {
        var machine = machine()
        machine.setInSync(2, true, "t")
        #expect(machine.partition("t").inSyncReplicas == [1])
        machine.alter(1, [1, 2], at: (0, 1))
        machine.setInSync(2, false, "t")
        #expect(machine.partition("t").inSyncReplicas == [1] && machine.partition("t").partitionEpoch == 3)
    }

    @Test func aReportOfAnotherLeadershipDoesNotCount() {
        var machine = machine()
        machine.register(5)
        machine.register(6)
        machine.create("l", partitions: 6, replicas: 2, id: TopicID(high: 1, low: 5))
        let id = machine.state.topic("l")!.1.first { $0.leader == 5 }!.id
        let follower = machine.partition("l", id).replicas[1]
        func report(_ isInSync: Bool, _ epoch: Int) -> Command {
            let change = UpdateInSyncReplicas.Change(
                topic: "l", partition: id, isInSync: isInSync, leaderEpoch: epoch)
            return .updateInSyncReplicas(UpdateInSyncReplicas(broker: follower, changes: [change]))
        }
        machine.apply(report(false, 1))
        #expect(machine.partition("l", id).inSyncReplicas.count == 2)
        machine.apply(report(false, 0))
        #expect(machine.partition("l", id).inSyncReplicas == [5])
        // Its leader names no process, so it joins by itself.
        machine.apply(report(true, 0))
        #expect(machine.partition("l", id).inSyncReplicas == [5, follower])
    }

    // Topic ids

    @Test func topicsHaveIDs() {
        var machine = Machine()
        machine.register(1)
        machine.create("old", id: TopicID(high: 7, low: 7))
        let derived = machine.state.topic("old")!.0.id
        #expect(machine.state.topic("old")!.0.drawnID == nil)
        machine.apply(.raiseLevel(to: 4))
        machine.create("new", id: TopicID(high: 7, low: 8))
        #expect(machine.state.topic("new")!.0.id == TopicID(high: 7, low: 8))
        // The old one keeps what follows from its birth.
        #expect(machine.state.topic("old")!.0.id == derived)
        #expect(machine.create("twin", id: TopicID(high: 7, low: 8)).refusal == .invalidCommand)
        #expect(machine.create("new", id: TopicID(high: 7, low: 9)).refusal == nil)
        #expect(
            machine.apply(.deleteTopic(DeleteTopic("new", id: derived))).refusal
                == .topicIDMismatch("new", present: TopicID(high: 7, low: 8)))
        #expect(machine.apply(.deleteTopic(DeleteTopic("old", id: derived))).refusal == nil)
        #expect(machine.apply(.deleteTopic(DeleteTopic("new", id: TopicID(high: 7, low: 8)))).refusal == nil)
    }

    @Test(arguments: [
        "", "0123456789abcdef0123456789abcde", "0123456789ABCDEF0123456789abcdef", "+123456789abcdef0123456789abcdef",
    ])
    func textsThatAreNoIDs(text: String) { #expect(TopicID(text) == nil) }

    @Test func textOfAnID() {
        let id = TopicID(high: 1, low: .max)
        #expect(id.description == "0000000000000001ffffffffffffffff" && TopicID(id.description) == id)
    }
}

extension Machine {
    @discardableResult
    fileprivate mutating func alter(
        _ sender: BrokerID, _ members: [BrokerID] = [], members named: [AlterPartitions.Member] = [],
        at epochs: (Int, Int), topic: TopicReference = .name("t"), partition: Int = 0
    ) -> Outcome {
        let change = AlterPartitions.Change(
            topic: topic, partition: partition, leaderEpoch: epochs.0, partitionEpoch: epochs.1,
            inSync: members.map { AlterPartitions.Member($0) } + named)
        let epoch = state.broker(sender)!.incarnation!.epoch
        return apply(.alterPartitions(AlterPartitions(broker: sender, epoch: epoch, changes: [change])))
    }
}
