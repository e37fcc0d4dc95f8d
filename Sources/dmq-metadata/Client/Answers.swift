// The JSON shapes that commands read from the API. What a table can do without is optional, so that commands work
// against servers of other versions.

struct ControllerAnswer: Decodable {
    var controllerId: Int64
    var url: String?
    var term: Int64?
}

struct ClusterAnswer: Decodable {
    struct Node: Decodable {
        var id: Int64
        var url: String
    }

    var version: Int64?
    var controllerLeaderId: Int64?
    var totalPartitions: Int?
    var activeMetadataNodes: [Node]
    var brokers: [BrokerAnswer]?
    var topics: [TopicAnswer]?
}

struct BrokerAnswer: Decodable {
    var brokerId: Int64
    var host: String
    var port: Int
    var rack: String?
    var status: String
    var registeredAt: Int64?
}

/// As `view=full` shows it.
struct FullBrokerAnswer: Decodable {
    var brokerId: Int64
    var host: String
    var port: Int
    var state: String
    var brokerEpoch: Int64?
    var replicas: Int
    var leaders: Int
    var lastHeartbeatMs: Int64?
    /// `nil` of a server that knows neither.
    var cordoned: Bool?
    var maintenance: Bool?

    /// With what an operator has taken from it.
    var stateText: String {
        state + (cordoned == true ? " cordoned" : "") + (maintenance == true ? " maintenance" : "")
    }
}

struct RestrictedBrokerAnswer: Decodable {
    var brokerId: Int64
    var cordoned: Bool
    var maintenance: Bool

    var text: String {
        "broker \(brokerId): \(cordoned ? "" : "not ")cordoned, \(maintenance ? "" : "not ")in maintenance"
    }
}

struct MaintenanceAnswer: Decodable {
    struct Stuck: Decodable {
        var topic: String
        var partition: Int
        var why: String
    }

    var maintenance: Bool
    var finished: Bool
    var leaderships: Int
    var stuck: [Stuck]
    var stuckTotal: Int

    var text: String {
        guard maintenance else { return "not in maintenance, leads \(leaderships)" }
        if finished { return "in maintenance, leads nothing" }
        var table = Table("TOPIC", "PARTITION", "WHY")
        for row in stuck { table.add(row.topic, "\(row.partition)", row.why) }
        return "in maintenance, still leads \(leaderships)\n\(table.text)"
    }
}

struct TopicAnswer: Decodable {
    struct Partition: Decodable {
        var id: Int
        var leader: Int64?
        var replicas: [Int64]
        var isr: [Int64]
        var leaderEpoch: Int?
    }

    struct Settings: Decodable {
        var retentionMs: Int64?
        var retentionBytes: Int64?
        var segmentBytes: Int64?
        var compressionType: String?
        var minInsyncReplicas: Int?
    }

    var topicName: String
    var numPartitions: Int
    var replicationFactor: Int
    var createdAt: Int64?
    var config: Settings?
    var partitions: [Partition]
}

struct PartitionsAnswer: Decodable {
    struct Row: Decodable {
        var topic: String
        var partition: Int
        var leader: Int64?
        var assignment: [Int64]
        var isr: [Int64]
        var leaderEpoch: Int
        var states: [String]
    }

    var partitions: [Row]
    var next: String?
}

struct ReassignmentAnswer: Decodable {
    var results: [MovedPartition]
}

struct ReassignmentsAnswer: Decodable {
    var reassignments: [MovedPartition]
    var next: String?
}

struct CancellationAnswer: Decodable {
    var cancelled: Int
    var refused: Int
    var more: Bool
}

/// A partition that goes to other brokers, or why it does not.
struct MovedPartition: Decodable {
    struct Lag: Decodable { var lag: Int64 }

    var topic: String?
    var partition: Int
    var assignment: [Int64]?
    var adding: [Int64]?
    var removing: [Int64]?
    var leader: Int64?
    var done: Bool?
    var code: String?
    var detail: String?
    var progress: [String: Lag]?
    var stuck: String?

    /// Topic, partition, replicas, what comes, what goes, and the leader.
    var columns: [String] {
        let lists = [assignment, adding, removing].map { $0.map { $0.map(String.init).joined(separator: ",") } ?? "-" }
        return [topic ?? "-", "\(partition)"] + lists + [leader.map(String.init) ?? "none"]
    }

    var state: String { detail ?? (done == true ? "done" : "on its way") }

