/// The requests of one connection that are not answered yet, in order; answers wait here for those before them.
struct ResponseQueue {
    struct Slot {
        var response: HTTPResponse?
        var isToHead: Bool
        var isVersion10: Bool
        /// The connection ends behind this answer.
        var closes: Bool
    }

    private var slots: [Slot] = []
    /// Slots before this one are answered; they are dropped when all are.
    private var head = 0
    private var answered: UInt64 = 0

    var count: Int { slots.count - head }
    var isEmpty: Bool { count == 0 }

    /// Returns the sequence number under which the answer is to be given.
    mutating func append(_ slot: Slot) -> UInt64 {
        slots.append(slot)
        return answered + UInt64(count) - 1
    }

    /// Returns false if the request has been answered before.
    mutating func fill(_ sequence: UInt64, with response: HTTPResponse) -> Bool {
        guard sequence >= answered, sequence - answered < UInt64(count) else { return false }
        let index = head + Int(sequence - answered)
        guard slots[index].response == nil else { return false }
        slots[index].response = response
        return true
    }

    /// The first answer, if it has been given.
    mutating func popAnswered() -> (slot: Slot, response: HTTPResponse)? {
        guard head < slots.count, let response = slots[head].response else { return nil }
        let slot = slots[head]
        slots[head].response = nil
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

    mutating func removeAll() {
        answered += UInt64(count)
        slots = []
        head = 0
    }
}
