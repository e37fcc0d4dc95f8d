import Metadata
import Server
import Wire

/// `POST /producer-ids`: a block of ids that no other broker gets.
enum ProducerIDs {
    @Sendable static func allocate(_ exchange: Exchange) throws(Problem) {
        let allocation = try exchange.decodeFields { json throws(JSONInputError) in
            try AllocateProducerIDs(json: json)
        }
        exchange.change(.allocateProducerIDs(allocation)) { result in
            guard case .producerIDs(let first, let count) = result else { return exchange.answerUnexpected(result) }
            exchange.answerJSON { json in
                json.object { json in
                    json.field("firstProducerId", first)
                    json.field("count", count)
                }
            }
        }
    }
}
