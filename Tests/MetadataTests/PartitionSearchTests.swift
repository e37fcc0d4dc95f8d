import Testing

@testable import Metadata

@Suite struct PartitionSearchTests {
    typealias Place = PartitionSearch.Place

    /// Four brokers, of which two fail, so that there is something of each condition.
    private func machine(topics: Int) -> Machine {
        var machine = Machine()
        for id: BrokerID in 1...4 { machine.register(id) }
        for number in 0..<topics {
            machine.create("t\(number % 7)-\(number)", partitions: 1 + number % 5, replicas: 1 + number % 3)
        }
        machine.setStatus(2, .offline)
        machine.setStatus(3, .offline)
        machine.setStatus(3, .online)
        return machine
    }

    private func names(_ page: PartitionSearch.Page) -> [Place] {
        page.rows.map { Place(topic: $0.topic.name, partition: $0.partition.id) }
    }

    /// All pages.
    private func found(_ search: PartitionSearch, _ state: MetadataStateMachine, limit: Int) -> [Place] {
        var (all, after): ([Place], Place?) = ([], nil)
        repeat {
            let page = state.page(of: search, after: after, limit: limit)
            #expect(page.rows.count <= limit)
            all += names(page)
            after = page.next
        } while after != nil
        return all
    }

    @Test("whatever is asked for, the pages are what a look at everything finds", arguments: [7, 10_000])
    func pages(limit: Int) {
        let state = machine(topics: 300).state
        let conditions: [PartitionCondition?] = [nil] + PartitionCondition.allCases
        for condition in conditions {
            for broker in [nil, 2] as [BrokerID?] {
                for leader in [nil, 1] as [BrokerID?] {
                    for topic in [nil, "t3-3", "none"] as [String?] {
                        let search = PartitionSearch(condition: condition, broker: broker, leader: leader, topic: topic)
                        let right = state.topics.flatMap { rows in
                            rows.partitions.filter { partition in
                                (topic ?? rows.topic.name) == rows.topic.name
                                    && condition?.holds(for: partition, in: rows.topic) ?? true
                                    && broker.map(partition.replicas.contains) ?? true
                                    && (leader == nil || partition.leader == leader)
                            }.map { Place(topic: rows.topic.name, partition: $0.id) }
                        }
                        #expect(found(search, state, limit: limit) == right, "\(search)")
                        if let count = state.count(of: search) { #expect(count == right.count, "\(search)") }
                    }
                }
            }
        }
        #expect(state.count(of: PartitionSearch(condition: .offline))! > 40)
        #expect(state.count(of: PartitionSearch(condition: .offline, leader: 1)) == nil, "nobody looks for that")
    }

    @Test func aPageBeginsBehindWhatIsGone() {
        var machine = machine(topics: 20)
        let all = found(PartitionSearch(), machine.state, limit: 100)
        let place = all.first { $0.topic == "t3-3" }!
        machine.apply(.deleteTopic(DeleteTopic("t3-3")))
        let page = machine.state.page(of: PartitionSearch(), after: place, limit: 100)
        #expect(names(page) == all.filter { $0.topic > "t3-3" })
    }

    @Test func onePageLooksAtSoManyOnly() {
        var machine = Machine()
        for id: BrokerID in 1...2 { machine.register(id) }
        for number in 0..<3 { machine.create("t\(number)", partitions: 10_000, replicas: 1) }
        let search = PartitionSearch(broker: 3)
        let page = machine.state.page(of: search, after: nil, limit: 10)
        #expect(page.rows.isEmpty && page.next == Place(topic: "t1", partition: 9_999))
        #expect(machine.state.page(of: search, after: page.next, limit: 10).next == nil)
    }
}
