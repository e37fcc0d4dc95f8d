/// A feature whose level stands in the state, and is raised by an entry (KIP-584).
public enum Feature: String, CaseIterable, Sendable {
    /// Which commands and rows there are.
    case metadata = "metadata.version"
    /// Where the replicas of new partitions go.
    case placement = "placement.version"

    /// What this program can apply.
    public var levels: ClosedRange<Int> {
        switch self {
        case .metadata: MetadataStateMachine.levels
        case .placement: 1...2
        }
    }

    /// The level of metadata.version from which on it may be raised: programs before would pass the entry over.
    public var neededMetadataLevel: Int {
        switch self {
        case .metadata: 1
        case .placement: 4
        }
    }
}

extension Counters {
    public func level(of feature: Feature) -> Int {
        switch feature {
        case .metadata: level
        case .placement: placementLevel
        }
    }
}
