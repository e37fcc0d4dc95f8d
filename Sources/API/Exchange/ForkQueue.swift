import Dispatch
import Synchronization

/// Work on copies of the state, away from the node: one at a time, and few that wait. While there is a copy, the state's next
/// change copies what it touches, and what was replaced is kept.
final class ForkQueue: Sendable {
    static let maximumShort = 16
    static let maximumLong = 4

    private let queue = DispatchQueue(label: "dmq.api.forks")
    private let maximumCount: Int
    private let count = Atomic<Int>(0)

    init(maximumCount: Int) { self.maximumCount = maximumCount }

    /// False when as many as may be are on their way. Who got true runs something, or gives up.
    func begin() -> Bool {
        guard count.wrappingAdd(1, ordering: .relaxed).newValue > maximumCount else { return true }
        giveUp()
        return false
    }

    func giveUp() { count.wrappingSubtract(1, ordering: .relaxed) }

    func run(_ work: @escaping @Sendable () -> Void) {
        queue.async { [self] in
            work()
            giveUp()
        }
    }
}
