import Metadata
import Testing

/// Partitions move to other replicas (control-plane.md 2.7; KIP-455, KIP-860, KAFKA-13972).
@Suite struct AlterReassignmentsTests {
    /// Six brokers; partition 0 of `t` on 1, 2 and 3, all in sync, 1 leads.
    private func machine(level: Int = 5) -> Machine {
        var machine = Machine()
        machine.apply(.raiseLevel(to: level))
        for id in BrokerID(1)...6 { machine.register(id) }
        machine.create("t", partitions: 1, replicas: 3)
        return machine
    }

    private struct Place: Equatable {
        var replicas: [BrokerID]
        var inSync: [BrokerID]
        var adding: [BrokerID] = []
        var removing: [BrokerID] = []
        var leader: BrokerID?
        var epoch = 0
    }

    private func place(_ machine: Machine) -> Place {
        let partition = machine.partition("t")
        return Place(
            replicas: partition.replicas, inSync: partition.inSyncReplicas,
            adding: partition.reassignment?.adding ?? [], removing: partition.reassignment?.removing ?? [],
            leader: partition.leader, epoch: partition.leaderEpoch)
    }

    @Test func newReplicasComeBeforeOldOnesGo() {
        var machine = machine()
        let version = machine.state.counters.version
        let outcome = machine.move([4, 2, 5])
        #expect(outcome.changes == [.replicasChanged(topic: "t", partition: 0)])
        #expect(
            place(machine)
                == Place(
                    replicas: [4, 2, 5, 1, 3], inSync: [1, 2, 3], adding: [4, 5], removing: [1, 3], leader: 1))
        #expect(machine.state.counters.version == version + 1 && machine.partition("t").partitionEpoch == 1)
        #expect(machine.state.replicaCount(of: 5) == 1 && machine.state.replicaCount(of: 3) == 1)
        machine.setInSync(5, true, "t")
        #expect(machine.partition("t").reassignment != nil, "4 is still behind")
        machine.setInSync(4, true, "t")
        #expect(place(machine) == Place(replicas: [4, 2, 5], inSync: [2, 5, 4], leader: 2, epoch: 1))
        #expect(machine.state.replicaCount(of: 1) == 0 && machine.state.leaderCount(of: 1) == 0)
        #expect(machine.state.leaderCount(of: 2) == 1)
    }

    @Test func aLeaderThatStaysLeadsOnInAnotherEpoch() {
        var machine = machine()
        machine.move([1, 2, 4])
        machine.setInSync(4, true, "t")
        #expect(place(machine) == Place(replicas: [1, 2, 4], inSync: [1, 2, 4], leader: 1, epoch: 1))
    }

    @Test func anotherOrderIsDoneAtOnceUnderTheSameLeader() {
        var machine = machine()
        #expect(machine.move([3, 1, 2]).changes == [.replicasChanged(topic: "t", partition: 0)])
        #expect(place(machine) == Place(replicas: [3, 1, 2], inSync: [1, 2, 3], leader: 1))
        machine.setInSync(3, false, "t")
        machine.move([2, 3, 1])
        #expect(machine.partition("t").reassignment == nil, "also with one that is behind")
    }

    @Test func fewerReplicasAreDoneAtOnceIfTheRestIsInSync() {
        var machine = machine()
        machine.move([2, 3])
        #expect(place(machine) == Place(replicas: [2, 3], inSync: [2, 3], leader: 2, epoch: 1))
        #expect(machine.state.topic("t")?.0.replicationFactor == 2, "a topic's is that of its first partition")
    }

    @Test func fewerReplicasWaitForOneThatIsBehind() {
        var machine = machine()
        machine.setInSync(3, false, "t")
        machine.move([1, 3])
        #expect(
            place(machine) == Place(replicas: [1, 3, 2], inSync: [1, 2], adding: [], removing: [2], leader: 1))
        #expect(machine.state.topic("t")?.0.replicationFactor == 3)
        machine.setInSync(3, true, "t")
        #expect(place(machine) == Place(replicas: [1, 3], inSync: [1, 3], leader: 1, epoch: 1))
    }

    @Test func oneReassignmentTakesThePlaceOfAnother() {
        var machine = machine()
        machine.move([1, 2])
        machine.move([3, 4])
        #expect(place(machine).replicas == [3, 4, 1, 2] && place(machine).removing == [1, 2])
        machine.move([5, 6])
        #expect(
            place(machine)
                == Place(
                    replicas: [5, 6, 1, 2, 3, 4], inSync: [1, 2], adding: [5, 6], removing: [1, 2, 3, 4], leader: 1,
                    epoch: 1))
        #expect(machine.partition("t").reassignment?.original == [1, 2])
        machine.cancel()
        #expect(
            place(machine) == Place(replicas: [1, 2], inSync: [1, 2], leader: 1, epoch: 2), "where the chain began")
        #expect(machine.state.topic("t")?.0.replicationFactor == 2)
    }

    @Test func whoWasStillToComeIsStillToCome() {
        var machine = machine()
        machine.move([1, 2, 4])
        machine.move([1, 2, 4, 5])
        #expect(place(machine).adding == [4, 5], "though 4 is a replica by now")
    }

    @Test func cancelledItIsAsItWasAndWhoGoesLearnsOfIt() {
        var machine = machine()
        machine.move([4, 5, 6])
        machine.setInSync(4, true, "t")
        #expect(machine.cancel().changes == [.replicasChanged(topic: "t", partition: 0)])
        #expect(place(machine) == Place(replicas: [1, 2, 3], inSync: [1, 2, 3], leader: 1, epoch: 1))
        #expect(flaws(machine.cancel()) == [.noReassignmentInProgress])
        #expect(machine.state.replicaCount(of: 4) == 0)
    }

    @Test func nothingIsCancelledThatWouldLoseRecords() {
        var machine = machine()
        machine.move([4, 5])
        machine.setInSync(4, true, "t")
        for id in BrokerID(1)...3 { machine.setStatus(id, .offline) }
        #expect(place(machine).inSync == [4] && place(machine).leader == 4)
        let before = machine.state.digest
        #expect(flaws(machine.cancel()) == [.uncleanCancel(inSync: [4])])
        #expect(machine.state.digest == before)
    }

    @Test func aLostLeaderIsFollowedByWhoIsInSyncAndTheMoveGoesOn() {
        var machine = machine()
        machine.move([4, 5, 6])
        machine.setStatus(1, .offline)
        #expect(place(machine).leader == 2 && place(machine).removing == [1, 2, 3])
        for id in BrokerID(4)...6 { machine.setInSync(id, true, "t") }
        #expect(place(machine) == Place(replicas: [4, 5, 6], inSync: [4, 5, 6], leader: 4, epoch: 2))
    }

    @Test(
        arguments: [
            ([], "at least one replica"), ([1, 1], "named twice"), ([1, 9], "broker 9 is not registered"),
        ] as [([BrokerID], String)])
    func replicasThatCanNotBe(replicas: [BrokerID], why: String) {
        var machine = machine()
        let before = machine.state.digest
        guard case .invalidReplicaAssignment(let text)? = flaws(machine.move(replicas))[0] else {
            Issue.record("\(replicas) are taken")
            return
        }
        #expect(text.contains(why))
        #expect(machine.state.digest == before)
    }

    @Test func whoHasShutDownGetsNothingNew() {
        var machine = machine()
        machine.apply(
            .registerBroker(
                RegisterBroker(id: 7, host: "h", port: 1, incarnation: .init(id: String(repeating: "a", count: 32)))))
        let epoch = machine.state.broker(7)!.incarnation!.epoch
        for state in [BrokerState.active, .controlledShutdown] {
            machine.apply(.changeBrokerState(ChangeBrokerState(id: 7, epoch: epoch, state: state, timestamp: 0)))
        }
        #expect(machine.state.broker(7)?.state == .shutdown)
        #expect(flaws(machine.move([1, 7])) == [.invalidReplicaAssignment("broker 7 has shut down")])
    }

    @Test func theNumberOfReplicasStaysWhereThatIsWanted() {
        var machine = machine()
        #expect(flaws(machine.move([1, 2], mayGrow: false)) == [.replicationFactorChange(present: 3)])
        #expect(flaws(machine.move([4, 5, 6], mayGrow: false)) == [nil])
        #expect(flaws(machine.move([4, 5], mayGrow: false)) == [.replicationFactorChange(present: 3)])
    }

    @Test func aRepeatChangesNothing() {
        var machine = machine()
        machine.move([4, 5, 6])
        let (digest, version) = (machine.state.digest, machine.state.counters.version)
        machine.time += 1000
        #expect(machine.move([4, 5, 6]).changes.isEmpty)
        #expect(machine.state.digest == digest && machine.state.counters.version == version)
        let repeated = Command.alterReassignments(.one([4, 5, 6]))
        #expect(machine.state.resultIfUnchanged(repeated) == machine.apply(repeated).result)
        #expect(machine.state.resultIfUnchanged(.alterReassignments(.one(nil))) == nil)
    }

    @Test func theLeaderWhoseReportEndsItIsToldThatAnotherLeads() {
        var machine = machine()
        let name = String(repeating: "a", count: 32)
        machine.setStatus(1, .offline)
        machine.apply(.registerBroker(RegisterBroker(id: 1, host: "host1", port: 9092, incarnation: .init(id: name))))
        let epoch = machine.state.broker(1)!.incarnation!.epoch
        machine.apply(.changeBrokerState(ChangeBrokerState(id: 1, epoch: epoch, state: .active, timestamp: 0)))
        machine.create("u", partitions: 6, replicas: 1)
        let own = (0..<6).first { machine.partition("u", $0).leader == 1 }!
        machine.apply(
            .alterReassignments(
                AlterReassignments([AlterReassignments.Move(topic: .name("u"), partition: own, replicas: [4])])))
        let change = AlterPartitions.Change(
            topic: .name("u"), partition: own, leaderEpoch: 0, partitionEpoch: 1,
            inSync: [AlterPartitions.Member(1), AlterPartitions.Member(4)])
        let outcome = machine.apply(.alterPartitions(AlterPartitions(broker: 1, epoch: epoch, changes: [change])))
        #expect(flaws(outcome) == [.newLeaderElected])
        #expect(machine.partition("u", own).replicas == [4] && machine.partition("u", own).leader == 4)
    }

    @Test func conditionsCountWithoutWhoIsToCome() {
        var machine = machine()
        #expect(machine.state.topics.counts[.reassigning] == 0)
        machine.move([4, 5, 6])
        let counts = machine.state.topics.counts
        #expect(counts[.reassigning] == 1 && counts[.underReplicated] == 0 && machine.state.topics.flaw == nil)
        machine.setInSync(3, false, "t")
        #expect(machine.state.topics.counts[.underReplicated] == 1)
    }

    @Test func inAChainNothingCountsThatHasNotArrived() {
        var machine = machine()
        machine.move([4, 5, 6])
        machine.move([2, 4])
        let partition = machine.partition("t")
        #expect(partition.replicas == [2, 4, 1, 3, 5, 6] && partition.replicationFactor == 3)
        #expect(machine.state.topics.counts[.underReplicated] == 0)
    }

    @Test func aTopicKeepsWithinItsReplicas() {
        var machine = Machine()
        machine.apply(.raiseLevel(to: 5))
        for id in BrokerID(1)...20 { machine.register(id) }
        machine.create("t", partitions: 10_000, replicas: 9)
        func move(_ partitions: Range<Int>) -> [PartitionFlaw?] {
            let moves = partitions.map {
                AlterReassignments.Move(topic: .name("t"), partition: $0, replicas: Array(1...BrokerID(19)))
            }
            return flaws(machine.apply(.alterReassignments(AlterReassignments(moves))))
        }
        // Each has 9 of them, and gets 10 more, or 11 where one goes.
        let results = move(0..<1000)
        let refused = results.count { $0 != nil }
        #expect(refused > 0 && refused < 100)
        #expect(machine.state.topic("t")!.1.reduce(0) { $0 + $1.replicas.count } <= 100_000)
        #expect(machine.state.topics.flaw == nil)
        machine.apply(.deleteTopic(DeleteTopic("t")))
        #expect(machine.state.replicaCount(of: 1) == 0)
    }

    @Test func belowTheLevelItIsNoCommand() {
        var machine = machine(level: 4)
        #expect(machine.move([4, 5, 6]).refusal == .invalidCommand)
        #expect(
            machine.apply(.createPartitions(CreatePartitions(topic: "t", partitionCount: 2))).refusal == .invalidCommand
        )
    }

    @Test func aReassignmentIsPartOfTheRow() throws {
        var machine = machine()
        machine.move([4, 5, 6])
        var copy = MetadataStateMachine(counters: machine.state.counters)
        for row in machine.rows { try copy.restore(row) }
        try copy.finishRestoration()
        #expect(copy.digest == machine.state.digest && copy.partition("t", 0) == machine.partition("t"))
        var later = self.machine()
        later.time += 1
        later.move([4, 5, 6])
        #expect(later.state.digest != machine.state.digest, "when it was asked for is part of it")
    }

    @Test(arguments: [
        Reassignment(adding: [9], removing: [1], original: [1, 2], startedAt: 0),
        Reassignment(adding: [3], removing: [3], original: [1, 2], startedAt: 0),
        Reassignment(adding: [], removing: [], original: [1, 2], startedAt: 0),
        Reassignment(adding: [], removing: [1, 2, 3], original: [1, 2, 3], startedAt: 0),
        Reassignment(adding: [3], removing: [1], original: [], startedAt: 0),
        Reassignment(adding: [3], removing: [1], original: [3], startedAt: 0),
        Reassignment(adding: [3], removing: [2, 1], original: [1, 2], startedAt: 0),
    ])
    func impossibleOnesAreNotRestored(reassignment: Reassignment) throws {
        var machine = machine()
        machine.apply(.deleteTopic(DeleteTopic("t")))
        machine.create("t", partitions: 1, replicas: 3)
        var copy = MetadataStateMachine(counters: machine.state.counters)
        #expect(throws: RestoreError.self) {
            for row in machine.rows {
                guard case .partition(let topic, var partition) = row else {
                    try copy.restore(row)
                    continue
                }
                partition.replicas = [1, 2, 3]
                partition.inSyncReplicas = [1, 2]
                partition.leader = 1
                partition.reassignment = reassignment
                try copy.restore(.partition(topic: topic, partition))
            }
        }
    }

    private func flaws(_ outcome: Outcome) -> [PartitionFlaw?] {
        guard case .partitions(let results, _) = outcome.result else { return [] }
        return results.map { if case .failure(let flaw) = $0.partition { flaw } else { nil } }
    }
}

extension AlterReassignments {
    fileprivate static func one(_ replicas: [BrokerID]?, mayGrow: Bool = true) -> AlterReassignments {
        AlterReassignments(
            [Move(topic: .name("t"), partition: 0, replicas: replicas)], mayChangeReplicationFactor: mayGrow)
    }
}

extension Machine {
    @discardableResult
    fileprivate mutating func move(_ replicas: [BrokerID], mayGrow: Bool = true) -> Outcome {
        apply(.alterReassignments(.one(replicas, mayGrow: mayGrow)))
    }

    @discardableResult
    fileprivate mutating func cancel() -> Outcome { apply(.alterReassignments(.one(nil))) }
}
