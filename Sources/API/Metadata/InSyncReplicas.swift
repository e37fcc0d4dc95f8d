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
                let items = zip(alteration.changes, results).map {
                    PartitionItem(topic: $0.topic, partition: $0.partition, result: $1)
                }
                exchange.answerJSON(
                    headers: Exchange.tag(version),
                    stream: JSONStream.body(
                        .object(.one { $0.field("version", version) }, .array("partitions", PartitionItem.steps(items)))
                    ))
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .success(let other): exchange.answerUnexpected(other)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }
}
