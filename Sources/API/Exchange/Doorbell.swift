import Synchronization

/// Rings for whoever has been put behind it. What rang before is nobody's: who comes looks once by himself.
final class Doorbell: Sendable {
    private let action = Mutex<(@Sendable () -> Void)?>(nil)

    func ring() { action.withLock { $0 }?() }

    func answer(_ action: @escaping @Sendable () -> Void) { self.action.withLock { $0 = action } }

    func mute() { action.withLock { $0 = nil } }
}
