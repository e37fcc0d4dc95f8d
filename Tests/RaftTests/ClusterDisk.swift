@testable import Raft

/// What one node has on disk, and what is on its way there. A crash loses all but a prefix of the latter.
struct Disk {
    struct Image {
        var hardState = HardState()
        var base = LogPosition.zero
        var entries: [LogEntry] = []
        /// What the state tables stand at.
        var applied = LogIndex.zero
        /// The configuration in force at ``base``.
        var configuration = PlacedConfiguration()

        var last: LogPosition { entries.last?.position ?? base }

        func term(at index: LogIndex) -> Term? {
            if index == base.index { return base.term }
            guard index > base.index, index <= last.index else { return nil }
            return entries[Int(index.number - base.index.number) - 1].term
        }

        func configuration(at index: LogIndex) -> PlacedConfiguration {
            for entry in entries.reversed() where entry.index <= index {
                if let configuration = entry.configuration {
                    return PlacedConfiguration(index: entry.index, configuration)
                }
            }
            return configuration
        }

        mutating func apply(_ operation: Operation) {
            switch operation {
            case .write(let write):
                if let state = write.hardState { hardState = state }
                if let from = write.truncateFrom { truncate(from: from) }
                for entry in write.entries {
                    precondition(entry.index == last.index.next, "gap on disk: \(entry.position) after \(last)")
                    entries.append(entry)
                }
            case .checkpoint(let index, let through):
                precondition(index <= last.index, "checkpoint \(index) beyond the log's end \(last)")
                applied = max(applied, index)
                guard through > base.index, let term = term(at: through) else { return }
                configuration = configuration(at: through)
                entries.removeFirst(Int(through.number - base.index.number))
                base = LogPosition(term: term, index: through)
            case .snapshot(let position, let placed, _):
                if let placed { configuration = placed }
                base = position
                applied = position.index
                entries = []
            }
        }

        private mutating func truncate(from index: LogIndex) {
            precondition(index > applied, "truncation at \(index) of what is applied up to \(applied)")
            guard index <= last.index else { return }
            entries.removeLast(Int(last.index.number - index.number) + 1)
        }
    }

    enum Operation {
        case write(Write)
        /// The state tables stand at the first index; the log is wanted only behind the second.
        case checkpoint(LogIndex, compact: LogIndex)
        case snapshot(LogPosition, PlacedConfiguration?, answer: RequestToken)
    }

    private(set) var image = Image()
    private(set) var pending: [Operation] = []
    /// When the last pending operation will be done: the disk does one after the other.
    var busyUntil = Instant(nanoseconds: 0)

    mutating func begin(_ operation: Operation) { pending.append(operation) }

    mutating func finishFirst() -> Operation {
        let operation = pending.removeFirst()
        image.apply(operation)
        return operation
    }

    /// Power is lost: `survivors` of the pending operations had reached the disk, unknown to the node.
    mutating func crash(survivors: Int) {
        for operation in pending.prefix(survivors) { image.apply(operation) }
        pending.removeAll()
        busyUntil = Instant(nanoseconds: 0)
    }
}
