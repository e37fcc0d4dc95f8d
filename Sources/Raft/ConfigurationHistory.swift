import Defects

/// A configuration and the index of the entry that it came with; 0 for the list that a cluster was started with.
public struct PlacedConfiguration: Equatable, Sendable {
    public var index: LogIndex
    public var configuration: Configuration

    public init(index: LogIndex = .zero, _ configuration: Configuration = Configuration()) {
        self.index = index
        self.configuration = configuration
    }
}

/// The configurations of a log: the one at its base, and those of its entries. A node goes by the latest, committed or not
/// (§4.1); one that is truncated gives way to the one before.
public struct ConfigurationHistory: Equatable, Sendable {
    public private(set) var base: PlacedConfiguration
    private var later: [PlacedConfiguration] = []

    init(base: PlacedConfiguration) { self.base = base }

    public var latest: PlacedConfiguration { later.last ?? base }

    /// The one that was in force when the entry at `index` was.
    public func at(_ index: LogIndex) -> PlacedConfiguration { later.last { $0.index <= index } ?? base }

    /// The one before the latest.
    var previous: PlacedConfiguration? { later.isEmpty ? nil : later.dropLast().last ?? base }

    /// How many came later than the entry at `index`.
    func count(after index: LogIndex) -> Int { later.count { $0.index > index } }

    /// Where other voters follow than may follow: two majorities may have nobody in common there (§4.3).
    var firstLeap: LogIndex? {
        // The list that a node was started with may be older than the log, or wrong.
        let all = base.index == .zero ? later : [base] + later
        return zip(all, all.dropFirst()).first { !$0.configuration.mayBeFollowed(by: $1.configuration) }?.1.index
    }

    mutating func found(_ configuration: Configuration) { base = PlacedConfiguration(configuration) }

    mutating func append(_ configuration: Configuration, at index: LogIndex) {
        later.append(PlacedConfiguration(index: index, configuration))
    }

    mutating func truncate(from index: LogIndex) {
        if Defect.configurationKeptAfterTruncation.isOn { return }
        while let last = later.last, last.index >= index { later.removeLast() }
    }

    mutating func compact(through index: LogIndex) {
        base = at(index)
        later.removeAll { $0.index <= index }
    }
}
