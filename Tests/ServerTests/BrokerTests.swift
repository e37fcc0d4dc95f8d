import Metadata
import Raft
import Testing

@testable import Server

@Suite struct BrokerTests {
    private func leader(_ adjust: (inout NodeSettings) -> Void = { _ in }) -> NodeUnderTest {
        let test = NodeUnderTest { settings in
            settings.brokerTimeout = .milliseconds(3000)
            settings.brokerCheckInterval = .milliseconds(500)
            settings.requestTimeout = .seconds(600)
            adjust(&settings)
        }.elected()
        test.register(101)
        test.register(102)
        return test
    }

    /// Lets time pass while the majority stays.
    private func wait(_ test: NodeUnderTest, milliseconds: Int, beating broker: BrokerID? = nil) {
        // Longer steps would be pauses of the node itself.
        for step in 1...(milliseconds / 50) {
            test.advance(milliseconds: 50)
            guard step % 5 == 0 else { continue }
            if let broker { test.heartbeat(broker) }
            test.settle()
        }
    }

    // Heartbeats

    @Test func aHeartbeatIsAcknowledgedBehindAConfirmation() {
        let test = leader()
        test.heartbeat(101)
        #expect(test.heartbeats.all.isEmpty)
        test.acknowledge()
        #expect(test.heartbeats.all.map(\.isSuccess) == [true])
        guard case .success(.acknowledged(let answer))? = test.heartbeats.all.last else { return }
        #expect(answer.version == test.node.metadata.counters.version)
    }

    @Test func anUnknownBrokerIsToldSo() {
        let test = leader()
        test.heartbeat(999)
        test.settle()
        guard case .success(.refused(.unknownBroker(999)))? = test.heartbeats.all.last else {
            Issue.record("\(test.heartbeats.all)")
            return
        }
    }

    @Test func aLeaderThatLostItsQuorumAcknowledgesNothing() {
        let test = leader()
        test.heartbeat(101)
        test.advance(milliseconds: 6000)
        #expect(test.heartbeats.all.map(\.failure) == [.notLeader(leader: nil)])
    }

    @Test func silenceMakesABrokerOffline() {
        let test = leader()
        wait(test, milliseconds: 3000, beating: 101)
        #expect(test.status(of: 102) == .online, "a full timeout is allowed")
        wait(test, milliseconds: 1000, beating: 101)
        #expect(test.status(of: 102) == .offline)
        #expect(test.status(of: 101) == .online)
        #expect(test.node.measure().brokersExpired == 1)
    }

    /// It is in the log still: a second one would come behind the broker's return.
    @Test func anOfflineThatTakesItsTimeIsNotProposedAgain() {
        let test = leader { $0.requestTimeout = .milliseconds(1000) }
        wait(test, milliseconds: 3000, beating: 101)
        for _ in 0..<11 {
            test.advance(milliseconds: 250)
            test.acknowledge()
        }
        #expect(test.node.measure().brokersExpired == 1)
        #expect(test.status(of: 102) == .online, "nobody stores it")
    }

    @Test func aHeartbeatOfAnOfflineBrokerIsAcknowledgedWhenItIsOnline() {
        let test = leader()
        wait(test, milliseconds: 4000, beating: 101)
        let before = test.heartbeats.all.count
        test.heartbeat(102)
        test.acknowledge()
        #expect(test.heartbeats.all.count == before, "ONLINE is not committed yet")
        test.settle()
        #expect(test.heartbeats.all.count == before + 1)
        #expect(test.status(of: 102) == .online)
        wait(test, milliseconds: 2500)
        #expect(test.status(of: 102) == .online, "it has a full timeout again")
    }

    /// ONLINE may be committed by the successor; the answer would come from a node that does not lead.
    @Test func aDeposedLeaderDoesNotAcknowledge() {
        let test = leader()
        wait(test, milliseconds: 4000, beating: 101)
        let before = test.heartbeats.all.count
        test.heartbeat(102)
        test.acknowledge()
        test.persist()
        let last = test.log.last
        test.append(
            from: 2, term: 2, behind: last, [putEntry(last.index.number + 1, term: 2)], commit: last.index.next)
        #expect(test.status(of: 102) == .online)
        #expect(test.heartbeats.all.dropFirst(before).map(\.failure) == [.notLeader(leader: NodeID(2))])
    }

    @Test func aNewLeaderGivesEveryBrokerAFullTimeout() {
        let test = leader { $0.brokerTimeout = .milliseconds(6000) }
        test.advance(milliseconds: 5900)
        #expect(test.node.raft.role != .leader)
        test.elect()
        test.settle()
        wait(test, milliseconds: 5500)
        #expect(test.status(of: 101) == .online)
        wait(test, milliseconds: 1500)
        #expect(test.status(of: 101) == .offline)
    }

    @Test func whoDoesNotLeadExpiresNobody() {
        let test = leader()
        test.append(from: 2, term: 2, behind: test.log.last)
        let before = test.log.last
        for _ in 0..<8 {
            test.advance(milliseconds: 1000)
            test.append(from: 2, term: 2, behind: before)
        }
        #expect(test.log.last == before)
        #expect(test.node.measure().brokersExpired == 0)
    }

    // Time

    private func heartbeatTest(members: Int) -> NodeUnderTest {
        let test = NodeUnderTest(members: members) { settings in
            settings.brokerTimeout = .milliseconds(3000)
            settings.brokerCheckInterval = .milliseconds(500)
            settings.requestTimeout = .seconds(600)
        }.elected()
        test.register(101)
        test.register(102)
        return test
    }

