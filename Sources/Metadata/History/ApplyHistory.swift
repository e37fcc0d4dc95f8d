import Defects

extension MetadataStateMachine {
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
