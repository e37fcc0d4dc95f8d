import Metadata
import Raft
import Testing

@testable import Server

/// What failed over goes back by itself, to brokers that are there to stay.
@Suite struct LeaderBalanceTests {
    /// A node alone. Broker 101 led both partitions of `t`, was lost at once, and is back and in sync.
    private func returned() -> NodeUnderTest {
        let test = NodeUnderTest(members: 1) { settings in
            settings.leaderRebalanceInterval = .seconds(300)
            settings.leaderRebalanceQuiet = .seconds(60)
            settings.brokerTimeout = .seconds(86_400)
        }.elected()
        test.submit(.raiseLevel(to: 4))
        test.register(101)
        test.register(102)
        test.submit(.createTopic(CreateTopic(name: "t", partitionCount: 3, replicationFactor: 2)))
        test.settle()
        setStatus(test, .offline)
        return test
    }

    private func setStatus(_ test: NodeUnderTest, _ status: BrokerStatus) {
        test.submit(.updateBrokerStatus(UpdateBrokerStatus(id: 101, status: status, timestamp: 0)))
        test.settle()
    }

    private func comeBack(_ test: NodeUnderTest) {
        setStatus(test, .online)
        let changes = (0..<3).map { UpdateInSyncReplicas.Change(topic: "t", partition: $0, isInSync: true) }
        test.submit(.updateInSyncReplicas(UpdateInSyncReplicas(broker: 101, changes: changes)))
        test.settle()
    }

    private func advance(_ test: NodeUnderTest, seconds: Int) {
        for _ in 0..<seconds {
            test.advance(milliseconds: 1000)
            test.settle()
        }
    }

    private func leaders(_ test: NodeUnderTest) -> [BrokerID?] { test.node.metadata.topic("t")!.1.map(\.leader) }

    @Test func atTheNextLookIfItIsThereToStay() {
        let test = returned()
        comeBack(test)
        #expect(leaders(test) == [102, 102, 102])
        advance(test, seconds: 290)
        #expect(leaders(test) == [102, 102, 102])
        advance(test, seconds: 20)
        #expect(leaders(test) == [101, 102, 101])
    }

    @Test func whoComesAndGoesGetsNothingBackYet() {
        let test = returned()
        advance(test, seconds: 250)
        comeBack(test)
        advance(test, seconds: 60)
        #expect(leaders(test) == [102, 102, 102])
        advance(test, seconds: 300)
        #expect(leaders(test) == [101, 102, 101])
    }

    @Test func onRequestAtOnce() {
        let test = returned()
        comeBack(test)
        let answers = Answers<Result<ElectLeadersOutcome, RequestFailure>>()
        test.process(.electLeaders(.all) { answers.add($0) })
        test.settle()
        let outcome = try? answers.all.last?.get()
        #expect(outcome?.election.partitions.map(\.partition) == [0, 2] && outcome?.isMore == false)
        #expect(leaders(test) == [101, 102, 101])
        // And again without an entry.
        let last = test.node.raft.log.last
        test.process(.electLeaders(.all) { answers.add($0) })
        let place = ElectLeaders.Place(topic: "t", partition: 1)
        test.process(.electLeaders(.listed(ElectLeaders([place]))) { answers.add($0) })
        test.settle()
        #expect((try? answers.all[1].get())?.results == [])
        #expect((try? answers.all[2].get())?.results.map(\.partition) == [.failure(.electionNotNeeded)])
        #expect(test.node.raft.log.last == last)
    }

    @Test func belowTheLevelNothingMoves() {
        let test = NodeUnderTest(members: 1) { $0.newClusterLevel = 3 }.elected()
        let answers = Answers<Result<ElectLeadersOutcome, RequestFailure>>()
        test.process(.electLeaders(.all) { answers.add($0) })
        test.settle()
        #expect(answers.all == [.failure(.levelTooLow(needed: 4))])
    }
}
