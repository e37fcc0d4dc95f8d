import Metadata
import Raft

/// A broker's place in a list. It counts while the broker has its ticket.
struct PushEntry {
    let broker: BrokerID
    let ticket: UInt64
    /// Of the body that it waits for room for.
    let bytes: Int
}

/// Who waits, in order: those who answer at once, and beside them those who are slow, of whom one goes behind three
/// others while there are such.
struct PushLanes {
    private var prompt = Lane()
    private var slow = Lane()
    private var turn = 0

    private struct Lane {
        private var entries: [PushEntry] = []
        private var head = 0

        var first: PushEntry? { head < entries.count ? entries[head] : nil }

        mutating func append(_ entry: PushEntry) { entries.append(entry) }

        mutating func removeFirst() {
            head += 1
            if head == entries.count || head >= 1024 && head * 2 >= entries.count {
                entries.removeFirst(head)
                head = 0
            }
        }
    }

    var isEmpty: Bool { prompt.first == nil && slow.first == nil }

    mutating func append(_ entry: PushEntry, isSlow: Bool) {
        if isSlow { slow.append(entry) } else { prompt.append(entry) }
    }

    /// Whether one of the first in each lane may go.
    func contains(where mayGo: (PushEntry, _ isSlow: Bool) -> Bool) -> Bool {
        prompt.first.map { mayGo($0, false) } ?? false || slow.first.map { mayGo($0, true) } ?? false
    }

    mutating func pop(where mayGo: (PushEntry, _ isSlow: Bool) -> Bool = { _, _ in true }) -> PushEntry? {
        let isPrompt = prompt.first.map { mayGo($0, false) } ?? false
        let isSlow = slow.first.map { mayGo($0, true) } ?? false
        guard isPrompt || isSlow else { return nil }
        turn = (turn + 1) % 4
        defer { if isSlow, !isPrompt || turn == 0 { slow.removeFirst() } else { prompt.removeFirst() } }
        return isSlow && (!isPrompt || turn == 0) ? slow.first : prompt.first
    }
}

/// For bodies on their way. Each lies in its connection's buffer until the broker has read it.
struct PushRoom {
    static let maximumBytes = 64 * 1024 * 1024
    /// Of these, to brokers that were slow the last time.
    static let maximumSlowBytes = 32 * 1024 * 1024
    /// A body of at most so many bytes has room also when large ones have used theirs up, …
    static let smallBytes = 64 * 1024
    /// … namely this.
    static let maximumBytesWithSmall = 96 * 1024 * 1024

    private(set) var bytes = 0
    private var slowBytes = 0

    /// One body has room in any case, or the largest could never go.
    func has(_ more: Int, isSlow: Bool) -> Bool {
        let isSmall = more <= Self.smallBytes
        let limit = isSmall ? Self.maximumBytesWithSmall : Self.maximumBytes
        guard bytes + more <= limit || bytes == 0 else { return false }
        return !isSlow || isSmall || slowBytes + more <= Self.maximumSlowBytes || slowBytes == 0
    }

    mutating func take(_ more: Int, isSlow: Bool) {
        bytes += more
        if isSlow { slowBytes += more }
    }

    mutating func give(_ less: Int, isSlow: Bool) {
        bytes -= less
        if isSlow { slowBytes -= less }
    }
}

/// How much may be told to brokers: so much in a second, and so much at once, that whatever they are owed, the node has
/// time for everything else between two turns.
struct PushAllowance {
    /// What a push costs whatever it says, in bytes.
    static let forEach = 32 * 1024
    /// 125 MB in a second.
    private static let nanosecondsPerByte = 8
    /// 4 MB.
    private static let atOnce: Duration = .milliseconds(32)

    /// By when what was told is paid for.
    private var paid = Instant(nanoseconds: 0)

    func isLeft(now: Instant) -> Bool { paid < now.advanced(by: Self.atOnce) }

    mutating func use(_ bytes: Int, now: Instant) {
        paid = max(paid, now).advanced(by: .nanoseconds(Self.nanosecondsPerByte * bytes))
    }

    /// When there is something left.
    func renewed(now: Instant) -> Instant {
        isLeft(now: now) ? now : now.advanced(by: paid.since(now) - Self.atOnce + .nanoseconds(1))
    }
}
