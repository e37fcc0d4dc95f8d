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
        let heartbeat = try heartbeat(of: id, exchange)
        exchange.service.heartbeat(heartbeat) { result in
            switch result {
            case .success(.acknowledged(let answer)): write(answer, to: heartbeat, exchange)
            case .success(.refused(let refusal)): exchange.answer(refusal)
            case .failure(let failure): exchange.answer(failure)
            }
        }
    }

    /// The body is optional, so one of another media type is not held against the sender: it counts if it happens to be JSON.
    private static func heartbeat(of id: BrokerID, _ exchange: Exchange) throws(Problem) -> Heartbeat {
        let body = exchange.takeBody()
        guard !body.isEmpty else { return Heartbeat(broker: id) }
        let isJSON = exchange.request.headers["Content-Type"].map(MediaType.isJSON) ?? true
        let (sender, heartbeat): (BrokerID?, Heartbeat)
        do {
            (sender, heartbeat) = try fields(of: JSONObject(parsing: body), id)
        } catch {
            if isJSON { throw Problem(error) }
            return Heartbeat(broker: id)
        }
        if let sender, sender != id {
            throw Problem(.brokerIDMismatch, "the body is of broker \(sender), the path of broker \(id)")
        }
        return heartbeat
    }

    private static func fields(of json: JSONObject, _ id: BrokerID) throws(JSONInputError) -> (BrokerID?, Heartbeat) {
        let any = Int64.min...Int64.max
        _ = try json.integerIfPresent("timestamp", in: any)
        let version = try json.integerIfPresent("metadataVersion", in: any)
        let heartbeat = Heartbeat(
            broker: id, epoch: try json.counterIfPresent("brokerEpoch"),
            metadataVersion: version.map { UInt64(max($0, 0)) },
            wantsFence: try json.boolIfPresent("wantFence") ?? false,
            wantsShutdown: try json.boolIfPresent("wantShutDown") ?? false)
        return (try json.integerIfPresent("brokerId", in: any), heartbeat)
    }

    /// Brokers without an epoch are told what they always were.
    private static func write(_ answer: HeartbeatAnswer, to heartbeat: Heartbeat, _ exchange: Exchange) {
        exchange.answerJSON { json in
            json.object { json in
                json.field("ack", true)
                json.field("success", true)
                json.field("currentVersion", answer.version)
                json.field("metadataVersion", answer.version)
                json.field("controllerTerm", answer.term.number)
                json.field("timestamp", exchange.now)
                guard heartbeat.epoch != nil, let incarnation = answer.incarnation else { return }
                json.field("brokerEpoch", incarnation.epoch)
                json.field("state", incarnation.state.rawValue)
                json.field("isCaughtUp", heartbeat.metadataVersion ?? 0 >= incarnation.epoch)
                json.field("isFenced", incarnation.state.status == .offline)
                json.field("isInControlledShutdown", incarnation.state == .controlledShutdown)
                let mayStop = incarnation.state == .fenced && heartbeat.wantsShutdown
                json.field("shouldShutDown", incarnation.state == .shutdown || mayStop)
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
        let epoch = try json.counterIfPresent("brokerEpoch")
        let partitions = try json.objects("partitions", atMost: Limits.maxLagReportPartitions) {
            json throws(JSONInputError) in
            for name in ["followerLEO", "leaderLEO", "timeSinceLastFetch"] {
                _ = try json.integerIfPresent(name, in: any)
            }
            return PartitionLag(
                topic: try json.string("topic"), partition: Int(try json.integer("partition", in: any)),
                offsetLag: try json.integer("offsetLag", in: any),
                timeSinceCaughtUp: try json.integer("timeSinceCaughtUp", in: any),
                isOutOfSync: try json.boolIfPresent("isOutOfSync") ?? false,
                leaderEpoch: try json.epochIfPresent("leaderEpoch"))
        }
        self.init(broker: broker, epoch: epoch, partitions: partitions)
    }
}
