import Metadata
import Raft
import Testing

@testable import Server

@Suite struct BrokerPushesTests {
    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: UInt64(milliseconds) * 1_000_000) }

    /// Brokers that have been welcomed and have all of version 1.
    private func told(_ brokers: [BrokerID]) -> BrokerPushes {
        var pushes = BrokerPushes()
        for broker in brokers { pushes.welcome(broker, version: 1) }
        var now = 0
        while pushes.waitingCount > 0 {
            guard let broker = pushes.next(now: at(now)) else {
                now += 1
                continue
            }
            if pushes.want(of: broker) == .update(after: 1, taken: 0, of: 0) {
                pushes.settle(broker)
            } else {
                let attempt = pushes.begin(broker, .snapshot, version: 1, bytes: 100, now: at(now))!
                pushes.finished(broker, attempt: attempt, taken: true, now: at(now))
            }
        }
        return pushes
    }

    private func next(_ pushes: inout BrokerPushes, now: Int = 0) -> [BrokerID] {
        var all: [BrokerID] = []
        while let broker = pushes.next(now: at(now)) {
            all.append(broker)
            _ = pushes.begin(broker, .update(number: 0, isLast: true), version: 2, bytes: 100, now: at(now))
        }
        return all
    }

    @Test func whoIsWelcomedGetsASnapshotNotOlder() {
        var pushes = BrokerPushes()
        pushes.welcome(101, version: 7)
        #expect(pushes.waitingCount == 1)
        #expect(pushes.next(now: at(0)) == 101)
        #expect(pushes.want(of: 101) == .snapshot(notBefore: 7))
        let attempt = pushes.begin(101, .snapshot, version: 9, bytes: 100, now: at(0))!
        pushes.finished(101, attempt: attempt, taken: true, now: at(0))
        #expect(pushes.want(of: 101) == .update(after: 9, taken: 0, of: 0))
        #expect(pushes.next(now: at(0)) == 101)
        pushes.settle(101)
        #expect(pushes.waitingCount == 0)
        #expect(pushes.nextDeadline(now: at(0)) == nil)
    }

    @Test func whoFetchesIsToldWhoLeadsAndNothingElse() {
        var pushes = BrokerPushes()
        pushes.begin([101], fetching: [102], version: 3)
        var announced: [BrokerID] = []
        while pushes.waitingCount > 1 {
            let broker = pushes.next(now: at(0))!
            guard pushes.want(of: broker) == .announcement else {
                if broker == 102 { #expect(pushes.want(of: 102) == .nothing) }
                pushes.settle(broker)
                continue
            }
            announced.append(broker)
            let attempt = pushes.begin(broker, .announcement, version: 3, bytes: 100, now: at(0))!
            pushes.finished(broker, attempt: attempt, taken: broker == 102, now: at(0))
        }
        #expect(announced.sorted() == [101, 102])
        pushes.stateChanged()
        pushes.listen(102)
        #expect(next(&pushes).isEmpty && pushes.waitingCount == 1)
        // The next process wants pushes.
        pushes.welcome(102, version: 4)
        #expect(pushes.next(now: at(0)) == 102 && pushes.want(of: 102) == .snapshot(notBefore: 4))
        pushes.listen(102)
        #expect(pushes.waitingCount == 1)
    }

    @Test func aNewLeadershipIsAnnouncedFirst() {
        var pushes = BrokerPushes()
        pushes.begin([101, 102], version: 3)
        #expect(pushes.next(now: at(0)) == 101)
        #expect(pushes.want(of: 101) == .announcement)
        let attempt = pushes.begin(101, .announcement, version: 3, bytes: 100, now: at(0))!
        pushes.finished(101, attempt: attempt, taken: true, now: at(0))
        #expect(pushes.want(of: 101) == .snapshot(notBefore: 3))
        #expect(pushes.next(now: at(0)) == 102)
    }

    @Test func oneAtATimeAndASlowBrokerDelaysNobodyElse() {
        var pushes = told([101, 102, 103])
        pushes.stateChanged()
        #expect(next(&pushes).sorted() == [101, 102, 103])
        pushes.stateChanged()
        #expect(next(&pushes).isEmpty, "the next waits for the answer")
        #expect(pushes.nextDeadline(now: at(0)) == nil)
    }

    @Test func theBodiesOfAnUpdateComeInOrder() {
        var pushes = told([101])
        pushes.stateChanged()
        for number in 0..<3 {
            #expect(pushes.next(now: at(0)) == 101)
            #expect(pushes.want(of: 101) == .update(after: 1, taken: number, of: number == 0 ? 0 : 4))
            let step = BrokerPushes.Step.update(number: number, isLast: number == 2)
            let attempt = pushes.begin(101, step, version: 4, bytes: 100, now: at(0))!
            pushes.finished(101, attempt: attempt, taken: true, now: at(0))
        }
        #expect(pushes.want(of: 101) == .update(after: 4, taken: 3, of: 4))
    }

    @Test func aFailureIsTriedAgainWithGrowingPauses() {
        var pushes = told([101])
        pushes.stateChanged()
        var now = 0
        var pauses: [Int] = []
        for _ in 0..<10 {
            #expect(pushes.next(now: at(now)) == 101)
            let attempt = pushes.begin(101, .update(number: 0, isLast: true), version: 2, bytes: 9, now: at(now))!
            pushes.finished(101, attempt: attempt, taken: false, now: at(now))
            let next = Int((pushes.nextDeadline(now: at(now))?.nanoseconds ?? 0) / 1_000_000)
            pauses.append(next - now)
            #expect(pushes.next(now: at(next - 1)) == nil)
            now = next
        }
        #expect(pauses == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000])
    }

    @Test func aSnapshotFromBeforeDoesNotOvertakeWhatWasTold() {
        var pushes = told([101])
        pushes.stateChanged()
        #expect(pushes.next(now: at(0)) == 101)
        let attempt = pushes.begin(101, .update(number: 0, isLast: true), version: 8, bytes: 9, now: at(0))!
        pushes.finished(101, attempt: attempt, taken: false, now: at(0))
        #expect(pushes.next(now: at(100)) == 101)
        pushes.needSnapshot(101, version: 5)
        #expect(pushes.want(of: 101) == .snapshot(notBefore: 8))
    }

    /// The process that took the snapshot on its way may be the one before.
    @Test func aRegistrationMeanwhileIsFollowedByASnapshotOfItsOwn() {
        var pushes = BrokerPushes()
        pushes.welcome(101, version: 1)
        #expect(pushes.next(now: at(0)) == 101)
        let attempt = pushes.begin(101, .snapshot, version: 1, bytes: 9, now: at(0))!
        pushes.welcome(101, version: 1)
        #expect(pushes.next(now: at(0)) == nil)
        pushes.finished(101, attempt: attempt, taken: true, now: at(0))
        #expect(pushes.next(now: at(0)) == 101)
        #expect(pushes.want(of: 101) == .snapshot(notBefore: 1))
    }

    @Test func aLateAnswerToSomethingDroppedMeansNothing() {
        var pushes = told([101])
        pushes.stateChanged()
        _ = pushes.next(now: at(0))
        let old = pushes.begin(101, .update(number: 0, isLast: true), version: 2, bytes: 9, now: at(0))!
        pushes.drop(101)
        #expect(pushes.room.bytes == 0)
        #expect(pushes.waitingCount == 0)
        pushes.welcome(101, version: 2)
        pushes.finished(101, attempt: old, taken: true, now: at(0))
        #expect(pushes.want(of: 101) == .snapshot(notBefore: 2))
        #expect(pushes.next(now: at(0)) == 101)
        #expect(pushes.next(now: at(0)) == nil, "it has one place in the lists")
    }

    @Test func whoWaitsForABodyGoesOnWhenItIsMade() {
        var pushes = BrokerPushes()
        for broker: BrokerID in [101, 102] { pushes.welcome(broker, version: 1) }
        while let broker = pushes.next(now: at(0)) { pushes.waitForBody(broker) }
        #expect(pushes.nextDeadline(now: at(0)) == nil)
        pushes.bodyMade(bytes: 100, now: at(0))
        #expect(next(&pushes) == [101, 102])
    }

    @Test func oneTurnBeginsSoMuchAndNoMore() {
        var pushes = told(Array(1...1000))
        pushes.stateChanged()
        let first = next(&pushes, now: 1000)
        // 32 ms of 125 MB/s, each push counting 32 KiB more than it has.
        #expect(first.count == 122)
        let again = pushes.nextDeadline(now: at(1000))!
        #expect(again > at(1000))
        #expect(again < at(1001))
        var count = first.count
        for turn in 1...1000 where count < 1000 { count += next(&pushes, now: 1000 + turn).count }
        #expect(count == 1000, "and the rest follows without anything else having to happen")
    }

    @Test func largeBodiesWaitForRoomAndSmallOnesPass() {
        var pushes = told(Array(1...40))
        pushes.stateChanged()
        let large = 4 * 1024 * 1024
        var flights: [(BrokerID, UInt64)] = []
        for turn in 0..<40 {
            guard let broker = pushes.next(now: at(1000 * turn)) else { break }
            if let attempt = pushes.begin(
                broker, .update(number: 0, isLast: true), version: 2, bytes: large, now: at(1000 * turn))
            {
                flights.append((broker, attempt))
            }
        }
        #expect(flights.count == 16)
        #expect(pushes.room.bytes == PushRoom.maximumBytes)
        pushes.welcome(99, version: 2)
        #expect(pushes.next(now: at(50_000)) == 99)
        #expect(pushes.begin(99, .snapshot, version: 2, bytes: 1000, now: at(50_000)) != nil)
        #expect(pushes.next(now: at(50_000)) == nil)
        #expect(pushes.nextDeadline(now: at(50_000)) == nil, "nothing is to be done until one is answered")
        for (broker, attempt) in flights[..<2] {
            pushes.finished(broker, attempt: attempt, taken: true, now: at(50_000))
        }
        let freed = [pushes.next(now: at(50_000)), pushes.next(now: at(50_000))]
        #expect(freed.contains(17), "the first that waits has the room")
    }

    @Test func theSlowHaveAShareOfTheirOwn() {
        var room = PushRoom()
        for _ in 0..<8 { room.take(4 * 1024 * 1024, isSlow: true) }
        #expect(!room.has(4 * 1024 * 1024, isSlow: true))
        #expect(room.has(4 * 1024 * 1024, isSlow: false))
        #expect(room.has(1000, isSlow: true))
        #expect(PushRoom().has(.max / 2, isSlow: true), "the largest goes alone")
    }

    @Test func aSlowOneGoesBehindThreePromptOnes() {
        var lanes = PushLanes()
        for id: BrokerID in 1...5 { lanes.append(PushEntry(broker: id, ticket: 0, bytes: 0), isSlow: false) }
        for id: BrokerID in 101...103 { lanes.append(PushEntry(broker: id, ticket: 0, bytes: 0), isSlow: true) }
        var order: [BrokerID] = []
        while let entry = lanes.pop() { order.append(entry.broker) }
        #expect(order == [1, 2, 3, 101, 4, 5, 102, 103])
        #expect(lanes.isEmpty)
    }
}

