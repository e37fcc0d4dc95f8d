import Raft

/// Every choice of a simulation, from one seed. Only integer arithmetic of its own: the standard library may change how
/// it draws from a generator, and a seed must tell the same story for ever.
struct Randomness {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

    /// A generator of its own, so that one part's draws do not shift another's.
    mutating func fork() -> Randomness { Randomness(seed: next()) }

    /// In `0..<bound`; the bias of the remainder does not matter here.
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }

    mutating func within(_ range: ClosedRange<Int>) -> Int { range.lowerBound + below(range.count) }

    mutating func chance(_ permille: Int) -> Bool { permille > 0 && below(1000) < permille }

    mutating func pick<Element>(_ elements: [Element]) -> Element { elements[below(elements.count)] }

    /// Between so many microseconds.
    mutating func time(microseconds range: ClosedRange<Int>) -> VirtualTime {
        VirtualTime(nanoseconds: UInt64(within(range)) * 1000 + next() % 1000)
    }

    mutating func time(milliseconds range: ClosedRange<Int>) -> VirtualTime {
        time(microseconds: range.lowerBound * 1000...range.upperBound * 1000)
    }
}

/// Virtual time since the start of the simulation, or a span of it.
struct VirtualTime: Comparable, Hashable, CustomStringConvertible {
    var nanoseconds: UInt64

    static let zero = VirtualTime(nanoseconds: 0)
    static func milliseconds(_ count: Int) -> VirtualTime { VirtualTime(nanoseconds: UInt64(count) * 1_000_000) }
    static func seconds(_ count: Int) -> VirtualTime { milliseconds(count * 1000) }
    static func < (a: Self, b: Self) -> Bool { a.nanoseconds < b.nanoseconds }
    static func + (a: Self, b: Self) -> VirtualTime { VirtualTime(nanoseconds: a.nanoseconds + b.nanoseconds) }

    var seconds: Double { Double(nanoseconds) / 1e9 }

    /// Seconds with six decimals.
    var description: String {
        let fraction = String(nanoseconds / 1000 % 1_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 6 - fraction.count) + fraction
    }
}
