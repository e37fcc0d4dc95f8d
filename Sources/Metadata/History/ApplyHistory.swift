import Defects

// Levels of feature metadata.version (KIP-584): commands and rows that a release does not know are kept from it until all
// members have one that does. At the first level there is the present only.

extension MetadataStateMachine {
    /// What this program can apply.
    public static let levels = 1...4
    /// From this level on what keys were is kept.
    static let historyLevel = 2
    /// From this level on brokers may register with an incarnation.
    public static let incarnationLevel = 3

    /// From this level on topics have drawn ids, and partitions epochs, and their leaders say who is in sync.
    public static let topicIDLevel = 4

    /// Whether past revisions can be read.
    public var keepsHistory: Bool { counters.level >= Self.historyLevel }

    /// Whether brokers may register with an incarnation.
    public var knowsIncarnations: Bool { counters.level >= Self.incarnationLevel }

    /// Whether topics have drawn ids, and partitions epochs.
    public var drawsTopicIDs: Bool { counters.level >= Self.topicIDLevel }

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

    mutating func compactHistory(through revision: UInt64) -> Outcome {
        guard keepsHistory else { return .refused(.invalidCommand) }
        guard revision <= counters.revision else { return .refused(.futureRevision(present: counters.revision)) }
        guard revision > history.horizon else { return .refused(.revisionCompacted(oldest: history.horizon)) }
        if Defect.compactionIgnored.isOn { return Outcome(result: .done) }
        let isGreedy = Defect.compactionTakesOneMore.isOn && revision < history.last
        history.compact(through: isGreedy ? revision + 1 : revision)
        counters.horizon = history.horizon
        return Outcome(result: .done)
    }

    /// Keeps some of what the present revision changes. `versions` is the sum of the digests of those that this ends, `values`
    /// about how many bytes these have.
    mutating func keep(_ changes: [Change], ending versions: Digest, count: Int, values: Int, isDeletion: Bool) {
        guard keepsHistory else { return }
        var past = KeyHistory.Past(
            digest: Digest(past: versions, count: count, ended: counters.revision, isDeletion: isDeletion),
            versionCount: count, byteCount: count * KeyHistory.versionBytes + values)
        if history.last < counters.revision {
            past.byteCount += KeyHistory.entryBytes
            history.append(KeyHistory.Entry(changes: changes, past: past))
        } else {
            history.extendLast(changes, past)
        }
        changedRows.insert(pastVersions: count)
    }
}

extension KeyHistory {
    /// About what an entry takes in memory. With a version that it ended some 240 bytes besides the value were measured.
    static let entryBytes = 160
    /// About what a version takes besides its value, which is an array of its own.
    static let versionBytes = 64
}
