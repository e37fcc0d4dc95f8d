@testable import Raft

/// What will happen when, in a fixed order: by time, then by age.
struct AgendaQueue<Element> {
    private var heap: [(time: Instant, age: UInt64, element: Element)] = []
    private var nextAge: UInt64 = 0

    var isEmpty: Bool { heap.isEmpty }
    var first: Instant? { heap.first?.time }

    private func precedes(_ a: Int, _ b: Int) -> Bool {
        heap[a].time != heap[b].time ? heap[a].time < heap[b].time : heap[a].age < heap[b].age
    }

    mutating func add(_ element: Element, at time: Instant) {
        heap.append((time, nextAge, element))
        nextAge += 1
        var child = heap.count - 1
        while child > 0, precedes(child, (child - 1) / 2) {
            heap.swapAt(child, (child - 1) / 2)
            child = (child - 1) / 2
        }
    }

    mutating func take() -> (time: Instant, element: Element)? {
        guard let top = heap.first else { return nil }
        heap.swapAt(0, heap.count - 1)
        heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count && precedes(child, least) {
                least = child
            }
            if least == parent { break }
            heap.swapAt(parent, least)
            parent = least
        }
        return (top.time, top.element)
    }
}
