/// A descriptor in a loop's epoll set. Everything in it is touched on the loop only.
class Channel: @unchecked Sendable {
    final let loop: EventLoop
    /// -1 once closed.
    fileprivate(set) final var descriptor: Int32
    /// Tells this use of the descriptor's number from an earlier one, whose events may still be on their way.
    final var generation: UInt32 = 0
    /// Its place in the loop's timer heap, or -1.
    final var heapIndex = -1
    /// Nanoseconds of the monotonic clock; `.max` for none.
    fileprivate(set) final var deadline = UInt64.max
    final var isTurnScheduled = false
    /// Which of the loop's queues it waits in for a turn.
    enum Pace {
        /// Before all others: peers must be heard however many clients there are.
        case urgent
        case ordinary
        /// In the midst of something large, which is in no hurry.
        case bulk
    }
    var pace: Pace { .ordinary }

    init(loop: EventLoop, descriptor: Int32) {
        self.loop = loop
        self.descriptor = descriptor
    }

    /// epoll reported something; edge-triggered, so it must be remembered. The place to ask for a turn, not to work.
    func ready(_ events: UInt32) {}

    /// Called once after `loop.scheduleTurn` was called: the place to read and write, within bounds.
    func takeTurn() {}

    func deadlinePassed() {}

    /// When `deadlinePassed` is to be called, in nanoseconds of the monotonic clock; `.max` for never.
    final func setDeadline(_ time: UInt64) {
        deadline = time
        if time != .max { loop.deadlineChanged(self) }
    }

    /// Forgets the deadline at once, also in the loop's heap.
    final func cancelDeadline() {
        deadline = .max
        loop.deadlineCancelled(self)
    }

    /// Takes on a descriptor that is not registered yet.
    final func adopt(_ descriptor: Int32) {
        precondition(self.descriptor < 0, "A channel has one descriptor at a time")
        self.descriptor = descriptor
    }

    /// Leaves the epoll set and closes the descriptor.
    final func closeDescriptor() {
        guard descriptor >= 0 else { return }
        deadline = .max
        loop.unregister(self)
        Socket.close(descriptor)
        descriptor = -1
    }
}
