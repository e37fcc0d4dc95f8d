import CLinux
import Dispatch
import Glibc
import Synchronization

/// A thread's worth of connections: one Dispatch queue, one epoll descriptor.
///
/// All descriptors live in an epoll set of our own, of which Dispatch watches only the one descriptor: a Dispatch source for
/// each connection crashes libdispatch on Linux when peers hang up (swift-corelibs-libdispatch issue 949), and costs two
/// queue hops and two system calls more for each event.
///
/// The loop works in turns of about a millisecond, and goes back to the end of its queue between them: whatever else runs
/// there, such as the node that shares the thread, alternates with it, however much clients send. In a turn of the loop each
/// channel that something happened to has a turn of its own, in the order in which it happened, urgent channels first; a
/// channel that has more to do goes to the end.
public final class EventLoop: @unchecked Sendable {
    /// What the loop runs on. A serial queue that targets it shares the loop's thread: work that crosses between the
    /// two costs no wake-up.
    public let queue: DispatchQueue
    private let epoll: Int32
    private let source: any DispatchSourceRead
    private let timer: any DispatchSourceTimer
    private var timerTime = UInt64.max

    private struct Mailbox {
        var calls: [@Sendable () -> Void] = []
        var isScheduled = false
    }
    private let mailbox = Mutex(Mailbox())
    private let hasMail = Atomic(false)
    /// The thread that runs this loop at the moment, or 0.
    private let runner = Atomic<UInt>(0)

    // Touched on the queue only.
    private var channels: [Channel?] = []
    private var generation: UInt32 = 0
    private var urgentTurns = TurnQueue()
    private var turns = TurnQueue()
    private var bulkTurns = TurnQueue()
    private var isBulkNext = false
    /// A turn of the loop is on its way through the queue.
    private var isContinuing = false
    private var deadlines = TimerHeap()
    private var events: UnsafeMutablePointer<epoll_event>
    private static let maxEvents = 256
    /// How long a turn of the loop lasts, in nanoseconds; what a channel has begun then is finished.
    private static let turnLength: UInt64 = 1_000_000
    private var turnEnd: UInt64 = 0
    /// Nanoseconds of the monotonic clock, read once for each turn of a channel.
    private(set) var now: UInt64 = 0
    /// Every connection of the loop reads into this; only what is incomplete is copied.
    let receiveBuffer: UnsafeMutableRawBufferPointer
    private var spareBuffers: [[UInt8]] = []
    var date = HTTPDate()

    /// `label` names the queue in debuggers and profiles.
    public init(label: String) {
        queue = DispatchQueue(label: label)
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        precondition(epoll >= 0, "epoll_create1 failed with errno \(errno): raise the limit of open files")
        events = .allocate(capacity: Self.maxEvents)
        receiveBuffer = .allocate(byteCount: 64 * 1024, alignment: 16)
        source = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
        timer = DispatchSource.makeTimerSource(queue: queue)
        source.setEventHandler { [weak self] in self?.takeTurn() }
        timer.setEventHandler { [weak self] in
            self?.timerTime = .max
            self?.takeTurn()
        }
        // Only now is nobody left who could wait on the descriptor.
        source.setCancelHandler { [epoll] in Socket.close(epoll) }
        source.activate()
        timer.schedule(deadline: .distantFuture)
        timer.activate()
    }

    deinit {
        source.cancel()
        timer.cancel()
        events.deallocate()
        receiveBuffer.deallocate()
    }

    /// Calls `body` on the loop: at once when already there, else soon. Safe to call from any thread.
    public func execute(_ body: @escaping @Sendable () -> Void) {
        if isCurrent {
            body()
        } else {
            submit(body)
        }
    }

    /// Whether the caller runs on this loop.
    var isCurrent: Bool {
        runner.load(ordering: .relaxed) == UInt(pthread_self())
    }

    /// Calls `body` on the loop, later. However many calls gather, they cost one hop.
    func submit(_ body: @escaping @Sendable () -> Void) {
        let mustSchedule = mailbox.withLock { mailbox in
            mailbox.calls.append(body)
            hasMail.store(true, ordering: .relaxed)
            defer { mailbox.isScheduled = true }
            return !mailbox.isScheduled
        }
        if mustSchedule {
            queue.async { self.takeTurn() }
        }
    }

    // MARK: Running

    /// Goes on until nothing is left to do, which under load saves the way through Dispatch for each event, or until the
    /// turn is over: then whoever else waits in the queue comes first.
    private func takeTurn() {
        runner.store(UInt(pthread_self()), ordering: .relaxed)
        defer { runner.store(0, ordering: .relaxed) }
        now = Monotonic.now()
        turnEnd = now + Self.turnLength
        repeat {
            takeMail()
            let count = collectEvents()
            serveChannels()
            fireDeadlines()
            guard count > 0 || hasTurns || hasMail.load(ordering: .relaxed) else { break }
        } while !isTurnOver()
        if hasTurns { continueLater() }
        armTimer()
    }

    /// Whether what can wait should wait for the next turn. Reads the clock.
    func isTurnOver() -> Bool {
        now = Monotonic.now()
        return now >= turnEnd
    }

    private var hasTurns: Bool { !urgentTurns.isEmpty || !turns.isEmpty || !bulkTurns.isEmpty }

