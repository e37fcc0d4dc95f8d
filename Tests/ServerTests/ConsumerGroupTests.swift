import Metadata
import Raft
import Testing

@testable import Server

/// Groups and ids for producers, as the leader answers for them.
@Suite struct ConsumerGroupTests {
    private let answers = Answers<Result<CommandResult, RequestFailure>>()

    private func change(_ test: NodeUnderTest, _ command: Command) -> Result<CommandResult, RequestFailure>? {
        test.process(.change(command) { [answers] in answers.add($0) })
        test.settle()
        return answers.all.last
    }

    @Test func whatIsThereIsAnsweredWithoutAnEntry() throws {
        let test = NodeUnderTest(members: 1).elected()
        test.register(101)
        let find = Command.group(.find(topic: "t", appID: "a"))
        let first = try #require(change(test, find)).get()
        guard case .group(let group, let leader) = first else { return #expect(Bool(false), "\(first)") }
        #expect(group.leader == 101 && leader?.id == 101 && test.node.measure().groups == 1)
        let last = test.log.last
        #expect(change(test, find) == .success(first))
        #expect(change(test, .group(.delete("G_t_b", by: 101))) == .success(.done))
        #expect(change(test, .group(.move("G_t_a", to: 101))) == .success(first))
        let stale = Command.allocateProducerIDs(AllocateProducerIDs(broker: 101, epoch: 9))
        #expect(change(test, stale) == .success(.refused(.staleBrokerEpoch(101, present: nil))))
        #expect(test.log.last == last)
        let block = Command.allocateProducerIDs(AllocateProducerIDs(broker: 101))
        #expect(change(test, block) == .success(.producerIDs(first: 0, count: 1000)))
        #expect(change(test, block) == .success(.producerIDs(first: 1000, count: 1000)))
    }

    @Test func belowTheLevelThereAreNone() {
        let test = NodeUnderTest(members: 1) { $0.newClusterLevel = 4 }.elected()
        test.register(101)
        #expect(change(test, .group(.find(topic: "t", appID: "a"))) == .failure(.levelTooLow(needed: 5)))
        let block = Command.allocateProducerIDs(AllocateProducerIDs(broker: 101))
        #expect(change(test, block) == .failure(.levelTooLow(needed: 5)))
    }

    @Test func aFollowerSaysWhoLeads() {
        let test = NodeUnderTest()
        test.append(from: 2, term: 1, behind: .zero)
        #expect(change(test, .group(.find(topic: "t", appID: "a"))) == .failure(.notLeader(leader: NodeID(2))))
    }

    /// The version is news for brokers, also where nothing of the change is told.
    @Test func brokersAreToldOfTheVersion() {
        let test = NodeUnderTest(members: 1).elected()
        test.register(101)
        test.takePushes()
        let before = test.network.pushes.count
        _ = change(test, .group(.find(topic: "t", appID: "a")))
        test.takePushes()
        #expect(test.network.pushes.count == before + 1)
    }
}
