/// Which partitions have a replica on each broker, so that what happens to a broker costs no look at the partitions of
/// others. Kept by apply, derived from the rows: no part of the digest, and not stored.
///
/// A partition keeps its replicas for life, so only topics that come and go change it. Whether the replica is in sync,
/// or leads, its row says.
struct ReplicaIndex: Sendable {
    struct Place: Sendable {
        var topic: TopicNumber
        var partition: UInt32
    }

    /// Stands for a topic's name while the topic exists. Which topic has which number differs from node to node.
    typealias TopicNumber = UInt32

    private var places: [BrokerID: [Place]] = [:]
    /// How many partitions each leads; without those that lead none.
    private var led: [BrokerID: Int] = [:]
    private var names: [String] = []
    private var numbers: [TopicID: TopicNumber] = [:]
    private var unusedNumbers: [TopicNumber] = []

    mutating func number(for topic: Topic) -> TopicNumber {
        let number = unusedNumbers.popLast() ?? TopicNumber(names.count)
        if Int(number) == names.count { names.append("") }
        names[Int(number)] = topic.name
        numbers[topic.id] = number
        return number
    }

    func name(of topic: TopicID) -> String? { numbers[topic].map(name) }

    func name(of topic: TopicNumber) -> String { names[Int(topic)] }

    mutating func insert(_ partition: Partition, of topic: TopicNumber) {
        for broker in partition.replicas {
            places[broker, default: []].append(Place(topic: topic, partition: UInt32(partition.id)))
        }
        changeLeader(from: nil, to: partition.leader)
    }

    mutating func remove(_ rows: TopicRows) {
        for broker in Set(rows.partitions.lazy.flatMap(\.replicas)) {
            places[broker]?.removeAll { $0.topic == rows.number }
            if places[broker]?.isEmpty ?? false { places[broker] = nil }
        }
        for partition in rows.partitions { changeLeader(from: partition.leader, to: nil) }
        names[Int(rows.number)] = ""
        numbers[rows.topic.id] = nil
        unusedNumbers.append(rows.number)
    }

    mutating func changeLeader(from old: BrokerID?, to new: BrokerID?) {
        guard old != new else { return }
        if let new { led[new, default: 0] += 1 }
        if let old, let count = led[old] { led[old] = count > 1 ? count - 1 : nil }
    }

    /// In no particular order.
    func places(of broker: BrokerID) -> [Place] { places[broker] ?? [] }

    func ledCount(of broker: BrokerID) -> Int { led[broker] ?? 0 }

    func count(of broker: BrokerID) -> Int { places[broker]?.count ?? 0 }
}
