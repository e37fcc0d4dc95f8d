import Metadata
import Raft

/// Leases by when they may be due, the first on top (a binary heap). One that is kept alive stays where it is: when its turn
/// comes it is put back.
struct DeadlineHeap {
    private var entries: [(deadline: Instant, lease: LeaseID)] = []

    init(_ entries: [(deadline: Instant, lease: LeaseID)] = []) {
        // In ascending order it is one.
        self.entries = entries.sorted { ($0.deadline, $0.lease) < ($1.deadline, $1.lease) }
    }

    var first: Instant? { entries.first?.deadline }
    var count: Int { entries.count }

    mutating func insert(_ lease: LeaseID, at deadline: Instant) {
        entries.append((deadline, lease))
        var child = entries.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            entries.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func removeFirst() -> LeaseID {
        entries.swapAt(0, entries.count - 1)
        let lease = entries.removeLast().lease
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < entries.count && precedes(child, least) {
                least = child
            }
            guard least != parent else { return lease }
            entries.swapAt(parent, least)
            parent = least
        }
    }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        (entries[a].deadline, entries[a].lease) < (entries[b].deadline, entries[b].lease)
    }
}
