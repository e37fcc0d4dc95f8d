import Foundation
import Synchronization

/// Threads that do the same until they are stopped.
final class Workers: Sendable {
    private let isStopping = Mutex(false)
    private let running = DispatchGroup()

    /// Each begins with what `initial` makes of its number, and calls `step` with that again and again.
    init<State>(
        _ count: Int, _ initial: @escaping @Sendable (Int) -> State, _ step: @escaping @Sendable (inout State) -> Void
    ) {
        for number in 0..<count {
            running.enter()
            Thread.detachNewThread { [self] in
                var state = initial(number)
                while !isStopping.withLock({ $0 }) { step(&state) }
                running.leave()
            }
        }
    }

    /// Waits until the last step of each is done.
    func stop() {
        isStopping.withLock { $0 = true }
        running.wait()
    }
}
