// Levels of feature metadata.version (KIP-584): commands and rows that a release does not know are kept from it until all
// members have one that does. At the first level there is the present only.

extension MetadataStateMachine {
    /// What this program can apply.
    public static let levels = 1...5
    /// From this level on what keys were is kept.
    static let historyLevel = 2
    /// From this level on brokers may register with an incarnation.
    public static let incarnationLevel = 3

    /// From this level on topics have drawn ids, and partitions epochs, and their leaders say who is in sync.
    public static let topicIDLevel = 4

    /// From this level on operators move partitions between brokers.
    public static let operationsLevel = 5

    /// Whether past revisions can be read.
    public var keepsHistory: Bool { counters.level >= Self.historyLevel }

    /// Whether brokers may register with an incarnation.
    public var knowsIncarnations: Bool { counters.level >= Self.incarnationLevel }

    /// Whether topics have drawn ids, and partitions epochs.
    public var drawsTopicIDs: Bool { counters.level >= Self.topicIDLevel }

    /// Whether there are the commands and rows with which operators run brokers.
    public var hasOperations: Bool { counters.level >= Self.operationsLevel }

    /// A level that this program does not have must be looked for before: nothing that comes behind can be understood.
    mutating func raiseLevel(of feature: Feature, to level: Int) -> Outcome {
        guard feature.levels.contains(level), level >= counters.level(of: feature),
            counters.level >= feature.neededMetadataLevel
        else { return .refused(.invalidCommand) }
        switch feature {
        case .metadata: raiseLevel(to: level)
        case .placement: counters.placementLevel = level
        }
        return Outcome(result: .done)
    }

    private mutating func raiseLevel(to level: Int) {
        let keptHistory = keepsHistory
        counters.level = level
        if keepsHistory, !keptHistory {
            // An empty store is at revision 1, as etcd's clients expect: they take 0 for none.
            counters.revision = max(counters.revision, 1)
            history = KeyHistory(horizon: counters.revision)
            counters.horizon = history.horizon
        }
    }
}
