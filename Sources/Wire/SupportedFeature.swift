import Metadata

/// The levels of one feature that a build can work at (KIP-584). A cluster works at the level that its members have agreed
/// on, and that each of them supports.
public struct SupportedFeature: Equatable, Sendable {
    public var name: String
    public var levels: ClosedRange<Int>

    public init(name: String, levels: ClosedRange<Int>) {
        self.name = name
        self.levels = levels
    }

    private init(_ feature: Feature) { self.init(name: feature.rawValue, levels: feature.levels) }

    /// Whether the members are in the log (level 1), or in services.json (level 0). Kafka's name for the same.
    public static let dynamicQuorum = SupportedFeature(name: "kraft.version", levels: 0...1)
    /// The commands of the metadata log. Level 2: what keys were is kept, until it is compacted;
    /// transactions, leases, and keys of any bytes.
    public static let metadata = SupportedFeature(.metadata)
    /// Where the replicas of new partitions go. Level 2: a broker's leaders have their followers on all others.
    public static let placement = SupportedFeature(.placement)

    /// What this build can work at, in the order of the names.
    public static let all = [dynamicQuorum, metadata, placement]

    /// The level of a cluster that has agreed on none: what the release before did.
    public var initialLevel: Int { levels.lowerBound }
}
