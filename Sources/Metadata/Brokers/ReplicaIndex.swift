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
    private var names: [String] = []
    private var unusedNumbers: [TopicNumber] = []

    mutating func number(for name: String) -> TopicNumber {
        if let number = unusedNumbers.popLast() {
            names[Int(number)] = name
            return number
        }
        names.append(name)
        return TopicNumber(names.count - 1)
    }

    func name(of topic: TopicNumber) -> String { names[Int(topic)] }

    mutating func insert(_ partition: Partition, of topic: TopicNumber) {
        for broker in partition.replicas {
            places[broker, default: []].append(Place(topic: topic, partition: UInt32(partition.id)))
        }
    }

    mutating func remove(_ topic: TopicNumber, brokers: Set<BrokerID>) {
        for broker in brokers {
            places[broker]?.removeAll { $0.topic == topic }
            if places[broker]?.isEmpty ?? false { places[broker] = nil }
        }
        names[Int(topic)] = ""
        unusedNumbers.append(topic)
    }

    /// In no particular order.
    func places(of broker: BrokerID) -> [Place] { places[broker] ?? [] }

    func count(of broker: BrokerID) -> Int { places[broker]?.count ?? 0 }
}
