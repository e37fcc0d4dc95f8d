import HTTP
import Metadata
import Server
import Wire

/// `/api/v1/metadata/reassignments`: partitions move to other brokers (KIP-455).
enum Reassignments {
    static let parameters = ["consistency", "broker", "topic", "limit", "after"]

    @Sendable static func alter(_ exchange: Exchange) throws(Problem) {
        let alteration = try exchange.decodeFields { json throws(JSONInputError) in
            // What is asked for must not be passed over in silence: brokers would copy at full speed.
            guard try json.objectIfPresent("throttle", { _ in () }) == nil else {
                throw JSONInputError(
                    code: .outOfRange, field: "throttle", problem: "is not supported; throttle the brokers themselves")
            }
            return try AlterReassignments(json: json)
        }
        change(alteration, exchange) { results, version in answer(alteration, results, version, exchange) }
    }

    private static func answer(
        _ alteration: AlterReassignments, _ results: [PartitionResult], _ version: UInt64, _ exchange: Exchange
    ) {
        let items = zip(alteration.moves, results).map {
            PartitionItem(topic: $0.topic, partition: $0.partition, result: $1, showsAssignment: true)
        }
        exchange.answerJSON(
            headers: Exchange.tag(version),
            stream: JSONStream.body(
                .object(.one { $0.field("version", version) }, .array("results", PartitionItem.steps(items)))))
    }

    /// `DELETE …/{topic}/{partition}`.
    @Sendable static func cancel(_ exchange: Exchange) throws(Problem) {
        let text = PercentDecoding.decode(exchange.tail).flatMap { String(validating: $0, as: UTF8.self) } ?? ""
        guard let place = PartitionSearch.Place(text), Topic.isValidName(place.topic) else {
            throw Problem(.unknownPath, "the path must end in a topic and a partition, such as orders/17")
        }
        let cancellation = AlterReassignments([
            AlterReassignments.Move(topic: .name(place.topic), partition: place.partition, replicas: nil)
        ])
        change(cancellation, exchange) { results, version in
            if case .failure(let flaw) = results[0].partition { return exchange.answer(Problem(flaw, place)) }
            answer(cancellation, results, version, exchange)
        }
    }

    /// As many as one command may, of those that can go back: who asks again cancels the next.
    @Sendable static func cancelAll(_ exchange: Exchange) throws(Problem) {
        exchange.readAside(.linearizable) { state in
            let page = Cancellable(state)
            change(AlterReassignments(page.moves), exchange) { results, version in
                let cancelled = results.count { if case .success = $0.partition { true } else { false } }
                exchange.answerJSON(headers: Exchange.tag(version)) { json in
                    json.object { json in
                        json.field("version", version)
                        json.field("cancelled", cancelled)
                        json.field("refused", page.refused + results.count - cancelled)
                        json.field("more", page.isMore)
                    }
                }
            }
        }
    }

    private static func change(
        _ alteration: AlterReassignments, _ exchange: Exchange,
        _ answer: @escaping @Sendable ([PartitionResult], UInt64) -> Void
    ) {
        exchange.change(.alterReassignments(alteration)) { result in
            guard case .partitions(let results, let version) = result else {
                return exchange.answerUnexpected(result)
            }
            answer(results, version)
        }
    }

    // Listing

    @Sendable static func list(_ exchange: Exchange) throws(Problem) {
        var search = try Partitions.search(exchange.query)
        search.condition = .reassigning
        let after = try Partitions.place(exchange.query)
        let limit = Int(try exchange.query.integer("limit", in: Partitions.limits) ?? Partitions.defaultLimit)
        exchange.read(try exchange.query.consistency(default: .stale)) { [search] view in
            let (version, total) = (view.metadata.counters.version, view.metadata.count(of: search))
            let page = view.metadata.page(of: search, after: after, limit: limit)
            let rows = page.rows.compactMap { row in MovingPartition(row.partition, in: row.topic, view) }
            exchange.answerJSON(
                headers: Exchange.tag(version),
                stream: JSONStream.body(
                    .object(
                        .one { $0.field("version", version) },
                        .array("reassignments", .each(rows) { row in [.write { $0.value(row) }] }),
                        .one { json in
                            json.field("total", total)
                            json.field("next", page.next.map { "\($0.topic)/\($0.partition)" })
                        })))
        }
    }
}

/// The moves that can be taken back, as many as one command may.
private struct Cancellable: Sendable {
    private(set) var moves: [AlterReassignments.Move] = []
    /// Those that can not, as far as was looked.
    private(set) var refused = 0
    private(set) var isMore = false

    init(_ state: MetadataStateMachine) {
        var (replicas, next) = (0, PartitionSearch.Place?.none)
        repeat {
            let page = state.page(of: PartitionSearch(condition: .reassigning), after: next, limit: 1000)
            for (topic, partition) in page.rows {
                guard state.mayCancelReassignment(partition) else {
                    refused += 1
                    continue
                }
                replicas += partition.replicas.count
                guard moves.count < Limits.maxAlteredPartitions, replicas <= NodeSettings.movedReplicas else {
                    isMore = true
                    return
                }
                moves.append(
                    AlterReassignments.Move(topic: .id(topic.id), partition: partition.id, replicas: nil))
            }
            next = page.next
        } while next != nil
    }
}

/// One on its way, and how far it is.
private struct MovingPartition: Sendable {
    let topic: Topic
    let partition: Partition
    let reassignment: Reassignment
    /// Of those that it adds, by id.
    let progress: [(broker: BrokerID, lag: ReassignmentProgress.Lag)]
    /// Why it can not go on as things are; `nil` if it can.
    let stuck: String?

    init?(_ partition: Partition, in topic: Topic, _ view: NodeView) {
        guard let reassignment = partition.reassignment else { return nil }
        (self.topic, self.partition, self.reassignment) = (topic, partition, reassignment)
        progress = view.progress(of: partition.id, of: topic.id).sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let isFenced = partition.target.contains { !view.metadata.isActive($0) }
        stuck = partition.leader == nil ? "leaderless" : isFenced ? "target_fenced" : nil
    }
}

extension JSONWriter {
    fileprivate mutating func value(_ row: MovingPartition) {
        object { json in
            json.fields(of: row.partition, in: row.topic)
            json.arrayField("original") { json in for id in row.reassignment.original { json.value(id) } }
            json.field("startedAt", row.reassignment.startedAt)
            json.key("progress")
            json.object { json in
                for (broker, lag) in row.progress {
                    json.key(broker)
                    json.object { json in
                        json.field("lag", lag.offsets)
                        json.field("atMs", lag.at)
                    }
                }
            }
            json.field("stuck", row.stuck)
        }
    }
}

extension Problem {
    /// What is wrong with the only partition that was asked for.
    fileprivate init(_ flaw: PartitionFlaw, _ place: PartitionSearch.Place) {
        let detail = "partition \(place.topic)/\(place.partition): \(flaw.detail)"
        self.init(ProblemCode(rawValue: flaw.code) ?? .invalidCommand, detail)
    }
}
