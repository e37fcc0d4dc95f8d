import Defects

/// Moves partitions to other replicas, or takes that back (KIP-455).
public struct AlterReassignments: Equatable, Sendable {
    public struct Move: Equatable, Sendable {
        public var topic: TopicReference
        public var partition: Int
        /// The first leader first; `nil` cancels.
        public var replicas: [BrokerID]?

        public init(topic: TopicReference, partition: Int, replicas: [BrokerID]?) {
            (self.topic, self.partition, self.replicas) = (topic, partition, replicas)
        }
    }

    public var moves: [Move]
    /// Whether the number of replicas may become another one (KIP-860).
    public var mayChangeReplicationFactor: Bool

    public init(_ moves: [Move], mayChangeReplicationFactor: Bool = true) {
        (self.moves, self.mayChangeReplicationFactor) = (moves, mayChangeReplicationFactor)
    }
}

extension MetadataStateMachine {
    mutating func apply(_ alteration: AlterReassignments, timestamp: Int64) -> Outcome {
        guard hasOperations else { return .refused(.invalidCommand) }
        var changes: [Change] = []
        let results = alteration.moves.map { move in
            resultIfUnchanged(move, alteration)
                ?? settled(move.topic, move.partition, .keep, &changes) { partition in
                    guard let replicas = move.replicas else { return partition.cancelReassignment() }
                    partition.reassign(to: replicas, at: timestamp)
                }
        }
        if !changes.isEmpty { counters.version += 1 }
        return Outcome(result: .partitions(results, version: counters.version), changes: changes)
    }

    /// What it would come to, if it would change nothing; `nil` if it must be applied.
    public func resultIfUnchanged(_ alteration: AlterReassignments) -> CommandResult? {
        resultIfUnchanged(alteration.moves.lazy.map { resultIfUnchanged($0, alteration) })
    }

    private func resultIfUnchanged(
        _ move: AlterReassignments.Move, _ alteration: AlterReassignments
    ) -> PartitionResult? {
        resultIfUnchanged(move.topic, move.partition) { partition in
            guard let replicas = move.replicas else {
                return cancellationFlaw(of: partition).map { .failure($0) }
            }
            // After a lost answer the same may come again.
            if replicas == partition.target { return .success(()) }
            if !Defect.anyReplicasAssigned.isOn, let flaw = flaw(of: replicas, in: move.topic, partition) {
                return .failure(.invalidReplicaAssignment(flaw))
            }
            let present = partition.target.count
            if replicas.count != present, !alteration.mayChangeReplicationFactor {
                return .failure(.replicationFactorChange(present: present))
            }
            return nil
        }
    }

    private func cancellationFlaw(of partition: Partition) -> PartitionFlaw? {
        guard let reassignment = partition.reassignment else { return .noReassignmentInProgress }
        // Who has everything that was acknowledged would be none of its replicas.
        let remains = !partition.inSyncReplicas.intersection(reassignment.original).isEmpty
        return remains || Defect.cancelsUncleanly.isOn ? nil : .uncleanCancel(inSync: partition.inSyncReplicas)
    }

    /// Why the partition can not move to these replicas; `nil` if it can. While it moves it has the present ones too, and neither it
    /// nor its topic may have more of them than a new one.
    private func flaw(of replicas: [BrokerID], in topic: TopicReference, _ partition: Partition) -> String? {
        if let flaw = assignmentFlaw(of: replicas) { return flaw }
        let added = replicas.subtracting(partition.replicas)
        for id in added {
            if broker(id)?.state == .shutdown { return "broker \(id) has shut down" }
            if isCordoned(id) { return "broker \(id) is cordoned" }
        }
        let (count, limit) = (partition.replicas.count + added.count, Partition.maximumReplicas)
        if count > limit { return "with the present ones that would be \(count) replicas, of at most \(limit)" }
        guard !added.isEmpty, let index = topicIndex(topic) else { return nil }
        let (all, limitOfAll) = (topicRows[index].replicaCount + added.count, Topic.maximumReplicas)
        return all <= limitOfAll
            ? nil : "the partitions of its topic would have \(all) replicas together, of at most \(limitOfAll)"
    }

    /// How many replicas the partitions have, and are to have, that a command moves: what it costs.
    public func replicasTouched(by alteration: AlterReassignments) -> Int {
        alteration.moves.reduce(0) { sum, move in
            guard let index = topicIndex(move.topic), topicRows[index].partitions.indices.contains(move.partition)
            else { return sum }
            return sum + topicRows[index].partitions[move.partition].replicas.count + (move.replicas?.count ?? 0)
        }
    }

    /// Whether it can go back.
    public func mayCancelReassignment(_ partition: Partition) -> Bool { cancellationFlaw(of: partition) == nil }

    /// Why a partition can not have these replicas; `nil` if it can.
    func assignmentFlaw(of replicas: [BrokerID]) -> String? {
        if replicas.isEmpty { return "a partition has at least one replica" }
        if Set(replicas).count < replicas.count { return "a broker is named twice" }
        return replicas.first { broker($0) == nil }.map { "broker \($0) is not registered" }
    }
}

extension Partition {
    /// While it moves, those that come and those that go together.
    public static let maximumReplicas = 1000
}
