/// What an operator wants to know of partitions. One may be in several.
public enum PartitionCondition: String, CaseIterable, Sendable {
    /// Without a leader.
    case offline
    /// Not as many replicas are in sync as there are without those that are still to come.
    case underReplicated
    /// Fewer are in sync than `minInsyncReplicas` asks for …
    case underMinISR = "underMinIsr"
    /// … or just as many.
    case atMinISR = "atMinIsr"
    /// Led by another than the first of its replicas, or by none.
    case notPreferred
    /// On the way to other replicas.
    case reassigning
}

extension PartitionCondition {
    /// Kafka's rule: no more can be asked for than there are replicas, and no fewer than one.
    public static func effectiveMinISR(of partition: Partition, in topic: Topic) -> Int {
        max(1, min(topic.configuration.minInsyncReplicas, partition.replicationFactor))
    }

    public func holds(for partition: Partition, in topic: Topic) -> Bool {
        let inSync = partition.inSyncReplicas.count
        return switch self {
        case .offline: partition.leader == nil
        case .underReplicated: inSync < partition.replicationFactor
        case .underMinISR: inSync < Self.effectiveMinISR(of: partition, in: topic)
        case .atMinISR: inSync == Self.effectiveMinISR(of: partition, in: topic)
        case .notPreferred: partition.leader != partition.replicas.first
        case .reassigning: partition.reassignment != nil
        }
    }
}

/// How many partitions there are, and how many are in each condition.
public struct PartitionCounts: Equatable, Sendable {
    /// All in front, then each condition.
    private var lanes = SIMD8<Int32>()

    public var all: Int { Int(lanes[0]) }
    public subscript(_ condition: PartitionCondition) -> Int { Int(lanes[condition.lane]) }

    public init() {}

    init(_ partition: Partition, of topic: Topic) {
        lanes[0] = 1
        for condition in PartitionCondition.allCases where condition.holds(for: partition, in: topic) {
            lanes[condition.lane] = 1
        }
    }

    static func += (sum: inout Self, other: Self) { sum.lanes &+= other.lanes }
    static func -= (sum: inout Self, other: Self) { sum.lanes &-= other.lanes }
}

extension PartitionCondition {
    fileprivate var lane: Int {
        switch self {
        case .offline: 1
        case .underReplicated: 2
        case .underMinISR: 3
        case .atMinISR: 4
        case .notPreferred: 5
        case .reassigning: 6
        }
    }
}
