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
/// A wake-up handles every event that waits, then gives each touched connection one turn to write, so however many responses
/// were completed meanwhile leave in one system call for each connection.
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
    private var turns: [Channel] = []
    private var deadlines = TimerHeap()
    private var events: UnsafeMutablePointer<epoll_event>
    private static let maxEvents = 256
    /// Nanoseconds of the monotonic clock, read once for each wake-up.
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
        source.setEventHandler { [weak self] in self?.run { $0.handleEvents() } }
        timer.setEventHandler { [weak self] in
            self?.run { loop in
                loop.timerTime = .max
                loop.handleEvents()
            }
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
            queue.async { self.run { $0.handleEvents() } }
        }
    }

    // MARK: Running

    private func run(_ body: (EventLoop) -> Void) {
        runner.store(UInt(pthread_self()), ordering: .relaxed)
        body(self)
        runner.store(0, ordering: .relaxed)
    }

    /// Goes on until nothing is left to do: under load this saves the way through Dispatch for each event.
    private func handleEvents() {
        now = Monotonic.now()
        while true {
            takeMail()
            takeTurns()
            let count = epoll_wait(epoll, events, Int32(Self.maxEvents), 0)
            if count > 0 {
                now = Monotonic.now()
                for index in 0..<Int(count) { dispatch(events[index]) }
                takeMail()
                takeTurns()
            }
            fireDeadlines()
            if count <= 0, turns.isEmpty, !hasMail.load(ordering: .relaxed) { break }
        }
        armTimer()
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

    private func takeTurns() {
        guard !turns.isEmpty else { return }
        let batch = turns
        turns.removeAll(keepingCapacity: true)
        for channel in batch {
            channel.isTurnScheduled = false
            channel.takeTurn()
        }
    }

    /// Gives the channel a turn at the end of this wake-up.
    func scheduleTurn(_ channel: Channel) {
        guard !channel.isTurnScheduled else { return }
        channel.isTurnScheduled = true
        turns.append(channel)
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
        }
    }

    private func armTimer() {
        guard let earliest = deadlines.earliest, earliest < timerTime else { return }
        timerTime = earliest
        timer.schedule(deadline: DispatchTime(uptimeNanoseconds: earliest), leeway: .milliseconds(5))
    }

    // MARK: Descriptors

    /// Adds the channel's descriptor to the set. Not before `connect` or `accept`: an unconnected socket counts as hung up.
    func register(_ channel: Channel, events: UInt32) {
        let index = Int(channel.descriptor)
        if index >= channels.count {
            channels.append(contentsOf: repeatElement(nil, count: index + 1 - channels.count))
        }
        generation &+= 1
        channel.generation = generation
        channels[index] = channel
        control(EPOLL_CTL_ADD, channel, events)
    }

    func modify(_ channel: Channel, events: UInt32) {
        control(EPOLL_CTL_MOD, channel, events)
    }

    func unregister(_ channel: Channel) {
        deadlines.remove(channel)
        let index = Int(channel.descriptor)
        guard index < channels.count, channels[index] === channel else { return }
        channels[index] = nil
        _ = epoll_ctl(epoll, EPOLL_CTL_DEL, channel.descriptor, nil)
    }

    private func control(_ operation: Int32, _ channel: Channel, _ interest: UInt32) {
        var event = epoll_event()
        event.events = interest
        event.data.u64 = UInt64(channel.generation) << 32 | UInt64(UInt32(bitPattern: channel.descriptor))
        let result = epoll_ctl(epoll, operation, channel.descriptor, &event)
        // Fails only for a descriptor that is not ours, or without kernel memory.
        precondition(result == 0, "epoll_ctl failed with errno \(errno)")
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
