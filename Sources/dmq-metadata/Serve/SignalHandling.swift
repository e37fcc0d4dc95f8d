import Dispatch
import Glibc

/// Signals as events on a queue.
enum SignalHandling {
    /// Calls `body` with the name and the number of each SIGTERM and SIGINT. Keep the result as long as that shall last.
    static func onTermination(
        queue: DispatchQueue, _ body: @escaping @Sendable (_ name: String, _ number: Int32) -> Void
    ) -> [any DispatchSourceSignal] {
        [("SIGTERM", SIGTERM), ("SIGINT", SIGINT)].map { name, number in
            // Without this the default action would end the process before the source sees the signal.
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
            source.setEventHandler { body(name, number) }
            source.activate()
            return source
        }
    }

    /// A peer that hangs up must be an error of a write, and a terminal that goes away no reason to stop.
    static func ignoreHangups() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
    }
}
