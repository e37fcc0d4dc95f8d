import HTTP
import Metadata
import Raft
import Server
import Wire

/// What brokers send by themselves: heartbeats and lag reports.
enum BrokerReports {
    // MARK: Heartbeats

    @Sendable static func heartbeat(_ exchange: Exchange) throws(Problem) {
        let id = try exchange.brokerID()
        if let sender = try heartbeatSender(exchange), sender != id {
            throw Problem(.brokerIDMismatch, "the body is of broker \(sender), the path of broker \(id)")
        }
        exchange.service.heartbeat(id) { result in
            switch result {
            case .success(let answer?): write(answer, exchange)
            case .success(nil): exchange.answer(.unknownBroker(id))
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    /// The `brokerId` of the body. The body is optional, so one of another media type is not held against the sender:
    /// it counts if it happens to be JSON.
    private static func heartbeatSender(_ exchange: Exchange) throws(Problem) -> BrokerID? {
        let body = exchange.takeBody()
        guard !body.isEmpty else { return nil }
        let isJSON = exchange.request.headers["Content-Type"].map(MediaType.isJSON) ?? true
        do {
            let json = try JSONObject(parsing: body)
            let any = Int64.min...Int64.max
            _ = try json.integerIfPresent("timestamp", in: any)
            _ = try json.integerIfPresent("metadataVersion", in: any)
            return try json.integerIfPresent("brokerId", in: any)
        } catch {
            if isJSON { throw Problem(error) }
            return nil
        }
    }

    private static func write(_ answer: HeartbeatAnswer, _ exchange: Exchange) {
        exchange.answerJSON { json in
            json.object { json in
                json.field("ack", true)
                json.field("success", true)
                json.field("currentVersion", answer.version)
                json.field("metadataVersion", answer.version)
                json.field("controllerTerm", answer.term.number)
                json.field("timestamp", exchange.now)
            }
        }
    }

    // MARK: Lag

    @Sendable static func lag(_ exchange: Exchange) throws(Problem) {
        let report = try exchange.decodeFields { json throws(JSONInputError) in try LagReport(json: json) }
        exchange.service.reportLag(report) { result in
            switch result {
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .success: exchange.answer(status: 200)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }
}

extension LagReport {
    fileprivate init(json: JSONObject) throws(JSONInputError) {
        let any = Int64.min...Int64.max
        _ = try json.integerIfPresent("timestamp", in: any)
        let broker = try json.integer("brokerId", in: Limits.id)
        let partitions = try json.objects("partitions", atMost: Limits.maxLagReportPartitions) {
            json throws(JSONInputError) in
            for name in ["followerLEO", "leaderLEO", "timeSinceLastFetch"] {
                _ = try json.integerIfPresent(name, in: any)
            }
            return PartitionLag(
                topic: try json.string("topic"), partition: Int(try json.integer("partition", in: any)),
                offsetLag: try json.integer("offsetLag", in: any),
                timeSinceCaughtUp: try json.integer("timeSinceCaughtUp", in: any),
                isOutOfSync: try json.boolIfPresent("isOutOfSync") ?? false)
        }
        self.init(broker: broker, partitions: partitions)
    }
}