    /// What the node itself missed is held against nobody, be it alone or one of three.
    @Test(arguments: [1, 3]) func aPauseOfTheNodeCountsForNobody(members: Int) {
        let test = heartbeatTest(members: members)
        wait(test, milliseconds: 2000)
        test.advance(milliseconds: 4000)
        test.settle()
        #expect(test.status(of: 101) == .online)
        wait(test, milliseconds: 500)
        #expect(test.status(of: 101) == .online, "its timeout goes on where it stopped")
        wait(test, milliseconds: 2000)
        #expect(test.status(of: 101) == .offline)
        #expect(test.status(of: 102) == .offline)
    }

    /// Whether it came to the leader a majority has yet to say; that it came is certain.
    @Test func aHeartbeatThatWaitsForItsConfirmationCounts() {
        let test = heartbeatTest(members: 3)
        wait(test, milliseconds: 1000)
        test.heartbeat(102)
        for _ in 0..<60 { test.advance(milliseconds: 50) }
        #expect(test.heartbeats.all.isEmpty)
        test.settle()
        #expect(test.heartbeats.all.map(\.isSuccess) == [true])
        #expect(test.status(of: 101) == .offline)
        #expect(test.status(of: 102) == .online)
        wait(test, milliseconds: 2500)
        #expect(test.status(of: 102) == .online, "from its acknowledgement on it has a full timeout")
    }

    @Test func aRackThatFailsIsNotOneLongTurn() {
        let test = heartbeatTest(members: 1)
        for id: BrokerID in 200..<240 { test.register(id) }
        let before = test.log.last.index.number
        while test.log.last.index.number == before { test.advance(milliseconds: 50) }
        #expect(test.log.last.index.number == before + UInt64(BrokerHeartbeats.maximumAtOnce))
        #expect(test.clock.alarm <= test.clock.now.instant, "it goes on at once")
        for _ in 0..<4 { test.process(.timer) }
        #expect(test.log.last.index.number == before + 42)
        test.settle()
        #expect(test.node.metadata.onlineBrokerCount == 0)
        #expect(test.node.measure().brokersExpired == 42)
    }

    /// Its OFFLINE is in the log and may be committed later: then an answer that it is ONLINE would be wrong.
    @Test func anExpiryWithoutOutcomeStillStands() {
        let test = leader { $0.requestTimeout = .milliseconds(1000) }
        wait(test, milliseconds: 3000)
        let committed = test.log.last.index
        while test.log.last.index == committed { test.advance(milliseconds: 50) }
        let offline = test.log.last.index
        for _ in 0..<25 { test.advance(milliseconds: 50) }
        test.heartbeat(102)
        let round = test.network.appends.map(\.readRound).max() ?? 0
        let reply = AppendEntriesReply(
            term: test.node.raft.currentTerm, success: true, matchIndex: committed, readRound: round)
        test.process(.peerReply(.appendEntriesReply(reply, from: NodeID(2), previous: committed), from: .member(2)))
        #expect(test.heartbeats.all.isEmpty)
        #expect(test.log.last.index == offline.next, "it is brought ONLINE again behind it")
        test.settle()
        #expect(test.status(of: 102) == .online)
        #expect(test.heartbeats.all.map(\.isSuccess) == [true])
    }

    // Lag reports

    private func withTopic() -> NodeUnderTest {
        let test = leader()
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 1, replicationFactor: 2)))
        test.settle()
        return test
    }

    private func inSync(_ test: NodeUnderTest) -> [BrokerID] {
        test.node.metadata.topic("t")?.1.first?.inSyncReplicas ?? []
    }

    private func report(
        _ test: NodeUnderTest, _ broker: BrokerID, offset: Int64, time: Int64 = 0, out: Bool = false,
        topic: String = "t"
    ) {
        let lag = LagReport.PartitionLag(
            topic: topic, partition: 0, offsetLag: offset, timeSinceCaughtUp: time, isOutOfSync: out)
        test.process(
            .lagReport(LagReport(broker: broker, partitions: [lag])) { [writes = test.writes] in writes.add($0) })
        test.settle()
    }

    @Test(
        arguments: [
            (4000, 10_000, false, true), (4001, 0, false, false), (0, 10_001, false, false), (0, 0, true, false),
        ] as [(Int64, Int64, Bool, Bool)])
    func outOfSync(offset: Int64, time: Int64, out: Bool, stays: Bool) {
        let test = withTopic()
        #expect(inSync(test) == [101, 102])
        report(test, 102, offset: offset, time: time, out: out)
        #expect(inSync(test) == (stays ? [101, 102] : [101]))
    }

    @Test(arguments: [(99, 999, true), (100, 0, false), (0, 1000, false)] as [(Int64, Int64, Bool)])
    func backInSync(offset: Int64, time: Int64, joins: Bool) {
        let test = withTopic()
        report(test, 102, offset: 5000)
        report(test, 102, offset: offset, time: time)
        #expect(inSync(test) == (joins ? [101, 102] : [101]))
    }

    @Test func aLeaderAndAStrangerStayWhatTheyAre() {
        let test = withTopic()
        test.register(103)
        let last = test.log.last
        report(test, 101, offset: 5000, out: true)
        report(test, 103, offset: 0)
        report(test, 102, offset: 0)
        report(test, 102, offset: 5000, topic: "unknown")
        #expect(inSync(test) == [101, 102])
        #expect(test.log.last == last, "a report that changes nothing is no entry")
        report(test, 999, offset: 0)
        #expect(test.writes.all.last == .success(.refused(.unknownBroker(999))))
    }
}
