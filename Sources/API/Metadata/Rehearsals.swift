import HTTP
import Metadata
import Server
import Wire

/// `POST /rehearsals`: what would happen, step by step, and nothing does.
enum Rehearsals {
    @Sendable static func run(_ exchange: Exchange) throws(Problem) {
        let consistency = try exchange.query.consistency(default: .linearizable)
        let steps = try exchange.decodeFields { json throws(JSONInputError) in
            try json.objects("steps", atMost: Rehearsal.maximumSteps) { json throws(JSONInputError) in
                try RehearsalStep(json: json)
            }
        }
        for step in steps { if case .command(.createTopic(let topic)) = step.step { try Topics.check(topic) } }
        exchange.fork(consistency, in: exchange.rehearsals) { state in
            guard state.brokers.count * (steps.count + 1) <= Rehearsal.maximumShares else {
                return exchange.answer(
                    Problem(
                        .tooManyChanges,
                        "brokers times steps must be at most \(Rehearsal.maximumShares): rehearse fewer steps at once"))
            }
            var rehearsal = Rehearsal(of: state, at: exchange.now)
            let before = rehearsal.scene
            let acts = steps.map { (name: $0.name, act: rehearsal.run($0.step)) }
            answer(state.counters.version, before, acts, exchange)
        }
    }

    private static func answer(
        _ version: UInt64, _ before: Rehearsal.Scene, _ acts: [(name: String, act: Rehearsal.Act)], _ exchange: Exchange
    ) {
        exchange.answerJSON(
            headers: Exchange.tag(version),
            stream: JSONStream.body(
                .object(
                    .one { json in
                        json.field("version", version)
                        json.field("limit", StateDifference.maximumListed)
                        json.key("before")
                        json.object { json in
                            json.key("counts")
                            json.object { $0.fields(ofScene: before.counts) }
                            json.field(brokers: before.brokers)
                        }
                    },
                    .array("steps", .each(acts) { row in [.write { $0.value(row.act, row.name) }] }))))
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ act: Rehearsal.Act, _ name: String) {
        object { json in
            json.field("step", name)
            json.key("refusal")
            if let flaw = act.flaw { json.object(Problem(flaw).write) } else { json.null() }
            json.key("counts")
            json.object { json in
                json.fields(ofScene: act.scene.counts)
                json.field("moves", act.difference.moves)
                json.field("changed", act.difference.changed)
            }
            json.field(brokers: act.scene.brokers)
            json.arrayField("changed") { json in for row in act.difference.first { json.value(row) } }
        }
    }

    fileprivate mutating func fields(ofScene counts: PartitionCounts) {
        field("partitions", counts.all)
        field("leaderless", counts[.offline])
        field("underMinIsr", counts[.underMinISR])
        field("underReplicated", counts[.underReplicated])
    }

    fileprivate mutating func field(brokers: [Rehearsal.Scene.BrokerShare]) {
        arrayField("brokers") { json in
            for broker in brokers {
                json.object { json in
                    json.field("brokerId", broker.id)
                    json.field("state", broker.state.rawValue)
                    json.field("leaders", broker.leaders)
                    json.field("replicas", broker.replicas)
                }
            }
        }
    }

    private mutating func value(_ row: StateDifference.Row) {
        object { json in
            json.field("topic", row.topic)
            json.field("partition", row.id)
            json.field("before", row.before)
            json.field("after", row.after)
        }
    }

    private mutating func field(_ name: StaticString, _ partition: Partition?) {
        key(name)
        guard let partition else { return null() }
        object { json in
            json.field("leader", partition.leader)
            json.field("leaderEpoch", partition.leaderEpoch)
            json.arrayField("assignment") { json in for replica in partition.replicas { json.value(replica) } }
            json.arrayField("isr") { json in for replica in partition.inSyncReplicas { json.value(replica) } }
        }
    }
}

extension Problem {
    init(_ flaw: Rehearsal.Flaw) {
        switch flaw {
        case .brokers(let flaw): self.init(flaw)
        case .failure(let failure): self.init(failure)
        case .refused(let refusal): self.init(refusal)
        case .tooManyRows:
            self.init(
                .tooManyChanges,
                "the steps look at or change more than \(Rehearsal.maximumRows) rows: rehearse fewer at once")
        }
    }
}
