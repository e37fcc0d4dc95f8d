import Metadata
import Wire

/// What became of one partition, among the others of a request.
struct PartitionItem: Sendable {
    let topic: TopicReference
    let partition: Int
    let result: PartitionResult
    /// With where it is, and where it goes.
    var showsAssignment = false

    static func steps(_ items: [PartitionItem]) -> AnySequence<JSONStream.Step> {
        .each(items) { item in [.write { $0.value(item) }] }
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ item: PartitionItem) {
        object { json in
            switch (item.result.topic, item.topic) {
            case (let topic?, _):
                json.field("topic", topic.name)
                json.field("topicId", topic.id.description)
            case (nil, .name(let name)): json.field("topic", name)
            case (nil, .id(let id)): json.field("topicId", id.description)
            }
            json.field("partition", item.partition)
            switch item.result.partition {
            case .success(let partition):
                if item.showsAssignment { json.assignment(of: partition) }
                json.present(partition)
                if item.showsAssignment { json.field("done", partition.reassignment == nil) }
            case .failure(let flaw):
                json.field("code", flaw.code)
                json.field("detail", flaw.detail)
            }
        }
    }

    private mutating func present(_ partition: Partition) {
        field("leader", partition.leader)
        field("leaderEpoch", partition.leaderEpoch)
        field("partitionEpoch", partition.partitionEpoch)
        arrayField("isr") { json in for replica in partition.inSyncReplicas { json.value(replica) } }
    }
}

extension PartitionFlaw {
    /// Codes of items, beside those of whole answers: clients may depend on them.
    var code: String {
        switch self {
        case .unknownTopic: ProblemCode.unknownTopic.rawValue
        case .unknownPartition: ProblemCode.unknownPartition.rawValue
        case .epochAhead: "epoch_ahead"
        case .fencedLeaderEpoch: "fenced_leader_epoch"
        case .notLeader: "not_leader"
        case .invalidPartitionEpoch: "invalid_partition_epoch"
        case .invalidISR: "invalid_isr"
        case .ineligibleReplica: "ineligible_replica"
        case .electionNotNeeded: "election_not_needed"
        case .preferredLeaderNotAvailable: "preferred_leader_not_available"
        case .newLeaderElected: "new_leader_elected"
        case .invalidReplicaAssignment: ProblemCode.invalidReplicaAssignment.rawValue
        case .replicationFactorChange: "replication_factor_change"
        case .noReassignmentInProgress: ProblemCode.noReassignmentInProgress.rawValue
        case .uncleanCancel: ProblemCode.uncleanCancel.rawValue
        }
    }

    var detail: String {
        switch self {
        case .unknownTopic: "there is no such topic"
        case .unknownPartition: "the topic has no such partition"
        case .epochAhead: "the epochs are ahead of this controller's; it may have been replaced"
        case .fencedLeaderEpoch(let present): "the present leader epoch is \(present)"
        case .notLeader(let leader?): "broker \(leader) leads it"
        case .notLeader(nil): "it has no leader"
        case .invalidPartitionEpoch(let present): "the present partition epoch is \(present)"
        case .invalidISR(let why): "the list \(why)"
        case .ineligibleReplica(let id, .unregistered): "broker \(id) is not registered"
        case .ineligibleReplica(let id, .notActive(let state)): "broker \(id) is \(state.rawValue)"
        case .ineligibleReplica(let id, .staleEpoch(let present?)):
            "broker \(id) was started again since, and has epoch \(present)"
        case .ineligibleReplica(let id, .staleEpoch(nil)): "broker \(id) has no epoch"
        case .electionNotNeeded: "the first of its replicas leads it"
        case .preferredLeaderNotAvailable(let id): "broker \(id) is not in sync, or not ACTIVE, or nobody leads"
        case .newLeaderElected: "it was done, and with it the partition moved to other brokers, one of which leads now"
        case .invalidReplicaAssignment(let why): why
        case .replicationFactorChange(let present): "it has \(present) replicas, and is to keep as many"
        case .noReassignmentInProgress: "it is where it is to be"
        case .uncleanCancel(let inSync):
            "only \(inSync.map(String.init).joined(separator: ", ")) is in sync, and would be no replica any more; "
                + "what was acknowledged would be lost"
        }
    }
}
