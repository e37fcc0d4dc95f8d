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

    mutating func found(_ configuration: Configuration) { base = PlacedConfiguration(configuration) }

    mutating func append(_ configuration: Configuration, at index: LogIndex) {
        later.append(PlacedConfiguration(index: index, configuration))
    }

    mutating func truncate(from index: LogIndex) {
        while let last = later.last, last.index >= index { later.removeLast() }
    }

    mutating func compact(through index: LogIndex) {
        base = at(index)
        later.removeAll { $0.index <= index }
    }
}
