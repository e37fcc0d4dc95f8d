import Glibc
import Synchronization

/// Which seed each thread is at. A failed precondition of a node ends the whole process at once; this names the seed.
///
/// Everything here is set up before it is needed: a signal handler may neither allocate nor lock (POSIX.1, 2.4.3).
enum SeedsInProgress {
    /// How many threads there may be.
    static let capacity = 64

    private struct Slot: ~Copyable {
        let isBusy = Atomic(false)
        let seed = Atomic<UInt64>(0)
        let thread = Atomic<UInt>(0)
    }

    // Allocated once and never freed, shared by atomics only.
    private nonisolated(unsafe) static let slots: UnsafeMutablePointer<Slot> = {
        let slots = UnsafeMutablePointer<Slot>.allocate(capacity: capacity)
        for index in 0..<capacity { (slots + index).initialize(to: Slot()) }
        return slots
    }()
    // Written once, before the handler is installed.
    private nonisolated(unsafe) static var options = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
    private static let trappingSignals = [SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGSEGV, SIGFPE]

    static func begin(_ seed: UInt64, worker: Int) {
        slots[worker].seed.store(seed, ordering: .relaxed)
        slots[worker].thread.store(UInt(pthread_self()), ordering: .relaxed)
        slots[worker].isBusy.store(true, ordering: .releasing)
    }

    static func end(worker: Int) { slots[worker].isBusy.store(false, ordering: .releasing) }

    /// - Parameter repeatingOptions: What the command that repeats a seed needs besides the seed.
    static func reportOnTrap(options repeatingOptions: String) {
        _ = slots
        let text = Array(repeatingOptions.utf8)
        options = .allocate(capacity: text.count)
        _ = options.initialize(from: text)
        for signal in trappingSignals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { signal in
                SeedsInProgress.write(to: STDERR_FILENO)
                // Back to the default, and once more, so that the exit status and a core tell the truth.
                Glibc.signal(signal, SIG_DFL)
                raise(signal)
            }
            sigemptyset(&action.sa_mask)
            sigaction(signal, &action, nil)
        }
    }

    /// Names the seed of the calling thread; if it has none, those of all threads.
    static func write(to descriptor: Int32) {
        let me = UInt(pthread_self())
        var isFound = false
        for index in 0..<capacity where isAt(index) && slots[index].thread.load(ordering: .relaxed) == me {
            writeLine(seed: slots[index].seed.load(ordering: .relaxed), to: descriptor)
            isFound = true
        }
        guard !isFound else { return }
        for index in 0..<capacity where isAt(index) {
            writeLine(seed: slots[index].seed.load(ordering: .relaxed), to: descriptor)
        }
    }

    private static func isAt(_ index: Int) -> Bool { slots[index].isBusy.load(ordering: .acquiring) }

    private static func writeLine(seed: UInt64, to descriptor: Int32) {
        put("\n❌ the process ended in the middle of a seed; repeat it: dmq-metadata simulate --seed ", descriptor)
        writeDecimal(seed, descriptor)
        put(" ", descriptor)
        _ = Glibc.write(descriptor, options.baseAddress, options.count)
        put(" --trace\n", descriptor)
    }

    private static func put(_ text: StaticString, _ descriptor: Int32) {
        _ = Glibc.write(descriptor, text.utf8Start, text.utf8CodeUnitCount)
    }

    /// Digit by digit, without a string.
    private static func writeDecimal(_ number: UInt64, _ descriptor: Int32) {
        var power: UInt64 = 1
        while number / power >= 10 { power *= 10 }
        while power > 0 {
            var digit = UInt8(ascii: "0") + UInt8(number / power % 10)
            _ = Glibc.write(descriptor, &digit, 1)
            power /= 10
        }
    }
}
