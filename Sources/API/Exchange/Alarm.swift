@preconcurrency import Dispatch

/// Rings once when it is time, and again whenever it is set anew. From any thread.
final class Alarm: Sendable {
    private let timer: any DispatchSourceTimer

    init(on queue: DispatchQueue, _ ring: @escaping @Sendable () -> Void) {
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.setEventHandler(handler: ring)
        timer.schedule(deadline: .distantFuture)
        timer.activate()
    }

    deinit { timer.cancel() }

    func set(after pause: Duration) {
        let (seconds, attoseconds) = pause.components
        timer.schedule(deadline: .now() + Double(seconds) + Double(attoseconds) / 1e18)
    }
}
