/// The requests of one connection that are not answered yet, in order; answers wait here for those before them.
struct ResponseQueue {
    struct Slot {
        var response: HTTPResponse?
        var isToHead: Bool
        var isVersion10: Bool
        /// The connection ends behind this answer.
        var closes: Bool
        /// Taken from the memory account for this request; given back when its answer is in the output.
        var reserved = 0
        /// Nothing behind this request is begun before its answer is sent.
        var isHeavy = false
    }

    private var slots: [Slot] = []
    /// Slots before this one are answered; they are dropped when all are.
    private var head = 0
    private var answered: UInt64 = 0
    /// Of answers that are given and not popped.
    private(set) var answerBytes = 0
    private var heavyCount = 0

    /// Whether a request is in progress that must be alone.
    var hasHeavy: Bool { heavyCount > 0 }
    var count: Int { slots.count - head }
    var isEmpty: Bool { count == 0 }

    /// Returns the sequence number under which the answer is to be given.
    mutating func append(_ slot: Slot) -> UInt64 {
        slots.append(slot)
        if slot.isHeavy { heavyCount += 1 }
        return answered + UInt64(count) - 1
    }

    /// Returns false if the request has been answered before.
    mutating func fill(_ sequence: UInt64, with response: HTTPResponse) -> Bool {
        guard sequence >= answered, sequence - answered < UInt64(count) else { return false }
        let index = head + Int(sequence - answered)
        guard slots[index].response == nil else { return false }
        slots[index].response = response
        answerBytes += response.body.count
        return true
    }

    /// The first answer, if it has been given.
    mutating func popAnswered() -> (slot: Slot, response: HTTPResponse)? {
        guard head < slots.count, let response = slots[head].response else { return nil }
        let slot = slots[head]
        slots[head].response = nil
        answerBytes -= response.body.count
        if slot.isHeavy { heavyCount -= 1 }
        head += 1
        answered += 1
        if head == slots.count {
            slots.removeAll(keepingCapacity: true)
            head = 0
        } else if head >= 64 {
            slots.removeFirst(head)
            head = 0
        }
        return (slot, response)
    }

    /// Returns what was reserved for the requests that nobody answers any more.
    mutating func removeAll() -> Int {
        let reserved = slots[head...].reduce(0) { $0 + $1.reserved }
        answered += UInt64(count)
        slots = []
        head = 0
        answerBytes = 0
        heavyCount = 0
        return reserved
    }
}
