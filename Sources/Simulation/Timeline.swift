/// What will happen, in order of (time, sequence): events of one moment happen in the order in which they were asked for.
final class Timeline {
    private struct Event {
        let time: VirtualTime
        let sequence: UInt64
        let action: () -> Void

        func precedes(_ other: Event) -> Bool { (time, sequence) < (other.time, other.sequence) }
    }

    private(set) var now = VirtualTime.zero
    private(set) var eventsRun: UInt64 = 0
    private var sequence: UInt64 = 0
    /// A binary heap, the earliest event first.
    private var heap: [Event] = []

    func schedule(after delay: VirtualTime, _ action: @escaping () -> Void) { schedule(at: now + delay, action) }

    /// What is asked for in the past happens now.
    func schedule(at time: VirtualTime, _ action: @escaping () -> Void) {
        sequence += 1
        heap.append(Event(time: max(time, now), sequence: sequence, action: action))
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].precedes(heap[parent]) else { break }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// Runs the next event if it is not later than `end`. Returns whether there was one.
    func runNext(until end: VirtualTime) -> Bool {
        guard let first = heap.first, first.time <= end else { return false }
        let last = heap.removeLast()
        if !heap.isEmpty {
            heap[0] = last
            siftDown()
        }
        now = first.time
        eventsRun += 1
        first.action()
        return true
    }

    private func siftDown() {
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2]
            where child < heap.count && heap[child].precedes(heap[least]) {
                least = child
            }
            guard least != parent else { return }
            heap.swapAt(parent, least)
            parent = least
        }
    }

    /// Nothing happens before `end` any more: time passes.
    func advance(to end: VirtualTime) { now = max(now, end) }

    /// Drops all events, and with them what they hold on to.
    func clear() { heap.removeAll() }
}
