import Metadata

/// One process of a broker that names it, and what it remembers of the one before: it has its directory.
struct BrokerProcess {
    private let broker: Int
    private var number = 0
    /// What the one before was called, if it is gone for certain.
    private(set) var predecessor: String?
    /// What it was told when it registered; `nil` if the cluster does not know of such things yet.
    var epoch: UInt64?
    /// The latest version that it said to know of.
    var said: UInt64 = 0
    var wantsToStop = false
    /// It asks for what changed, and wants to be told who leads only.
    let fetches: Bool

    init(of broker: Int, fetches: Bool) { (self.broker, self.fetches) = (broker, fetches) }

    var name: String { Self.name(broker, number) }

    private static func name(_ broker: Int, _ number: Int) -> String {
        func padded(_ value: Int) -> String {
            let digits = String(value, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return padded(broker) + padded(number)
    }

    /// - Parameter isAlone: The one before is gone.
    mutating func restart(isAlone: Bool = true) {
        predecessor = epoch == nil || !isAlone ? nil : name
        number += 1
        (epoch, said, wantsToStop) = (nil, 0, false)
    }

    /// Another one with the same id, which has no directory.
    func stranger() -> BrokerProcess {
        var other = self
        other.number += 1_000_000
        (other.predecessor, other.epoch) = (nil, nil)
        return other
    }
}
