/// A term, Raft's logical clock (dissertation §3.3). Starts at 0, before the first election.
public struct Term: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }

    public static let zero = Term(0)
    /// Beyond it no message is believed. JSON carries it exactly.
    public static let maximum = Term(1 << 53)
    /// How far ahead of its own term a node believes another.
    static let largestStep: UInt64 = 1 << 32
    public var next: Term { Term(number + 1) }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { String(number) }
}

/// The place of an entry in the log. The first entry is 1; 0 is "before the log" (dissertation figure 3.1).
public struct LogIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }

    public static let zero = LogIndex(0)
    public var next: LogIndex { LogIndex(number + 1) }
    public var previous: LogIndex { LogIndex(number - 1) }
    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public static func + (a: Self, count: Int) -> LogIndex { LogIndex(a.number + UInt64(count)) }
    public var description: String { String(number) }
}

/// A member of the cluster: a positive number from the services file, never an address.
public struct NodeID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }

    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { String(number) }
}

/// The number of a write to stable storage, in the order in which the core asked for them. Never reused while a
/// process lives, so a late completion can not make an overwritten entry look durable.
public struct WriteID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public var number: UInt64
    public init(_ number: UInt64) { self.number = number }

    public static func < (a: Self, b: Self) -> Bool { a.number < b.number }
    public var description: String { "w\(number)" }
}

/// A moment of a monotonic clock, in nanoseconds from an arbitrary origin.
public struct Instant: Hashable, Comparable, Sendable {
    public var nanoseconds: UInt64
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }

    public func advanced(by duration: Duration) -> Instant {
        Instant(nanoseconds: nanoseconds + duration.wholeNanoseconds)
    }

    /// The time from `earlier` to this instant; zero when `earlier` is later.
    public func since(_ earlier: Instant) -> Duration {
        let span = nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0
        return Duration(attoseconds: Int128(span) * 1_000_000_000)
    }
}

/// What the clocks say when an event is handled: the one for waiting, and the one for people.
public struct Moment: Sendable {
    public var instant: Instant
    /// The wall clock in Unix milliseconds: stamped on new entries, never waited for.
    public var unixMilliseconds: Int64

    public init(instant: Instant, unixMilliseconds: Int64) {
        self.instant = instant
        self.unixMilliseconds = unixMilliseconds
    }
}

extension Duration {
    /// This duration as whole nanoseconds; negative durations count as zero.
    public var wholeNanoseconds: UInt64 {
        // Most are shorter than 18 s: one division of 64 bits, where the components take several of 128.
        if let short = UInt64(exactly: attoseconds) { return short / 1_000_000_000 }
        return attoseconds < 0 ? 0 : UInt64(attoseconds / 1_000_000_000)
    }
}
