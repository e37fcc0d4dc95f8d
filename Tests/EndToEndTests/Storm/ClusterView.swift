import Foundation

/// What somebody knows of the brokers, and of each partition its leader, in-sync replicas and epoch.
struct ClusterView: Equatable {
    struct Partition: Equatable {
        let leader: Int?
        let inSync: [Int]?
        let epoch: Int?
    }

    private(set) var brokers: [Int: Bool] = [:]
    private var topics: [String: [Partition?]] = [:]

    /// As a node tells it.
    init(of node: Node) throws {
        let view = parsed(Data(try node.get("/api/v1/metadata/cluster").body))
        for broker in list("brokers", of: view) {
            if let id = broker["id"] as? Int { brokers[id] = broker["status"] as? String == "ONLINE" }
        }
        for topic in list("topics", of: view) {
            guard let name = topic["topicName"] as? String else { continue }
            for partition in list("partitions", of: topic) {
                guard let id = partition["id"] as? Int else { continue }
                add(id, Partition(partition, leader: "leader", inSync: "isr"), of: name)
            }
        }
    }

    /// As a broker has it that was told this, in this order.
    init(_ updates: [BrokerUpdate]) {
        for update in updates {
            if update.isWhole { topics = [:] }
            if let brokers = update.brokers { self.brokers = brokers }
            for (topic, id, partition) in update.partitions { add(id, partition, of: topic) }
        }
    }

    private mutating func add(_ id: Int, _ partition: Partition, of topic: String) {
        if topics[topic]?.count ?? 0 <= id {
            topics[topic, default: []] += Array(repeating: nil, count: id + 1 - (topics[topic]?.count ?? 0))
        }
        topics[topic]?[id] = partition
    }
}

/// One push, as far as it changes a view.
struct BrokerUpdate: Sendable {
    let isWhole: Bool
    private(set) var brokers: [Int: Bool]?
    private(set) var partitions: [(topic: String, id: Int, ClusterView.Partition)] = []

    init(_ body: Data) {
        let update = parsed(body)
        isWhole = Self.isWhole(body)
        if isWhole || update["updateType"] as? String == "BROKER_UPDATE" {
            brokers = [:]
            for broker in list("brokers", of: update) {
                if let id = broker["id"] as? Int { brokers?[id] = broker["alive"] as? Bool }
            }
        }
        for partition in list("partitions", of: update) {
            guard let topic = partition["topic"] as? String, let id = partition["partition"] as? Int else { continue }
            partitions.append((topic, id, ClusterView.Partition(partition, leader: "leaderId", inSync: "isrIds")))
        }
    }

    /// Whether an update is all of the state, however much there was before.
    static func isWhole(_ body: Data) -> Bool { body.starts(with: Data(#"{"updateType":"FULL_SNAPSHOT""#.utf8)) }
}

extension ClusterView.Partition {
    fileprivate init(_ object: [String: Any], leader: String, inSync: String) {
        self.init(
            leader: object[leader] as? Int, inSync: object[inSync] as? [Int], epoch: object["leaderEpoch"] as? Int)
    }
}

private func parsed(_ body: Data) -> [String: Any] {
    (try? JSONSerialization.jsonObject(with: body)) as? [String: Any] ?? [:]
}

private func list(_ name: String, of object: [String: Any]) -> [[String: Any]] {
    object[name] as? [[String: Any]] ?? []
}
