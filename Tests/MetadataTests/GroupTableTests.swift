import Testing

@testable import Metadata

/// A table in chunks against a plain dictionary.
@Suite struct GroupTableTests {
    @Test(arguments: 0..<4) func likeADictionary(seed: Int) {
        var random = SeededGenerator(seed: UInt64(seed))
        var table = GroupTable()
        var right: [String: ConsumerGroup] = [:]
        for step in 1...6000 {
            // Up, then down again.
            let isGrowing = step < 4000
            let appID = "\(Int.random(in: 0..<2000, using: &random))"
            if Int.random(in: 0..<10, using: &random) < (isGrowing ? 8 : 2) {
                let group = ConsumerGroup(
                    topic: "t", appID: appID, leader: BrokerID.random(in: 1...5, using: &random), createdAt: 1,
                    modifiedAt: Int64(step))
                #expect(table.put(group, at: UInt64(step)) == right[group.id])
                right[group.id] = group
            } else {
                let id = "G_t_\(appID)"
                #expect(table.remove(id) == right[id])
                right[id] = nil
            }
            guard step % 500 == 0 else { continue }
            let sorted = right.values.sorted { $0.id < $1.id }
            #expect(Array(table) == sorted && table.count == right.count)
            for broker in BrokerID(1)...5 {
                let led = sorted.filter { $0.leader == broker }.map(\.id)
                #expect(table.ids(of: broker) == led && table.count(of: broker) == led.count)
                #expect(table.ids(notOf: broker) == sorted.filter { $0.leader != broker }.map(\.id))
            }
            for id in ["", "G_t_1", "G_t_5555", "H"] {
                #expect(table[id] == right[id])
                let index = table.lowerBound(of: id)
                let first = sorted.first { $0.id >= id }
                #expect(index == table.endIndex ? first == nil : table[index] == first)
            }
            let since = UInt64(step - 100)
            var (changed, index) = ([String](), table.startIndex)
            while true {
                index = table.first(changedAfter: since, from: index).index
                guard index < table.endIndex else { break }
                changed.append(table[index].id)
                index = table.index(after: index)
            }
            #expect(changed == sorted.filter { $0.modifiedAt > Int64(since) }.map(\.id))
        }
    }
}
