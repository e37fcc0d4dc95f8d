import Metadata
import Raft

/// The clients that wait for entries of the log, in log order.
struct PendingWrites {
    typealias Completion = (Result<CommandResult, RequestFailure>) -> Void

    struct Waiting {
        let index: LogIndex
        let term: Term
        let since: Instant
        let completion: Completion
    }

    /// `nil` once taken: what a completion holds, a whole request, goes with it.
    private var queue: [Waiting?] = []
    private var head = 0
    var count: Int { queue.count - head }
    /// Since when the first one waits.
    var oldest: Instant? { head < queue.count ? queue[head]?.since : nil }

    mutating func append(_ waiting: Waiting) {
        precondition(
            queue.last.map { ($0?.index ?? .zero) < waiting.index } ?? true, "waiting clients out of log order")
        queue.append(waiting)
    }

    mutating func removeFirst() -> Waiting? {
        guard head < queue.count, let waiting = queue[head] else { return nil }
        queue[head] = nil
        head += 1
        if head == queue.count {
            queue.removeAll(keepingCapacity: queue.capacity <= 4096)
            head = 0
        } else if head >= 1024, head * 2 >= queue.count {
            queue.removeFirst(head)
            head = 0
        }
        return waiting
    }

    /// The client that waits for the entry at `index`, with those before it: they wait for entries that this node never
    /// applied one by one (a snapshot replaced them), so their outcome is not known here.
    mutating func take(at index: LogIndex) -> (waiting: Waiting?, overtaken: [Waiting]) {
        var overtaken: [Waiting] = []
        while head < queue.count, let first = queue[head], first.index <= index, let waiting = removeFirst() {
            if waiting.index == index { return (waiting, overtaken) }
            overtaken.append(waiting)
        }
        return (nil, overtaken)
    }

    /// After the log was cut back: entries from `index` on will be others.
    mutating func takeAll() -> [Waiting] {
        let waiting = queue[head...].compactMap { $0 }
        queue.removeAll()
        head = 0
        return waiting
    }
}
