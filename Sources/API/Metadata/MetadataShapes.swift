import Metadata
import Raft
import Server
import Wire

// The JSON shapes of brokers, topics and the controller (contract §3), fields in the contract's order.

extension Broker {
    /// Host and port in one; an IPv6 address stands in brackets (RFC 3986 §3.2.2).
    var address: String { host.contains(":") && !host.hasPrefix("[") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}

/// With what follows from it.
struct FullBroker: Sendable {
    let broker: Broker
    /// How many partitions have a replica there, and how many it leads.
    let replicas, leaders: Int
    /// How long ago the leader had its last heartbeat; `nil` from others, and while it is OFFLINE.
    let lastHeartbeat: Duration?

    init(_ broker: Broker, _ view: NodeView) {
        self.broker = broker
        replicas = view.metadata.replicaCount(of: broker.id)
        leaders = view.metadata.leaderCount(of: broker.id)
        lastHeartbeat = view.lastHeartbeat(of: broker.id)
    }
}

extension JSONWriter {
    mutating func value(_ broker: Broker) { object { $0.fields(of: broker) } }

    fileprivate mutating func fields(of broker: Broker) {
        field("brokerId", broker.id)
        field("id", broker.id)
        field("host", broker.host)
        field("port", broker.port)
        field("address", broker.address)
        field("rack", broker.rack)
        field("status", broker.status.rawValue)
        field("registeredAt", broker.registeredAt)
    }

    /// What a broker is told that has registered; of its incarnation only if it has one.
    mutating func value(registered broker: Broker, _ timing: BrokerTiming) {
        object { json in
            json.fields(of: broker)
            guard let incarnation = broker.incarnation else { return }
            json.fields(of: incarnation)
            if incarnation.fetches { json.field("delivery", "fetch") }
            json.field("sessionTimeoutMs", timing.session.wholeNanoseconds / 1_000_000)
            json.field("heartbeatIntervalMs", timing.heartbeat.wholeNanoseconds / 1_000_000)
        }
    }

    /// What whoever keeps a copy needs.
    mutating func value(followed broker: Broker) {
        object { json in
            json.fields(of: broker)
            if let incarnation = broker.incarnation {
                json.fields(of: incarnation)
            } else {
                json.field("state", broker.state.rawValue)
            }
            if !broker.restrictions.isEmpty { json.fields(of: broker.restrictions) }
        }
    }

    private mutating func fields(of incarnation: BrokerIncarnation) {
        field("state", incarnation.state.rawValue)
        field("brokerEpoch", incarnation.epoch)
        field("incarnationId", incarnation.id)
    }

    /// All but its partitions, which stand in an array behind.
    mutating func fields(of topic: Topic) {
        field("topicName", topic.name)
        field("numPartitions", topic.partitionCount)
        field("replicationFactor", topic.replicationFactor)
        field("createdAt", topic.createdAt)
        key("config")
        value(topic.configuration)
    }

    /// What `view=full` lists.
    mutating func summary(of rows: TopicRows) {
        object { json in
            json.field("topicName", rows.topic.name)
            json.field("topicId", rows.topic.id.description)
            json.field("numPartitions", rows.topic.partitionCount)
            json.field("replicationFactor", rows.topic.replicationFactor)
            json.field("offline", rows.counts[.offline])
            json.field("underReplicated", rows.counts[.underReplicated])
        }
    }

    mutating func value(_ full: FullBroker) {
        object { json in
            json.fields(of: full.broker)
            json.field("legacy", full.broker.incarnation == nil)
            if let incarnation = full.broker.incarnation {
                json.fields(of: incarnation)
                if let version = incarnation.shutdownVersion { json.field("shutdownVersion", version) }
                json.field("delivery", incarnation.fetches ? "fetch" : "push")
            } else {
                json.field("state", full.broker.state.rawValue)
            }
            json.fields(of: full.broker.restrictions)
            json.field("replicas", full.replicas)
            json.field("leaders", full.leaders)
            json.field("lastHeartbeatMs", full.lastHeartbeat.map { $0.wholeNanoseconds / 1_000_000 })
        }
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
    static func topics(_ topics: some Sequence<(Topic, [Partition])>) -> AnySequence<Step> {
        AnySequence(
            topics.lazy.flatMap { topic, partitions in
                AnySequence.object(
                    .one { $0.fields(of: topic) },
                    .array("partitions", .each(partitions) { partition in [.write { $0.value(partition) }] }))
            })
    }
}

/// The controller as a node knows it.
struct ControllerInfo: Sendable {
    var leader: Member
    var term: Term

    /// `nil` while no leader is known.
    init?(leader id: NodeID?, term: Term, members: [Member]) {
        guard let leader = members.first(where: { $0.id == id }) else { return nil }
        (self.leader, self.term) = (leader, term)
    }

    init?(_ status: NodeStatus, members: [Member]) {
        self.init(leader: status.leader, term: status.term, members: members)
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
