import Defects
import Metadata
import Raft

/// The updates on their way to brokers. Each broker has its own queue, so that a slow one delays nobody else: one
/// update at a time, in order of version, tried again with growing pauses until it is taken, until a newer snapshot
/// overtakes it, or until leadership ends.
struct BrokerPushes {
    struct Delivery {
        var broker: BrokerID
        var attempt: UInt64
        var body: [UInt8]
    }

    private struct Queue {
        let broker: BrokerID
        /// Each with a number of its own: an update in flight may be overtaken meanwhile.
        var waiting: [(number: UInt64, update: PushUpdate)] = []
        var inFlight: (attempt: UInt64, number: UInt64)?
        var failures = 0
        var retryAt: Instant?
    }

    /// Beyond so many waiting updates one full snapshot says it shorter.
    static let maximumWaiting = 64
    private static let firstPause: Duration = .milliseconds(100)
    private static let longestPause: Duration = .seconds(15)

    /// In ascending broker id.
    private var queues: [Queue] = []
    private var lastAttempt: UInt64 = 0
    private var lastNumber: UInt64 = 0

    private func position(of broker: BrokerID) -> Int? { queues.firstIndex { $0.broker == broker } }

    /// - Returns: whether so much waits that the caller should enqueue a full snapshot instead.
    mutating func enqueue(_ update: PushUpdate, for broker: BrokerID) -> Bool {
        if position(of: broker) == nil {
            queues.append(Queue(broker: broker))
            queues.sort { $0.broker < $1.broker }
        }
        guard let index = position(of: broker) else { return false }
        if update.kind == .fullSnapshot {
            // It says all that earlier updates say. One in flight stays: whether it was taken is not known.
            queues[index].waiting.removeAll()
            queues[index].failures = 0
            queues[index].retryAt = nil
        }
        lastNumber += 1
        queues[index].waiting.append((lastNumber, update))
        return queues[index].waiting.count > Self.maximumWaiting
    }

    /// Forgets what waits for a broker that is not there to take it.
    mutating func drop(_ broker: BrokerID) { queues.removeAll { $0.broker == broker } }

    mutating func dropAll() { queues.removeAll() }

    /// What is to be sent now; each is in flight until ``finished(_:attempt:taken:now:)``.
    mutating func due(now: Instant) -> [Delivery] {
        var deliveries: [Delivery] = []
        for index in queues.indices where queues[index].inFlight == nil || Defect.pushesDoNotWait.isOn {
            let next = Defect.lastPushFirst.isOn ? queues[index].waiting.last : queues[index].waiting.first
            guard let (number, update) = next else { continue }
            if let retryAt = queues[index].retryAt, now < retryAt { continue }
            lastAttempt += 1
            queues[index].inFlight = (lastAttempt, number)
            queues[index].retryAt = nil
            deliveries.append(Delivery(broker: queues[index].broker, attempt: lastAttempt, body: update.body))
        }
        return deliveries
    }

    mutating func finished(_ broker: BrokerID, attempt: UInt64, taken: Bool, now: Instant) {
        guard let index = position(of: broker), let inFlight = queues[index].inFlight, inFlight.attempt == attempt
        else { return }
        queues[index].inFlight = nil
        if taken || Defect.failedPushNotRepeated.isOn {
            queues[index].failures = 0
            queues[index].waiting.removeAll { $0.number == inFlight.number }
        } else {
            let pause = Self.firstPause * (1 << min(queues[index].failures, 8))
            queues[index].failures += 1
            queues[index].retryAt = now.advanced(by: min(pause, Self.longestPause))
        }
    }

    var nextDeadline: Instant? {
        queues.compactMap { $0.inFlight == nil && !$0.waiting.isEmpty ? $0.retryAt ?? Instant(nanoseconds: 0) : nil }
            .min()
    }

    /// Updates that wait or are on their way, for metrics.
    var depth: Int { queues.reduce(0) { $0 + $1.waiting.count } }
}
