import Raft

/// When the state tables follow the log: often enough that a restart and the log stay short and that people who read
/// the tables see the present, seldom enough that rows changed again and again are written once.
struct CheckpointSchedule {
    /// What the state tables stand at.
    private(set) var position: LogPosition
    /// The checkpoint on its way to the disk, and how far the log may be forgotten when it is there.
    private(set) var inProgress: (position: LogPosition, compactThrough: LogPosition?)?
    private(set) var entries = 0
    private var bytes = 0
    private var since: Instant?

    init(position: LogPosition) { self.position = position }

    mutating func applied(bytes: Int, now: Instant) {
        entries += 1
        self.bytes += bytes
        if since == nil { since = now }
    }

    /// When the next checkpoint is due; `nil` while there is nothing to write or one is being written.
    func deadline(_ settings: NodeSettings) -> Instant? {
        guard let since, inProgress == nil else { return nil }
        if entries >= settings.checkpointEntries || bytes >= settings.checkpointBytes { return since }
        let isCheap = entries <= settings.checkpointFewEntries
        return since.advanced(by: isCheap ? settings.checkpointPause : settings.checkpointInterval)
    }

    mutating func begin(at position: LogPosition, compactThrough: LogPosition?) {
        inProgress = (position, compactThrough)
        entries = 0
        bytes = 0
        since = nil
    }

    mutating func finish() {
        guard let inProgress else { return }
        position = inProgress.position
        self.inProgress = nil
    }
}
