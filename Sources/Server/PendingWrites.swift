import Metadata
import Raft

/// The clients that wait for entries of the log, in log order.
struct PendingWrites {
    typealias Completion = (Result<CommandResult, RequestFailure>) -> Void

    struct Waiting {
        let index: LogIndex
        let term: Term
        let since: Instant
        let bytes: Int
        let completion: Completion
    }

    private var queue: [Waiting] = []
    private var head = 0
    private(set) var bytes = 0

    var count: Int { queue.count - head }
    /// Since when the first one waits.
    var oldest: Instant? { head < queue.count ? queue[head].since : nil }

    mutating func append(_ waiting: Waiting) {
        precondition(queue.last.map { $0.index < waiting.index } ?? true, "waiting clients out of log order")
        queue.append(waiting)
        bytes += waiting.bytes
    }

    mutating func removeFirst() -> Waiting? {
        guard head < queue.count else { return nil }
        let waiting = queue[head]
        head += 1
        bytes -= waiting.bytes
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
        while head < queue.count, queue[head].index <= index {
            guard let waiting = removeFirst() else { break }
            if waiting.index == index { return (waiting, overtaken) }
            overtaken.append(waiting)
        }
        return (nil, overtaken)
    }

    /// After the log was cut back: entries from `index` on will be others.
    mutating func takeAll() -> [Waiting] {
        let waiting = Array(queue[head...])
        queue.removeAll()
        head = 0
        bytes = 0
        return waiting
    }
}
