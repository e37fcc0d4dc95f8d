import Logging
import Metadata
import Raft

// What keys were is kept by age and size. The leader proposes what is to go, so that all nodes give up the same.
extension Node {
    /// In the turn in which something was applied, and now and then when nothing is.
    func compactHistoryIfDue() {
        guard isLeading, metadata.keepsHistory, !isCompactingHistory, let revision = dispensableRevision else { return }
        isCompactingHistory = true
        submit(.compactHistory(through: revision)) { [unowned self] _ in isCompactingHistory = false }
    }

    /// Past this one everything is younger, and fits.
    private var dispensableRevision: UInt64? {
        var revision: UInt64?
        if metadata.history.byteCount > settings.historyBytes {
            // Some at a time: not an entry for each write.
            revision = metadata.history.revision(toHoldAtMost: settings.historyBytes / 16 * 15)
        }
        if now.instant >= nextHistoryCheck {
            nextHistoryCheck = now.instant.advanced(by: settings.historyAge / 64)
            let old = now.unixMilliseconds - Int64(settings.historyAge.wholeNanoseconds / 1_000_000)
            revision = [revision, revisionTimes.revision(by: old)].compactMap { $0 }.max()
        }
        return revision.flatMap { $0 > metadata.oldestRevision ? $0 : nil }
    }
}
