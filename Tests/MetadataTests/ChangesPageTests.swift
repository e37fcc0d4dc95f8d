import Testing

@testable import Metadata

/// What changed behind a version (control-plane.md 2.17): whoever takes it in has what the state has.
@Suite struct ChangesPageTests {
    /// A copy of brokers, topics and partitions, kept by pages.
    private struct Follower {
        var version: UInt64 = 0
        var brokers: [BrokerID: Broker] = [:]
        var topics: [String: Topic] = [:]
        var partitions: [String: [Int: Partition]] = [:]
        /// What the first page was of, and where the next begins.
        var target: UInt64?
        var place: ChangesPage.Place?
        var rows = 0

        /// Takes in one page; true if it was the last.
        mutating func follow(_ state: MetadataStateMachine, limit: Int) -> Bool {
            let page = state.changesImage.page(after: version, from: place, limit: limit)
            for id in page.removedBrokers { brokers[id] = nil }
            for topic in page.removedTopics {
                topics[topic.name] = nil
                partitions[topic.name] = nil
            }
            for broker in page.brokers { brokers[broker.id] = broker }
            for topic in page.topics { topics[topic.name] = topic }
            for (topic, partition) in page.partitions { partitions[topic.name, default: [:]][partition.id] = partition }
            let count =
                page.removedBrokers.count + page.removedTopics.count + page.brokers.count + page.topics.count
                + page.partitions.count
            #expect(count <= limit)
            rows += count
            target = target ?? page.version
            place = page.next
            guard page.next == nil else { return false }
            (version, target) = (target!, nil)
            return true
        }

        func hasAll(of state: MetadataStateMachine) -> Bool {
            brokers.values.sorted { $0.id < $1.id } == state.brokers
                && topics.keys.sorted() == state.topicNames
                && state.topics.allSatisfy { rows in
                    topics[rows.topic.name] == rows.topic
                        && partitions[rows.topic.name, default: [:]].values.sorted { $0.id < $1.id } == rows.partitions
                } && partitions.count { !$0.value.isEmpty } == state.topicCount
        }
    }

    private func change(_ machine: inout Machine, _ random: inout SeededGenerator) {
        let id = BrokerID.random(in: 1...6, using: &random)
        let topic = ["a", "b", "b.c", "d", "z"].randomElement(using: &random)!
        switch Int.random(in: 0..<12, using: &random) {
        case 0..<2: machine.register(id, host: ["x", "y"].randomElement(using: &random))
        case 2: machine.apply(.unregisterBroker(id))
        case 3..<6: machine.setStatus(id, Bool.random(using: &random) ? .online : .offline)
        case 6..<8:
            machine.create(
                topic, partitions: .random(in: 1...5, using: &random), replicas: .random(in: 1...3, using: &random),
                id: TopicID(high: 1, low: random.next()))
        case 8: machine.apply(.deleteTopic(DeleteTopic(topic)))
        default: machine.setInSync(id, Bool.random(using: &random), topic, .random(in: 0...4, using: &random))
        }
    }

    @Test("pages that are taken in while all changes lead to what there is", arguments: 0..<30)
    func follower(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var (machine, follower) = (Machine(), Follower())
        if seed % 2 == 0 { machine.apply(.raiseLevel(to: 4)) }
        for _ in 0..<400 {
            change(&machine, &random)
            if Int.random(in: 0..<3, using: &random) == 0 {
                _ = follower.follow(machine.state, limit: [1, 2, 7, 1000].randomElement(using: &random)!)
            }
            guard Int.random(in: 0..<20, using: &random) == 0 else { continue }
            while follower.version < machine.state.counters.version { _ = follower.follow(machine.state, limit: 3) }
            #expect(follower.hasAll(of: machine.state))
        }
    }

    @Test func onlyWhatChangedIsTold() {
        var machine = Machine()
        for id: BrokerID in 1...3 { machine.register(id) }
        for number in 0..<600 { machine.create("t\(number)", partitions: 2, replicas: 2) }
        var follower = Follower()
        while !follower.follow(machine.state, limit: 500) {}
        #expect(follower.rows == 3 + 600 + 1200)
        follower.rows = 0
        machine.setInSync(1, false, "t7", 0)
        machine.apply(.deleteTopic(DeleteTopic("t8")))
        machine.register(2, rack: "r")
        let isLast = follower.follow(machine.state, limit: 10)
        #expect(isLast && follower.rows == 3 && follower.hasAll(of: machine.state))
    }

    @Test func aNewTopicOfAnOldNameIsAnotherOne() {
        var machine = Machine()
        machine.register(1)
        machine.create("t", partitions: 3)
        var follower = Follower()
        _ = follower.follow(machine.state, limit: 100)
        machine.apply(.deleteTopic(DeleteTopic("t")))
        machine.create("t", partitions: 1)
        let isLast = follower.follow(machine.state, limit: 100)
        #expect(isLast && follower.hasAll(of: machine.state))
    }

    @Test func aStateThatWasRestoredKnowsNothingOfBefore() throws {
        var machine = Machine()
        machine.register(1)
        machine.create("t")
        let stored = machine.rows
        var restored = MetadataStateMachine(counters: machine.state.counters)
        for row in stored { try restored.restore(row) }
        try restored.finishRestoration()
        #expect(restored.oldestVersionToFollow == 2)
        #expect(restored.changesImage.page(after: 2, from: nil, limit: 10).rowCount == 0)
        var follower = Follower()
        var isLast = follower.follow(restored, limit: 10)
        #expect(isLast && follower.hasAll(of: restored))
        var later = Machine(state: restored)
        later.apply(.deleteTopic(DeleteTopic("t")))
        isLast = follower.follow(later.state, limit: 10)
        #expect(isLast && follower.hasAll(of: later.state))
    }

    @Test func aPageIsBoundedInText() {
        var machine = Machine()
        machine.register(1)
        for number in 0..<3 { machine.create("t\(number)", partitions: 10_000) }
        let page = machine.state.changesImage.page(after: 0, from: nil, limit: 10_000)
        #expect((3000...6000).contains(page.partitions.count) && page.next != nil)
    }

    @Test func aPageLooksAtSoManyRowsOnly() {
        var machine = Machine()
        machine.register(1)
        machine.register(2)
        for number in 0..<3 { machine.create("t\(number)", partitions: 10_000, replicas: 2) }
        let version = machine.state.counters.version
        for number in 0..<3 { machine.setInSync(2, false, "t\(number)", 9_998) }
        let page = machine.state.changesImage.page(after: version, from: nil, limit: 10)
        guard case .topic("t1", let next)? = page.next else {
            Issue.record("the page goes on with \(String(describing: page.next))")
            return
        }
        #expect(page.partitions.count == 1 && (9_980...9_998).contains(next))
    }

    @Test func soManyRemovalsAreRemembered() {
        var removals = Removals(floor: 5)
        for version in 6..<(7 + UInt64(Removals.maximumCount)) { removals.append(.broker(1), at: version) }
        #expect(removals.floor == 505 && removals.count == Removals.maximumCount + 1 - 500)
        #expect(removals.from(0).first { _ in true }?.version == 506)
        #expect(Array(removals.from(100_004)).map(\.version) == [100_004, 100_005, 100_006])
    }
}