@Suite struct ChangedForBrokersTests {
    private func changed(_ changes: [[Change]]) -> ChangedForBrokers {
        var history = ChangeHistory(behind: Counters())
        for (index, changes) in changes.enumerated() {
            history.record(
                Outcome(result: .done, changes: changes), counters: Counters(version: UInt64(index + 1)))
        }
        return ChangedForBrokers(history.entries(after: 0)!)
    }

    @Test func eachThingIsNamedOnce() {
        let changed = changed([
            [
                .brokerOffline(1), .inSyncReplicasChanged(topic: "a", partition: 0),
                .leaderChanged(topic: "a", partition: 1),
            ],
            [.brokerOffline(2), .leaderChanged(topic: "a", partition: 0)],
            [.inSyncReplicasChanged(topic: "a", partition: 1), .inSyncReplicasChanged(topic: "a", partition: 2)],
        ])
        #expect(changed.brokers)
        #expect(changed.leaders.map(\.partition) == [0, 1])
        #expect(changed.inSync.map(\.partition) == [2])
    }

    @Test func topicsThatComeAndGo() {
        let changed = changed([
            [.topicCreated("new")], [.leaderChanged(topic: "new", partition: 0)],
            [.topicCreated("gone")], [.topicDeleted("gone")],
            [.topicDeleted("again")], [.topicCreated("again")],
        ])
        #expect(!changed.brokers)
        #expect(changed.createdTopics == ["new", "again"])
        #expect(changed.deletedTopics == ["gone", "again"])
        #expect(changed.leaders.isEmpty, "a created topic tells all of it")
    }
}