    /// Of each replica that comes how many records it lacks, as it last said.
    var behind: String {
        (progress ?? [:]).sorted { $0.key < $1.key }.map { "\($0.key): \($0.value.lag)" }.joined(separator: " ")
    }
}

struct ElectionAnswer: Decodable {
    struct Row: Decodable {
        var topic: String
        var partition: Int
        var leader: Int64?
        var leaderEpoch: Int?
        var code: String?
        var detail: String?
    }

    var changed: Int
    var more: Bool
    var results: [Row]
}

struct StopCheckAnswer: Decodable {
    struct Place: Decodable {
        var topic: String
        var partition: Int
    }

    struct Counts: Decodable {
        var leaderless: Int
        var belowMinIsr: Int
        var moves: Int
    }

    var safe: Bool
    var leaderless: [Place]
    var belowMinIsr: [Place]
    var counts: Counts
}

struct RehearsalAnswer: Decodable {
    struct Counts: Decodable {
        var leaderless: Int
        var underMinIsr: Int
        var underReplicated: Int
        /// Of a step.
        var moves: Int?
    }

    struct BrokerShare: Decodable {
        var brokerId: Int64
        var state: String
        var leaders: Int
    }

    struct Before: Decodable {
        var counts: Counts
        var brokers: [BrokerShare]
    }

    struct Step: Decodable {
        var step: String
        var refusal: ProblemAnswer?
        var counts: Counts
        var brokers: [BrokerShare]
    }

    var before: Before
    var steps: [Step]
}

struct GroupAnswer: Decodable {
    var groupId: String
    var topic: String
    var appId: String
    var groupLeaderBrokerId: Int64
    /// `nil` while that broker is not registered.
    var groupLeaderUrl: String?
    var lastModifiedAt: Int64
}

struct HealthAnswer: Decodable {
    /// `ok`, `degraded`, `critical`.
    var status: String
    var reasons: [String]
}

struct RaftStatusAnswer: Decodable {
    struct Peer: Decodable {
        var id: Int64
        var matchIndex: Int64
        var lastContactMs: Int64?
    }

    var nodeId: Int64
    var currentTerm: Int64
    var state: String
    var leaderId: Int64?
    var commitIndex: Int64
    var lastApplied: Int64
    var firstLogIndex: Int64?
    var lastLogIndex: Int64
    var stateDigest: String?
    var voter: Bool?
    var peers: [Peer]?
}

struct HeartbeatAnswerBody: Decodable {
    var metadataVersion: Int64
    var controllerTerm: Int64
}

struct KeyValueAnswer: Decodable {
    var key: String
    var value: String?
    var valueBase64: String?
    var modRevision: Int64
    var version: Int64
}

struct ListingAnswer: Decodable {
    struct Entry: Decodable {
        var key: String?
        var directory: String?
        /// Of a version in a key's history.
        var deleted: Bool?
        var value: String?
        var valueBase64: String?
        var modRevision: Int64?
        var version: Int64?

        var shownValue: String { shown(value, base64: valueBase64) }
    }

    var revision: Int64
    var entries: [Entry]
    var next: String?
}

/// Of keys.
struct WatchLineAnswer: Decodable {
    /// `put`, `delete`, `progress`, `compacted`, `bye`.
    var type: String
    var key: String?
    var keyBase64: String?
    var value: String?
    var valueBase64: String?
    var modRevision: UInt64?
    /// All up to there is told.
    var revision: UInt64?
    var oldestRevision: UInt64?

    var shownKey: String { shown(key, base64: keyBase64) }
    var shownValue: String { shown(value, base64: valueBase64) }
}

/// On one line.
private func shown(_ text: String?, base64: String?) -> String {
    let text = text ?? base64.map { "base64:" + $0 } ?? ""
    return text.count <= 60 ? text : text.prefix(59) + "…"
}

struct HistoryAnswer: Decodable {
    var versions: [ListingAnswer.Entry]
    var next: UInt64?
}

struct CompactionAnswer: Decodable {
    var oldestRevision: Int64
}

struct PutAnswer: Decodable {
    var key: String
    var revision: Int64
    var version: Int64
}

struct DeleteAnswer: Decodable {
    var deleted: Int64
    var revision: Int64
}

/// RFC 9457.
struct ProblemAnswer: Decodable {
    var title: String?
    var detail: String?
    var code: String?
}
