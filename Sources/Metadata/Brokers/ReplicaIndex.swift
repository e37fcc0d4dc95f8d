import Defects

/// Which partitions have a replica on each broker, so that what happens to a broker costs no look at the partitions of
/// others. Kept by apply, derived from the rows: no part of the digest, and not stored.
///
/// Whether the replica is in sync, or leads, the partition's row says.
struct ReplicaIndex: Sendable {
    struct Place: Comparable, Sendable {
        var topic: TopicNumber
        var partition: UInt32

        static func < (a: Self, b: Self) -> Bool { (a.topic, a.partition) < (b.topic, b.partition) }
    }

    /// Stands for a topic's name while the topic exists. Which topic has which number differs from node to node.
    typealias TopicNumber = UInt32

    private var places: [BrokerID: SortedBlocks<Place>] = [:]
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
        for broker in partition.replicas { insert(partition.id, of: topic, on: broker) }
        changeLeader(from: nil, to: partition.leader)
    }

    mutating func replace(_ previous: Partition, with partition: Partition, of topic: TopicNumber) {
        let isMoved = previous.replicas != partition.replicas
        if !isMoved || !Defect.movedLeadersNotCounted.isOn {
            changeLeader(from: previous.leader, to: partition.leader)
        }
        guard isMoved else { return }
        for broker in previous.replicas.subtracting(partition.replicas) {
            remove(partition.id, of: topic, on: broker)
        }
        for broker in partition.replicas.subtracting(previous.replicas) {
            insert(partition.id, of: topic, on: broker)
        }
    }

    mutating func remove(_ rows: TopicRows) {
        for partition in rows.partitions {
            for broker in partition.replicas { remove(partition.id, of: rows.number, on: broker) }
            changeLeader(from: partition.leader, to: nil)
        }
        names[Int(rows.number)] = ""
        numbers[rows.topic.id] = nil
        unusedNumbers.append(rows.number)
    }

    private mutating func insert(_ partition: Int, of topic: TopicNumber, on broker: BrokerID) {
        places[broker, default: SortedBlocks()].insert(Place(topic: topic, partition: UInt32(partition)))
    }

    private mutating func remove(_ partition: Int, of topic: TopicNumber, on broker: BrokerID) {
        places[broker]?.remove(Place(topic: topic, partition: UInt32(partition)))
        if places[broker]?.isEmpty ?? false { places[broker] = nil }
    }

    private mutating func changeLeader(from old: BrokerID?, to new: BrokerID?) {
        guard old != new else { return }
        if let new { led[new, default: 0] += 1 }
        if let old, let count = led[old] { led[old] = count > 1 ? count - 1 : nil }
    }

    /// Those of one topic stand together.
    func places(of broker: BrokerID) -> SortedBlocks<Place> { places[broker] ?? SortedBlocks() }

    func ledCount(of broker: BrokerID) -> Int { led[broker] ?? 0 }

    func count(of broker: BrokerID) -> Int { places[broker]?.count ?? 0 }
}