    /// Urgent channels first; then bulk and the others by turns, so that a short request waits for one long one at a time.
    private func nextChannel() -> Channel? {
        if let channel = urgentTurns.popFirst() { return channel }
        isBulkNext.toggle()
        return isBulkNext ? bulkTurns.popFirst() ?? turns.popFirst() : turns.popFirst() ?? bulkTurns.popFirst()
    }

    private func continueLater() {
        guard !isContinuing else { return }
        isContinuing = true
        queue.async {
            self.isContinuing = false
            self.takeTurn()
        }
    }

    /// Channels only note what happened to them here; they act in their turns.
    private func collectEvents() -> Int {
        let count = Int(epoll_wait(epoll, events, Int32(Self.maxEvents), 0))
        for index in 0..<max(count, 0) { dispatch(events[index]) }
        return count
    }

    private func dispatch(_ event: epoll_event) {
        let token = event.data.u64
        let index = Int(token & 0xFFFF_FFFF)
        // A channel closed by an earlier event of this batch, its number perhaps in use again, is not there any more.
        guard index < channels.count, let channel = channels[index], channel.generation == UInt32(token >> 32) else {
            return
        }
        channel.ready(event.events)
    }

    private func takeMail() {
        guard hasMail.load(ordering: .relaxed) else { return }
        let calls = mailbox.withLock { mailbox in
            hasMail.store(false, ordering: .relaxed)
            mailbox.isScheduled = false
            defer { mailbox.calls = [] }
            return mailbox.calls
        }
        for call in calls { call() }
    }

    /// One turn for each channel that waits for one now; those that come to wait meanwhile have theirs after new events.
    private func serveChannels() {
        var left = urgentTurns.count + turns.count + bulkTurns.count
        while left > 0, let channel = nextChannel() {
            left -= 1
            channel.isTurnScheduled = false
            channel.takeTurn()
            if isTurnOver() { return }
        }
    }

    /// Gives the channel a turn soon.
    func scheduleTurn(_ channel: Channel) {
        guard !channel.isTurnScheduled else { return }
        channel.isTurnScheduled = true
        switch channel.pace {
        case .urgent: urgentTurns.append(channel)
        case .ordinary: turns.append(channel)
        case .bulk: bulkTurns.append(channel)
        }
    }

    // MARK: Deadlines

    func deadlineChanged(_ channel: Channel) {
        deadlines.schedule(channel, at: channel.deadline)
    }

    func deadlineCancelled(_ channel: Channel) {
        deadlines.remove(channel)
    }

    private func fireDeadlines() {
        while let channel = deadlines.popExpired(now: now) {
            channel.deadlinePassed()
            if isTurnOver() { return }
        }
    }

    private func armTimer() {
        guard let earliest = deadlines.earliest, earliest < timerTime else { return }
        timerTime = earliest
        timer.schedule(deadline: DispatchTime(uptimeNanoseconds: earliest), leeway: .milliseconds(5))
    }

    // MARK: Descriptors

    /// Adds the channel's descriptor to the set. Not before `connect` or `accept`: an unconnected socket counts as hung up.
    ///
    /// False if the kernel takes no more (its memory, or `fs.epoll.max_user_watches`): the channel will hear of nothing.
    func register(_ channel: Channel, events: UInt32) -> Bool {
        let index = Int(channel.descriptor)
        if index >= channels.count {
            channels.append(contentsOf: repeatElement(nil, count: index + 1 - channels.count))
        }
        generation &+= 1
        channel.generation = generation
        guard control(EPOLL_CTL_ADD, channel, events) else { return false }
        channels[index] = channel
        return true
    }

    func modify(_ channel: Channel, events: UInt32) {
        let isDone = control(EPOLL_CTL_MOD, channel, events)
        // Fails only for a descriptor that is not in the set.
        precondition(isDone, "epoll_ctl failed with errno \(errno)")
    }

    func unregister(_ channel: Channel) {
        deadlines.remove(channel)
        let index = Int(channel.descriptor)
        guard index < channels.count, channels[index] === channel else { return }
        channels[index] = nil
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, channel.descriptor, nil)
    }

    private func control(_ operation: Int32, _ channel: Channel, _ interest: UInt32) -> Bool {
        var event = epoll_event()
        event.events = interest
        event.data.u64 = UInt64(channel.generation) << 32 | UInt64(UInt32(bitPattern: channel.descriptor))
        return epoll_ctl(epoll, operation, channel.descriptor, &event) == 0
    }

    /// The open channels of one kind.
    func openChannels<Kind: Channel>(_ kind: Kind.Type) -> [Kind] {
        channels.compactMap { $0 as? Kind }
    }

    // MARK: Buffers

    /// An empty buffer to write into, so that idle connections hold none.
    func takeBuffer() -> [UInt8] {
        spareBuffers.popLast() ?? []
    }

    func giveBack(_ buffer: consuming [UInt8]) {
        guard spareBuffers.count < 16, buffer.capacity > 0, buffer.capacity <= 64 * 1024 else { return }
        buffer.removeAll(keepingCapacity: true)
        spareBuffers.append(buffer)
    }
}

enum Monotonic {
    /// Nanoseconds of CLOCK_MONOTONIC, the clock of `DispatchTime`.
    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}

extension Duration {
    /// Not negative, at most some centuries.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        return UInt64(min(seconds, 4_000_000_000)) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
