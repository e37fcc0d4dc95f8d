/// What will happen, in order of (time, sequence): events of one moment happen in the order in which they were asked for.
final class Timeline {
    /// A closure that is kept as it is. As the value of a generic type, of `Optional` or `Array`, it would be wrapped
    /// once more on the way in and once on the way out.
    private struct Action { let run: () -> Void }

    private(set) var now = VirtualTime.zero
    private(set) var eventsRun: UInt64 = 0
    private var sequence: UInt64 = 0
    private var heap = EventHeap()
    private var actions: [Action?] = []
    private var freeSlots: [Int] = []

    func schedule(after delay: VirtualTime, _ action: @escaping () -> Void) { schedule(at: now + delay, action) }

    /// What is asked for in the past happens now.
    func schedule(at time: VirtualTime, _ action: @escaping () -> Void) {
        sequence += 1
        heap.insert(EventHeap.Event(time: max(time, now), sequence: sequence, slot: store(action)))
    }

    private func store(_ action: @escaping () -> Void) -> Int {
        guard let slot = freeSlots.popLast() else {
            actions.append(Action(run: action))
            return actions.count - 1
        }
        actions[slot] = Action(run: action)
        return slot
    }

    /// Runs the next event if it is not later than `end`. Returns whether there was one.
    func runNext(until end: VirtualTime) -> Bool {
        guard let first = heap.popFirst(until: end) else { return false }
        now = first.time
        eventsRun += 1
        let action = actions[first.slot]
        actions[first.slot] = nil
        freeSlots.append(first.slot)
        action?.run()
        return true
    }

    /// Nothing happens before `end` any more: time passes.
    func advance(to end: VirtualTime) { now = max(now, end) }

    /// Drops all events, and with them what they hold on to.
    func clear() {
        heap = EventHeap()
        actions.removeAll()
        freeSlots.removeAll()
    }
}

/// A binary heap, the earliest event first. A value, so that one access to it is enough for a whole sift.
private struct EventHeap {
    /// Its action is kept apart, so that ordering events moves plain numbers only.
    struct Event {
        let time: VirtualTime
        let sequence: UInt64
        let slot: Int

        func precedes(_ other: Event) -> Bool {
            time == other.time ? sequence < other.sequence : time < other.time
        }
    }

    private var events: [Event] = []

    mutating func insert(_ event: Event) {
        var child = events.count
        events.append(event)
        while child > 0 {
            let parent = (child - 1) / 2
            guard event.precedes(events[parent]) else { break }
            events[child] = events[parent]
            child = parent
        }
        events[child] = event
    }

    /// Takes the earliest event, if it is not later than `end`.
    mutating func popFirst(until end: VirtualTime) -> Event? {
        guard let first = events.first, first.time <= end else { return nil }
        let last = events.removeLast()
        if !events.isEmpty { replaceFirst(by: last) }
        return first
    }

    private mutating func replaceFirst(by event: Event) {
        var parent = 0
        while true {
            var child = 2 * parent + 1
            guard child < events.count else { break }
            if child + 1 < events.count, events[child + 1].precedes(events[child]) { child += 1 }
            guard events[child].precedes(event) else { break }
            events[parent] = events[child]
            parent = child
        }
        events[parent] = event
    }
}
