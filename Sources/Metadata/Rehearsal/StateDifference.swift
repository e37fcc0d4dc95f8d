/// Which partitions are other ones in a fork than in the state that it was made of.
public struct StateDifference: Equatable, Sendable {
    public struct Row: Equatable, Sendable {
        public let topic: String
        public let id: Int
        /// `nil` of one that came to be.
        public let before: Partition?
        /// `nil` of one that went.
        public let after: Partition?
    }

    public static let maximumListed = 128

    /// How many partitions came, went or changed.
    public private(set) var changed = 0
    /// How many of them have another leader than before, or none, or one again.
    public private(set) var moves = 0
    /// By topic and partition.
    public private(set) var first: [Row] = []

    init() {}

    fileprivate mutating func add(_ before: Partition?, _ after: Partition?, _ id: Int, of topic: String) {
        guard before != after else { return }
        changed += 1
        if let before, let after, before.leader != after.leader { moves += 1 }
        if first.count < Self.maximumListed { first.append(Row(topic: topic, id: id, before: before, after: after)) }
    }
}

extension MetadataStateMachine {
    /// What changed in this fork since the difference was taken last, when it was as `before`.
    public mutating func takeDifference(from before: MetadataStateMachine) -> StateDifference {
        let changed = changedRows.partitionsByTopic
        changedRows = ChangedRows(takenRevision: counters.revision)
        var difference = StateDifference()
        for (topic, ids) in changed {
            let (old, new) = (before.topic(topic)?.1 ?? [], self.topic(topic)?.1 ?? [])
            for id in ids {
                difference.add(id < old.count ? old[id] : nil, id < new.count ? new[id] : nil, id, of: topic)
            }
        }
        return difference
    }
}
