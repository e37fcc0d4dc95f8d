import Metadata
import Raft
import Server
import Wire

// The JSON shapes of brokers, topics and the controller (contract §3), fields in the contract's order.

extension Broker {
    /// Host and port in one; an IPv6 address stands in brackets (RFC 3986 §3.2.2).
    var address: String { host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

extension JSONWriter {
    mutating func value(_ broker: Broker) {
        object { json in
            json.field("brokerId", broker.id)
            json.field("id", broker.id)
            json.field("host", broker.host)
            json.field("port", broker.port)
            json.field("address", broker.address)
            json.field("rack", broker.rack)
            json.field("status", broker.status.rawValue)
            json.field("registeredAt", broker.registeredAt)
        }
    }

    /// All but its partitions, which stand in an array behind.
    fileprivate mutating func begin(_ topic: Topic) {
        beginObject()
        field("topicName", topic.name)
        field("numPartitions", topic.partitionCount)
        field("replicationFactor", topic.replicationFactor)
        field("createdAt", topic.createdAt)
        key("config")
        value(topic.configuration)
        key("partitions")
        beginArray()
    }

    fileprivate mutating func endTopic() {
        endArray()
        endObject()
    }

    /// Clients see the followers as `replicas`, without the leader.
    fileprivate mutating func value(_ partition: Partition) {
        object { json in
            json.field("id", partition.id)
            json.field("leader", partition.leader)
            json.arrayField("replicas") { json in
                for replica in partition.replicas where replica != partition.leader { json.value(replica) }
            }
            json.arrayField("isr") { json in
                for replica in partition.inSyncReplicas { json.value(replica) }
            }
            json.field("leaderEpoch", partition.leaderEpoch)
        }
    }
}

extension JSONStream {
    /// A topic may have ten thousand partitions.
    static func topics(_ topics: [(Topic, [Partition])]) -> AnySequence<Step> {
        AnySequence(
            topics.lazy.flatMap { topic, partitions in
                [
                    AnySequence.one { $0.begin(topic) },
                    .each(partitions) { partition in [.write { $0.value(partition) }] },
                    .one { $0.endTopic() },
                ].joined()
            })
    }
}

/// The controller as a node knows it.
struct ControllerInfo: Sendable {
    var leader: Member
    var term: Term

    /// `nil` while no leader is known.
    init?(_ status: NodeStatus, members: [Member]) {
        guard let leader = members.first(where: { $0.id == status.leader }) else { return nil }
        self.leader = leader
        term = status.term
    }

    func write(to json: inout JSONWriter, timestamp: Int64) {
        json.object { json in
            json.field("controllerId", leader.id.number)
            json.field("url", leader.url)
            json.field("controllerUrl", leader.url)
            json.field("term", term.number)
            json.field("controllerTerm", term.number)
            json.field("state", Role.leader.rawValue)
            json.field("timestamp", timestamp)
        }
    }
}