@Suite struct NodePushTests {
    private func kinds(_ test: NodeUnderTest, to broker: BrokerID) -> [String] {
        test.network.pushes.filter { $0.broker == broker }.map { push in
            let parts = push.body.split(separator: "\"")
            return parts.firstIndex(of: "updateType").map { String(parts[$0 + 2]) } ?? "?"
        }
    }

    /// The broker takes everything.
    private func takeAll(_ test: NodeUnderTest) {
        test.takePushes()
    }

    @Test func everyChangeIsPushedAsItsKind() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        takeAll(test)
        #expect(kinds(test, to: 101) == ["FULL_SNAPSHOT"])
        test.register(102)
        takeAll(test)
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 2, replicationFactor: 2)))
        test.settle()
        takeAll(test)
        test.submit(
            .updateInSyncReplicas(
                UpdateInSyncReplicas(broker: 102, changes: [.init(topic: "t", partition: 0, isInSync: false)])))
        test.settle()
        takeAll(test)
        test.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 102, status: .offline, timestamp: 1)))
        test.settle()
        takeAll(test)
        test.submit(.deleteTopic(DeleteTopic("t")))
        test.settle()
        takeAll(test)
        let seen = Array(kinds(test, to: 101).drop { $0 == "FULL_SNAPSHOT" })
        #expect(
            seen.suffix(6) == [
                "BROKER_UPDATE", "TOPIC_CREATED", "ISR_UPDATE", "BROKER_UPDATE", "LEADER_UPDATE", "TOPIC_DELETED",
            ])
        #expect(!kinds(test, to: 102).contains("TOPIC_DELETED"), "an OFFLINE broker is told when it returns")
    }

    @Test func aNewLeaderTellsOnlineBrokers() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        takeAll(test)
        test.advance(milliseconds: 6000)
        test.elect()
        test.settle()
        takeAll(test)
        #expect(kinds(test, to: 101).suffix(2) == ["CONTROLLER_CHANGED", "FULL_SNAPSHOT"])
    }

    /// The process may be another one, with nothing in its memory.
    @Test func aRepeatedRegistrationIsFollowedByASnapshot() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        takeAll(test)
        let version = test.node.metadata.counters.version
        test.register(101)
        takeAll(test)
        #expect(test.node.metadata.counters.version == version)
        #expect(kinds(test, to: 101) == ["FULL_SNAPSHOT", "FULL_SNAPSHOT"])
        #expect(test.node.measure().pushesWaiting == 0)
    }

    @Test func whoIsFarBehindGetsOneSnapshot() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        for id: BrokerID in 200..<264 { test.register(id) }
        takeAll(test)
        #expect(kinds(test, to: 101) == ["FULL_SNAPSHOT", "BROKER_UPDATE"], "64 versions are one update")
        test.submit(.createTopic(CreateTopic(name: "u", partitionCount: 1, replicationFactor: 1)))
        test.settle()
        for id: BrokerID in 300..<365 { test.register(id) }
        takeAll(test)
        #expect(
            kinds(test, to: 101).dropFirst(2) == ["TOPIC_CREATED", "BROKER_UPDATE"],
            "brokers are one update however many came")
        for version in 0..<66 {
            test.submit(.createTopic(CreateTopic(name: "t\(version)", partitionCount: 1, replicationFactor: 1)))
            test.settle()
        }
        takeAll(test)
        #expect(kinds(test, to: 101).dropFirst(4) == ["TOPIC_CREATED", "FULL_SNAPSHOT"])
    }

    /// They come one after the other, so that each has another version when the last has come.
    @Test func thousandsThatRegisterAreToldTogether() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(1)
        takeAll(test)
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 300, replicationFactor: 1)))
        test.settle()
        for id: BrokerID in 2...500 { test.register(id) }
        let made = test.node.measure().pushBodiesMade
        takeAll(test)
        #expect(test.node.measure().pushesWaiting == 0)
        let told = (1...500).map { kinds(test, to: $0) }
        #expect(told.allSatisfy { kinds in kinds.count { $0 == "FULL_SNAPSHOT" } == 1 }, "one snapshot for each")
        #expect(test.node.measure().pushBodiesMade - made <= 8, "shared by all")
    }

    /// A rack fails: whatever it makes of the partitions, what it costs to say so does not grow with the brokers told.
    @Test func bodiesAreMadeOnceForAll() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.process(
            (1...100).map { test.submission(.registerBroker(RegisterBroker(id: $0, host: "b", port: 1))) })
        test.settle()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 300, replicationFactor: 3)))
        test.settle()
        takeAll(test)
        let made = test.node.measure().pushBodiesMade
        test.process(
            (1...60).map {
                test.submission(.updateBrokerStatus(UpdateBrokerStatus(id: $0, status: .offline, timestamp: 1)))
            })
        test.settle()
        let sent = test.network.pushes.count
        takeAll(test)
        #expect(test.network.pushes.count - sent >= 40)
        #expect(test.node.measure().pushBodiesMade - made <= 2)
        #expect(test.node.measure().pushesWaiting == 0)
        #expect(Set(test.network.forgotten) == Set(1...60), "connections to them are closed")
    }

    @Test func longBodiesAreMadeElsewhere() {
        let test = NodeUnderTest { settings in
            settings.requestTimeout = .seconds(600)
            settings.pushRowsAtOnce = 2
        }.elected()
        for id: BrokerID in 101...103 { test.register(id) }
        test.takePushes()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 5, replicationFactor: 1)))
        test.settle()
        test.submit(.deleteTopic(DeleteTopic("t")))
        test.settle()
        #expect(test.network.bodies.count > 0)
        takeAll(test)
        #expect(test.node.measure().pushesWaiting == 0)
        #expect(kinds(test, to: 101).last == "TOPIC_DELETED")
    }

    @Test func leadershipEndsPushes() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        let before = test.network.pushes.count
        test.append(from: 2, term: 5, behind: test.log.last)
        if let push = test.network.pushes.last {
            test.process(.pushFinished(broker: 101, attempt: push.attempt, taken: false))
        }
        test.advance(milliseconds: 1000)
        #expect(test.network.pushes.count == before)
        #expect(test.network.hasForgottenAll)
        #expect(test.node.measure().pushesWaiting == 0)
    }
}
