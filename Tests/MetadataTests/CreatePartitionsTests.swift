import Metadata
import Testing

/// More partitions, and replicas that somebody chose (control-plane.md 2.8; KIP-195).
@Suite struct CreatePartitionsTests {
    private func machine(level: Int = 5, _ brokers: ClosedRange<BrokerID> = 1...4) -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: level))
        for id in brokers { machine.register(id) }
        return machine
    }

    private func grow(_ machine: inout Machine, to count: Int, _ assignments: [[BrokerID]]? = nil) -> Outcome {
        machine.apply(
            .createPartitions(CreatePartitions(topic: "t", partitionCount: count, assignments: assignments)))
    }

    @Test func newPartitionsGoOnWhereTheLastOnesWent() {
        var (grown, whole) = (machine(), machine())
        grown.create("t", partitions: 2, replicas: 2)
        let old = grown.state.topic("t")!.1
        let outcome = grow(&grown, to: 5)
        #expect(outcome.changes == [.partitionsCreated(topic: "t")])
        whole.create("t", partitions: 5, replicas: 2)
        #expect(grown.state.topic("t")!.1 == whole.state.topic("t")!.1)
        #expect(Array(grown.state.topic("t")!.1.prefix(2)) == old)
        #expect(grown.state.counters.partitionsCreated == 5 && grown.state.partitionCount == 5)
        #expect(grown.state.topics.flaw == nil && grown.state.replicaCount(of: 1) == whole.state.replicaCount(of: 1))
    }

    @Test func asManyAsThereAreIsARepeatAndFewerARefusal() {
        var machine = machine()
        machine.create("t", partitions: 3, replicas: 1)
        let version = machine.state.counters.version
        #expect(grow(&machine, to: 3).refusal == nil)
        #expect(grow(&machine, to: 2).refusal == .invalidPartitions("t", present: 3))
        #expect(grow(&machine, to: 10_001).refusal == .invalidPartitions("t", present: 3))
        #expect(machine.state.counters.version == version)
        machine.apply(.deleteTopic(DeleteTopic("t")))
        #expect(grow(&machine, to: 3).refusal == .unknownTopic("t"))
    }

    @Test func theReplicasOfATopicAreBounded() {
        var machine = machine(1...11)
        machine.create("t", partitions: 9_090, replicas: 11)
        #expect(grow(&machine, to: 9_091).refusal == .tooManyReplicas(limit: 100_000))
    }

    @Test func chosenReplicas() {
        var machine = machine()
        machine.create("t", partitions: 1, replicas: 2)
        machine.setStatus(3, .offline)
        #expect(grow(&machine, to: 3, [[3, 2], [4, 1]]).refusal == nil)
        let partition = machine.partition("t", 1)
        #expect(partition.replicas == [3, 2] && partition.inSyncReplicas == [2] && partition.leader == 2)
        #expect(machine.partition("t", 2).leader == 4)
    }

    @Test(
        arguments: [
            ([[1, 2]], "1 assignments for 2"), ([[1, 2], [1]], "assignment 1 has 1 replicas, not 2"),
            ([[1, 2], [2, 2]], "named twice"), ([[1, 2], [1, 9]], "broker 9 is not registered"),
            ([[1, 2], [3, 4]], "none of the brokers is ACTIVE"), ([[], [1, 2]], "at least one"),
        ] as [([[BrokerID]], String)])
    func chosenReplicasThatCanNotBe(lists: [[BrokerID]], why: String) {
        var machine = machine()
        machine.create("t", partitions: 1, replicas: 2)
        machine.setStatus(3, .offline)
        machine.setStatus(4, .offline)
        let digest = machine.state.digest
        for refusal in [grow(&machine, to: 3, lists).refusal, create(&machine, lists).refusal] {
            guard case .invalidReplicaAssignment(let text)? = refusal else {
                Issue.record("\(String(describing: refusal))")
                continue
            }
            #expect(text.contains(why))
        }
        #expect(machine.state.digest == digest)
    }

    private func create(_ machine: inout Machine, _ lists: [[BrokerID]]) -> Outcome {
        machine.apply(
            .createTopic(CreateTopic(name: "u", partitionCount: 2, replicationFactor: 2, assignments: lists)))
    }

    @Test func aTopicWhereItIsWanted() {
        var machine = machine()
        #expect(create(&machine, [[4, 2], [3, 1]]).refusal == nil)
        #expect(machine.partition("u", 0).replicas == [4, 2] && machine.partition("u", 0).leader == 4)
        #expect(machine.state.counters.partitionsCreated == 2)
        var below = self.machine(level: 4)
        _ = create(&below, [[4, 2], [3, 1]])
        #expect(below.partition("u", 0).replicas == [1, 2], "it is passed over")
    }

    @Test func aTopicWhoseIDFollowsFromItsPartitionsKeepsIt() {
        var machine = machine(level: 1)
        machine.create("t", partitions: 1)
        machine.apply(.raiseLevel(to: 5))
        let id = machine.state.topic("t")!.0.id
        #expect(grow(&machine, to: 2).refusal == nil)
        #expect(machine.state.topic("t")!.0.id == id)
        #expect(machine.apply(.deleteTopic(DeleteTopic("t", id: id))).refusal == nil)
    }

    @Test func namesThatMetricsCanNotTellApart() {
        var machine = machine()
        machine.create("a.b")
        #expect(machine.create("a_b").refusal == .topicNameCollision("a_b"))
        #expect(machine.create("a.b").refusal == nil, "the same again")
        #expect(machine.create("a-b").refusal == nil && machine.create("ab").refusal == nil)
        machine.apply(.deleteTopic(DeleteTopic("a.b")))
        #expect(machine.create("a_b").refusal == nil)
    }

    @Test func thereMayBeSuchNamesFromBefore() {
        var machine = machine(level: 4)
        for name in ["a.b", "a_b"] { #expect(machine.create(name).refusal == nil) }
        machine.apply(.raiseLevel(to: 5))
        machine.apply(.deleteTopic(DeleteTopic("a.b")))
        #expect(machine.create("a.b").refusal == .topicNameCollision("a.b"), "the other one is left")
    }

    @Test func followersHearOfTheTopicAndOfWhatIsNew() {
        var machine = machine()
        machine.create("t", partitions: 2, replicas: 1)
        machine.create("u", partitions: 2, replicas: 1)
        let before = machine.state.counters.version
        _ = grow(&machine, to: 4)
        let page = machine.state.changesImage.page(after: before, from: nil, limit: 100)
        #expect(page.topics.map(\.name) == ["t"] && page.topics[0].partitionCount == 4)
        #expect(page.partitions.map(\.partition.id) == [2, 3])
    }
}
