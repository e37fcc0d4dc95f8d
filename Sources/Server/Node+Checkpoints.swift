import Defects
import Logging
import Metadata
import Raft
import Storage

// Checkpoints: the state tables follow the log, and the log behind them goes.
extension Node {
    func checkpointIfDue() {
        guard isCheckpointDue, !isInstallingSnapshot, !isFailed, let term = raft.log.term(at: lastApplied)
        else { return }
        let position = LogPosition(term: term, index: lastApplied)
        let (compactThrough, steps) = compaction(upTo: position)
        let changes = takeChanges()
        checkpoints.begin(at: position, compactThrough: compactThrough)
        var checkpoint = Checkpoint(
            position: position, changes: changes, counters: metadata.counters, digest: metadata.digest,
            compactThrough: compactThrough)
        checkpoint.compactionSteps = steps
        disk.checkpoint(checkpoint)
    }

    private var isCheckpointDue: Bool {
        if isCheckpointAwaited { return true }
        guard let deadline = checkpoints.deadline(settings) else { return false }
        return now.instant >= deadline
    }

    /// Few are looked up here, where they are warm; of many only a copy of the state is made.
    private func takeChanges() -> RowChanges {
        guard metadata.changedRowCount <= settings.checkpointListedRows else { return metadata.takeRowChanges() }
        let changes = metadata.takeChangedRows()
        return RowChanges(Defect.checkpointForgetsARow.isOn ? changes.dropLast() : changes)
    }

    /// The old state must not be written over the one that is being installed.
    var isInstallingSnapshot: Bool {
        receiver?.isLast ?? false
    }

    func checkpointed(_ index: LogIndex) {
        guard let done = checkpoints.inProgress, done.position.index == index else { return }
        checkpoints.finish()
        measurements.checkpoints += 1
        if let compactThrough = done.compactThrough { step(.compact(through: compactThrough.index)) }
    }

    /// How much of the log may be forgotten, and where the storage may pause: what is covered, except a tail for followers
    /// that are away for a moment, and, within a limit of its own, what those need that are here and behind.
    private func compaction(upTo position: LogPosition) -> (LogPosition?, steps: [LogPosition]) {
        var limit = Defect.compactsBeyondCheckpoint.isOn ? raft.log.last.index : position.index
        let needed = firstNeeded
        var entries = Int(raft.log.last.index.number - raft.log.base.index.number)
        var bytes = raft.log.byteCount
        var isTooLong: Bool { bytes + entries * settings.catchUpEntryCost > settings.catchUpBytes }
        var index = raft.log.base.index
        var steps: [LogPosition] = []
        var (stepEntries, stepBytes) = (0, 0)
        if let needed, !isTooLong { limit = min(limit, needed) }
        while index < limit, entries > settings.retainedEntries || bytes > settings.retainedBytes {
            index = index.next
            let size = raft.log[index].size
            entries -= 1
            bytes -= size
            stepEntries += 1
            stepBytes += size
            if stepEntries >= settings.checkpointEntries || stepBytes >= settings.checkpointBytes * 2 {
                steps.append(raft.log[index].position)
                (stepEntries, stepBytes) = (0, 0)
            }
            if let needed, index >= needed, !isTooLong { break }
        }
        if let needed, index > needed { tellOfShortLog(needed) }
        guard index > raft.log.base.index, let term = raft.log.term(at: index) else { return (nil, []) }
        return (LogPosition(term: term, index: index), steps)
    }

    /// The last entry that a follower has, or will have with its snapshot, which answers and is the farthest behind.
    private var firstNeeded: LogIndex? {
        guard raft.role == .leader else { return nil }
        var positions = senders.map(\.position.index)
        for follower in raft.followers where !follower.needsSnapshot {
            guard let contact = follower.lastContact, follower.matchIndex >= raft.log.base.index,
                now.instant.since(contact) < settings.raft.electionTimeout
            else { continue }
            positions.append(follower.matchIndex)
        }
        return positions.min()
    }

    private func tellOfShortLog(_ needed: LogIndex) {
        log(
            .shortLog, .warning, "⚠️ a follower is so far behind that the log is not kept for it: it needs a snapshot",
            ["entry": "\(needed.next)", "bytes": "\(raft.log.byteCount)"])
    }
}
