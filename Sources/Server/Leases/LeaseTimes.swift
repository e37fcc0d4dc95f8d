import Defects
import Metadata
import Raft

/// What is left of each lease. Every node counts for itself, from when it applied the entry that granted the lease or kept it
/// alive: so a new leader gives a lease no less than it had left, and no more than the entry took to get here. Only the
/// leader ends one.
struct LeaseTimes {
    private struct Entry {
        /// By ``time``.
        var renewed: Instant
        let ttl: Duration
        /// Entries on their way into the log that keep it alive.
        var unsettled = 0
        /// One up to there whose outcome nobody knows may keep it alive.
        var uncertain = LogIndex.zero
        /// Its end is on its way into the log.
        var isEnding = false

        var deadline: Instant { renewed.advanced(by: ttl) }
    }

    /// So many at a time: when a rack fails its leases are not one long turn.
    static let maximumAtOnce = 64
    /// When a lease is looked at again whose renewal is on its way.
    private static let patience: Duration = .milliseconds(200)

    private var time = WakingTime()
    private var entries: [LeaseID: Entry] = [:]
    /// While this node leads.
    private var heap: DeadlineHeap?

    /// Those of a state that comes from elsewhere, a disk or another node: who kept them alive meanwhile it does not say, so
    /// they are taken for renewed just now.
    init(_ leases: [Lease], now: Instant) { restart(leases, now: now) }

    mutating func restart(_ leases: [Lease], now: Instant) {
        entries = [:]
        for lease in leases { entries[lease.id] = Entry(renewed: time.awake(now), ttl: lease.duration) }
        if heap != nil { beginLeading() }
    }

    /// When the next one may be due.
    var nextDeadline: Instant? { heap?.first.map { time.moment($0) } }

    mutating func woke(now: Instant, planned: Instant) { time.woke(now: now, planned: planned) }

    // MARK: What was applied

    mutating func granted(_ lease: Lease, now: Instant) {
        let entry = Entry(renewed: time.awake(now), ttl: lease.duration)
        entries[lease.id] = entry
        heap?.insert(lease.id, at: entry.deadline)
    }

    mutating func keptAlive(_ ids: [LeaseID], now: Instant) {
        if Defect.keepAliveForgotten.isOn { return }
        for id in ids { entries[id]?.renewed = time.awake(now) }
    }

    mutating func ended(_ id: LeaseID) {
        entries[id] = nil
        // Those that have ended are in it until their time is up, which may be a year.
        if let heap, heap.count > 2 * entries.count + 1024 { fillHeap() }
    }

    // MARK: Leading

    mutating func beginLeading() {
        if Defect.newLeaderEndsLeases.isOn {
            for id in entries.keys { entries[id]?.renewed = Instant(nanoseconds: 0) }
        }
        // What keeps one alive may be on its way already: it was taken before the opening entry was applied.
        for id in entries.keys { entries[id]?.isEnding = false }
        fillHeap()
    }

    private mutating func fillHeap() {
        heap = DeadlineHeap(entries.filter { !$0.value.isEnding }.map { ($0.value.deadline, $0.key) })
    }

    mutating func endLeading() { heap = nil }

    /// An entry that keeps it alive is on its way: whatever the time, it does not end before that is settled.
    mutating func renewing(_ id: LeaseID) { entries[id]?.unsettled += 1 }

    mutating func settled(_ id: LeaseID) {
        if let unsettled = entries[id]?.unsettled, unsettled > 0 { entries[id]?.unsettled = unsettled - 1 }
    }

    /// Whoever asked for it is not told any more, and the entry, which is in the log up to `last`, may still be committed.
    mutating func outcomeUnknown(_ id: LeaseID, through last: LogIndex) {
        settled(id)
        entries[id]?.uncertain = last
    }

    /// Those whose time is up, each named once. There may be more: then the next deadline is past.
    ///
    /// - Parameter pending: The entries that are not applied yet: an end must not follow a renewal that it knows nothing of.
    mutating func due(now: Instant, pending: ClosedRange<LogIndex>? = nil) -> [LeaseID] {
        if Defect.leasesNeverEnd.isOn { return [] }
        let now = time.awake(now)
        var due: [LeaseID] = []
        while due.count < Self.maximumAtOnce, let first = heap?.first, first <= now, let id = heap?.removeFirst() {
            guard let entry = entries[id], !entry.isEnding else { continue }
            if entry.deadline > now {
                heap?.insert(id, at: entry.deadline)
            } else if entry.unsettled > 0 || pending?.contains(entry.uncertain) ?? false {
                heap?.insert(id, at: now.advanced(by: Self.patience))
            } else {
                entries[id]?.isEnding = true
                due.append(id)
            }
        }
        return due
    }

    /// The end did not get into the log: the lease is looked at again.
    mutating func endingFailed(_ id: LeaseID) {
        guard let entry = entries[id] else { return }
        entries[id]?.isEnding = false
        heap?.insert(id, at: entry.deadline)
    }

    /// How many places the leader's order of deadlines has, for tests.
    var waitingCount: Int { heap?.count ?? 0 }

    /// What is left of it.
    func remaining(_ id: LeaseID, now: Instant) -> Duration? {
        guard let deadline = entries[id]?.deadline else { return nil }
        let now = time.awake(now)
        return deadline > now ? deadline.since(now) : .zero
    }
}

extension Lease {
    fileprivate var duration: Duration { .seconds(ttlSeconds) }
}
