/// What will happen, in order of (time, sequence): events of one moment happen in the order in which they were asked for.
final class Timeline {
    private(set) var now = VirtualTime.zero
    private(set) var eventsRun: UInt64 = 0
    private var agenda = Agenda()

    func schedule(after delay: VirtualTime, _ action: @escaping () -> Void) { schedule(at: now + delay, action) }

    /// What is asked for in the past happens now.
    func schedule(at time: VirtualTime, _ action: @escaping () -> Void) {
        agenda.insert(Agenda.Action(run: action), at: max(time, now))
    }

    /// Runs the next event if it is not later than `end`. Returns whether there was one.
    func runNext(until end: VirtualTime) -> Bool {
        guard let (time, action) = agenda.popFirst(until: end) else { return false }
        now = time
        eventsRun += 1
        action.run()
        return true
    }

    /// Nothing happens before `end` any more: time passes.
    func advance(to end: VirtualTime) { now = max(now, end) }

    /// Drops all events, and with them what they hold on to.
    func clear() { agenda = Agenda() }
}

/// The events with their actions. A value, so that one access to it is enough for all of an insertion.
private struct Agenda {
    /// A closure that is kept as it is. As the value of a generic type, of `Optional` or `Array`, it would be wrapped
    /// once more on the way in and once on the way out.
    struct Action { let run: () -> Void }

    private var sequence: UInt64 = 0
    private var heap = EventHeap()
    private var actions: [Action?] = []
    private var freeSlots: [Int] = []

    mutating func insert(_ action: Action, at time: VirtualTime) {
        sequence += 1
        heap.insert(EventHeap.Event(time: time, sequence: sequence, slot: store(action)))
    }

    private mutating func store(_ action: Action) -> Int {
        guard let slot = freeSlots.popLast() else {
            actions.append(action)
            return actions.count - 1
        }
        actions[slot] = action
        return slot
    }

    mutating func popFirst(until end: VirtualTime) -> (VirtualTime, Action)? {
        guard let first = heap.popFirst(until: end) else { return nil }
        // Moved out: counting references to it would cost as much as the rest.
        var action: Action?
        swap(&action, &actions[first.slot])
        freeSlots.append(first.slot)
        guard let action else { preconditionFailure("an event without an action") }
        return (first.time, action)
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
        events.append(event)
        events.withUnsafeMutableBufferPointer { events in
            Self.rise(event, from: events.count - 1, in: events)
        }
    }

    /// Puts `event` at `leaf`, or as far above it as it belongs.
    private static func rise(_ event: Event, from leaf: Int, in events: UnsafeMutableBufferPointer<Event>) {
        var hole = leaf
        while hole > 0 {
            let parent = (hole - 1) / 2
            guard event.precedes(events[parent]) else { break }
            events[hole] = events[parent]
            hole = parent
        }
        events[hole] = event
    }

    /// Takes the earliest event, if it is not later than `end`.
    mutating func popFirst(until end: VirtualTime) -> Event? {
        guard let first = events.first, first.time <= end else { return nil }
        let last = events.removeLast()
        if !events.isEmpty { replaceFirst(by: last) }
        return first
    }

    /// Down to a leaf along the earlier children, then up again as far as `event` belongs: it was a leaf, so that is not
    /// far, and half of the comparisons are saved.
    private mutating func replaceFirst(by event: Event) {
        events.withUnsafeMutableBufferPointer { events in
            var hole = 0
            while true {
                var child = 2 * hole + 1
                guard child < events.count else { break }
                if child + 1 < events.count, events[child + 1].precedes(events[child]) { child += 1 }
                events[hole] = events[child]
                hole = child
            }
            Self.rise(event, from: hole, in: events)
        }
    }
}
