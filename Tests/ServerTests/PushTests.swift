import Metadata
import Raft
import Testing

@testable import Server

@Suite struct BrokerPushesTests {
    private func update(_ version: UInt64, _ kind: PushKind = .brokerUpdate) -> PushUpdate {
        PushUpdate(kind: kind, version: version, body: Array("\(kind.rawValue) \(version)".utf8))
    }

    private func at(_ milliseconds: Int) -> Instant { Instant(nanoseconds: UInt64(milliseconds) * 1_000_000) }

    private func text(_ delivery: BrokerPushes.Delivery?) -> String {
        String(decoding: delivery?.body ?? [], as: UTF8.self)
    }

    @Test func oneAtATimeInOrder() {
        var pushes = BrokerPushes()
        for version: UInt64 in 1...3 { _ = pushes.enqueue(update(version), for: 101) }
        for version in 1...3 {
            let due = pushes.due(now: at(0))
            #expect(due.map { text($0) } == ["BROKER_UPDATE \(version)"])
            let more = pushes.due(now: at(0))
            #expect(more.isEmpty, "the next waits for the answer")
            pushes.finished(101, attempt: due[0].attempt, taken: true, now: at(0))
        }
        let rest = pushes.due(now: at(0))
        #expect(rest.isEmpty)
        #expect(pushes.depth == 0)
        #expect(pushes.nextDeadline == nil)
    }

    @Test func aSlowBrokerDelaysNobodyElse() {
        var pushes = BrokerPushes()
        for broker: BrokerID in [103, 101, 102] { _ = pushes.enqueue(update(1), for: broker) }
        let first = pushes.due(now: at(0))
        #expect(first.map(\.broker) == [101, 102, 103])
        _ = pushes.enqueue(update(2), for: 102)
        let second = pushes.due(now: at(0))
        #expect(second.isEmpty)
    }

    @Test func aFailureIsTriedAgainWithGrowingPauses() {
        var pushes = BrokerPushes()
        _ = pushes.enqueue(update(1), for: 101)
        _ = pushes.enqueue(update(2), for: 101)
        var now = 0
        var pauses: [Int] = []
        for _ in 0..<10 {
            let due = pushes.due(now: at(now))
            #expect(text(due.first) == "BROKER_UPDATE 1", "the order stays")
            pushes.finished(101, attempt: due[0].attempt, taken: false, now: at(now))
            let next = Int((pushes.nextDeadline?.nanoseconds ?? 0) / 1_000_000)
            pauses.append(next - now)
            let early = pushes.due(now: at(next - 1))
            #expect(early.isEmpty)
            now = next
        }
        #expect(pauses == [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000])
    }

    @Test func aSnapshotOvertakesWhatWaits() {
        var pushes = BrokerPushes()
        for version: UInt64 in 1...3 { _ = pushes.enqueue(update(version), for: 101) }
        let first = pushes.due(now: at(0))
        _ = pushes.enqueue(update(4, .fullSnapshot), for: 101)
        _ = pushes.enqueue(update(5), for: 101)
        let meanwhile = pushes.due(now: at(0))
        #expect(meanwhile.isEmpty, "what is on its way comes to its end")
        pushes.finished(101, attempt: first[0].attempt, taken: false, now: at(0))
        let next = pushes.due(now: at(1000))
        #expect(next.map { text($0) } == ["FULL_SNAPSHOT 4"])
        pushes.finished(101, attempt: next[0].attempt, taken: true, now: at(1000))
        let last = pushes.due(now: at(1000))
        #expect(last.map { text($0) } == ["BROKER_UPDATE 5"])
    }

    @Test func tooMuchWaitingAsksForASnapshot() {
        var pushes = BrokerPushes()
        var answers: [Bool] = []
        for version: UInt64 in 1...65 { answers.append(pushes.enqueue(update(version), for: 101)) }
        #expect(answers.filter { $0 }.count == 1)
        #expect(answers.last == true)
    }

    @Test func aLateAnswerToSomethingDroppedMeansNothing() {
        var pushes = BrokerPushes()
        _ = pushes.enqueue(update(1), for: 101)
        let old = pushes.due(now: at(0))
        pushes.drop(101)
        _ = pushes.enqueue(update(2), for: 101)
        let new = pushes.due(now: at(0))
        pushes.finished(101, attempt: old[0].attempt, taken: true, now: at(0))
        #expect(pushes.depth == 1)
        pushes.finished(101, attempt: new[0].attempt, taken: true, now: at(0))
        #expect(pushes.depth == 0)
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
        var answered = 0
        while answered < test.network.pushes.count {
            let push = test.network.pushes[answered]
            answered += 1
            test.process(.pushFinished(broker: push.broker, attempt: push.attempt, taken: true))
        }
    }

    @Test func everyChangeIsPushedAsItsKind() {
        let test = NodeUnderTest { $0.requestTimeout = .seconds(600) }.elected()
        test.register(101)
        takeAll(test)
        #expect(
            kinds(test, to: 101) == ["BROKER_UPDATE", "FULL_SNAPSHOT"] || kinds(test, to: 101) == ["FULL_SNAPSHOT"])
        test.register(102)
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 2, replicationFactor: 2)))
        test.settle()
        test.submit(
            .updateInSyncReplicas(
                UpdateInSyncReplicas(broker: 102, changes: [.init(topic: "t", partition: 0, isInSync: false)])))
        test.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 102, status: .offline, timestamp: 1)))
        test.settle()
        test.submit(.deleteTopic(name: "t"))
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
        #expect(kinds(test, to: 101).last == "CONTROLLER_CHANGED")
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
        #expect(test.node.measure().pushesWaiting == 0)
    }
}
