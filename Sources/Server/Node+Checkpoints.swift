import Defects
import Metadata
import Raft
import Storage

// Checkpoints: the state tables follow the log, and the log behind them goes.
extension Node {
    func checkpointIfDue() {
        guard let deadline = checkpoints.deadline(settings), now.instant >= deadline, !isInstallingSnapshot, !isFailed,
            let term = raft.log.term(at: lastApplied)
        else { return }
        let position = LogPosition(term: term, index: lastApplied)
        let compactThrough = compaction(upTo: position)
        let changes = metadata.takeChangedRows()
        checkpoints.begin(at: position, compactThrough: compactThrough)
        disk.checkpoint(
            Checkpoint(
                position: position, changes: Defect.checkpointForgetsARow.isOn ? changes.dropLast() : changes,
                counters: metadata.counters,
                digest: metadata.digest, compactThrough: compactThrough))
    }

    /// The old state must not be written over the one that is being installed.
    var isInstallingSnapshot: Bool {
        receiver.map { $0.isLast || Defect.checkpointsWaitForAnyTransfer.isOn } ?? false
    }

    func checkpointed(_ index: LogIndex) {
        guard let done = checkpoints.inProgress, done.position.index == index else { return }
        checkpoints.finish()
        measurements.checkpoints += 1
        if let compactThrough = done.compactThrough { step(.compact(through: compactThrough.index)) }
    }

    /// How much of the log may be forgotten: what is covered, except a tail for followers that are a little behind, and
    /// what a snapshot on its way will need.
    private func compaction(upTo position: LogPosition) -> LogPosition? {
        var limit = Defect.compactsBeyondCheckpoint.isOn ? raft.log.last.index : position.index
        for sender in senders { limit = min(limit, sender.description?.position.index ?? raft.log.base.index) }
        var entries = Int(raft.log.last.index.number - raft.log.base.index.number)
        var bytes = raft.log.byteCount
        var index = raft.log.base.index
        while index < limit, entries > settings.retainedEntries || bytes > settings.retainedBytes {
            index = index.next
            entries -= 1
            bytes -= raft.log[index].size
        }
        guard index > raft.log.base.index, let term = raft.log.term(at: index) else { return nil }
        return LogPosition(term: term, index: index)
    }
}
