import Metadata
import Server
import Wire

/// `/api/v1/metadata/isr`: the leader of partitions says who is in sync.
enum InSyncReplicas {
    @Sendable static func alter(_ exchange: Exchange) throws(Problem) {
        let alteration = try exchange.decodeFields { json throws(JSONInputError) in try AlterPartitions(json: json) }
        exchange.service.alterPartitions(alteration) { result in
            switch result {
            case .success(.partitions(let results, let version)):
                let items = zip(alteration.changes, results).map { Item(asked: $0, result: $1) }
                exchange.answerJSON(
                    headers: Exchange.tag(version),
                    stream: JSONStream.body(
                        .object(
                            .one { $0.field("version", version) },
                            .array("partitions", .each(items) { item in [.write { $0.value(item) }] }))))
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .success(let other): exchange.answerUnexpected(other)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    fileprivate struct Item: Sendable {
        let asked: AlterPartitions.Change
        let result: AlterPartitions.Result
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ item: InSyncReplicas.Item) {
        object { json in
            switch (item.result.topic, item.asked.topic) {
            case (let topic?, _):
                json.field("topic", topic.name)
                json.field("topicId", topic.id.description)
            case (nil, .name(let name)): json.field("topic", name)
            case (nil, .id(let id)): json.field("topicId", id.description)
            }
            json.field("partition", item.asked.partition)
            switch item.result.partition {
            case .success(let partition): json.present(partition)
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

extension AlterPartitions.Flaw {
    /// Codes of items, beside those of whole answers: clients may depend on them.
    fileprivate var code: String {
        switch self {
        case .unknownTopic: ProblemCode.unknownTopic.rawValue
        case .unknownPartition: "unknown_partition"
        case .epochAhead: "epoch_ahead"
        case .fencedLeaderEpoch: "fenced_leader_epoch"
        case .notLeader: "not_leader"
        case .invalidPartitionEpoch: "invalid_partition_epoch"
        case .invalidISR: "invalid_isr"
        case .ineligibleReplica: "ineligible_replica"
        }
    }

    fileprivate var detail: String {
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
        }
    }
}
